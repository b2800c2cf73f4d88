import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.rtp.voice_activity import (
    AUDIBLE,
    FLOOR_PART_SLOTS,
    FLOOR_PARTS,
    MARGIN_DB,
    MAX_BAND,
    MAX_FLOOR,
    MIN_FLOOR,
    SLOTS,
    VoiceActivity,
)
from tests.support.conversation import room_noise, seeded, speech

START = 3000.0


def hear(voice: VoiceActivity, levels: list[int], start: float = START, every_s: float = 0.02) -> float:
    for n, level in enumerate(levels):
        voice.heard(level, start + n * every_s)
    return start + len(levels) * every_s


def test_at_first_there_is_silence() -> None:
    voice = VoiceActivity("ada")
    assert voice.bands() == bytes(SLOTS)
    assert (voice.is_audible, voice.volume(), voice.is_steady()) == (False, -127, True)


def test_bands_count_what_stands_out_of_the_noise_newest_last() -> None:
    voice = VoiceActivity("ada")
    hear(voice, [0] * SLOTS + [AUDIBLE - 1, AUDIBLE, AUDIBLE + 3, 127])
    assert voice.noise_floor == MIN_FLOOR
    assert voice.bands() == bytes(SLOTS - 3) + bytes([1, 2, MAX_BAND])
    assert voice.volume() == round((AUDIBLE + AUDIBLE + 3 + 127) / 3) - 127


def test_the_floor_sinks_at_once_and_rises_when_the_quiet_is_forgotten() -> None:
    voice = VoiceActivity("ada")
    now = hear(voice, [70] * FLOOR_PART_SLOTS)
    assert voice.noise_floor == 70
    now = hear(voice, [62], now)
    assert voice.noise_floor == 62
    now = hear(voice, [90] * (FLOOR_PARTS * FLOOR_PART_SLOTS - 1), now)
    assert voice.noise_floor == 62, "the part with the quiet moment is among those remembered"
    hear(voice, [90] * FLOOR_PART_SLOTS, now)
    assert voice.noise_floor == 90
    assert voice.bands() == bytes(SLOTS)


def test_the_floor_has_bounds() -> None:
    silent, loud = VoiceActivity("ada"), VoiceActivity("bela")
    hear(silent, [0] * 500)
    hear(loud, [120] * 500)
    assert (silent.noise_floor, loud.noise_floor) == (MIN_FLOOR, MAX_FLOOR)
    assert min(loud.bands()) > 0


@pytest.mark.parametrize("packet_s", [0.01, 0.02, 0.04, 0.06, 0.12])
def test_packets_of_any_length_fill_the_second_alike(packet_s: float) -> None:
    voice = VoiceActivity("ada")
    hear(voice, [57] * 10)
    end = hear(voice, [100] * round(3 / packet_s), START + 1, packet_s)
    voice.catch_up(end)
    assert SLOTS - voice.bands().count(0) >= SLOTS - 6


def test_packets_in_bunches_count_as_if_they_came_evenly() -> None:
    even, bunched = VoiceActivity("even"), VoiceActivity("bunched")
    levels = [57] * 50 + speech(seeded(5), 4)
    hear(even, levels)
    for n, level in enumerate(levels):
        bunched.heard(level, START + 0.02 * (n - n % 4 + 4))
    assert bunched.bands() == even.bands()


def test_a_flood_of_loud_packets_is_worth_no_more_than_its_time() -> None:
    voice = VoiceActivity("ada")
    now = hear(voice, [0] * SLOTS)
    for n in range(1000):
        voice.heard(127, now + n * 0.0001)
    assert SLOTS - voice.bands().count(0) <= 11, "0.1 s, and as much for jitter"


def test_silence_follows_when_packets_stop() -> None:
    voice = VoiceActivity("ada")
    now = hear(voice, [57] * 50 + [100] * 50)
    voice.catch_up(now + 0.09)
    assert voice.bands().count(0) == 0, "that much may be jitter"
    voice.catch_up(now + 0.5)
    assert voice.bands().count(0) == 25
    voice.catch_up(now + 3600)
    assert voice.bands() == bytes(SLOTS)
    assert not voice.is_audible
    hear(voice, [100], now + 7200)
    assert voice.bands() == bytes(SLOTS - 1) + bytes([(100 - AUDIBLE) // 3 + 1])


def test_forgetting_keeps_the_noise() -> None:
    voice = VoiceActivity("ada")
    hear(voice, [80] * 300)
    voice.forget()
    assert not voice.is_audible
    hear(voice, [80], START + 5)
    assert voice.noise_floor == 80


@pytest.mark.parametrize("seed", range(5))
def test_speech_varies_and_noise_does_not(seed: int) -> None:
    rng = seeded(seed)
    speaker, fan = VoiceActivity("speaker"), VoiceActivity("fan")
    hear(speaker, room_noise(rng, 2) + speech(rng, 10, dbov=-42))
    hear(fan, room_noise(rng, 2) + room_noise(rng, 1, dbov=-28))
    assert not speaker.is_steady()
    assert fan.is_steady()
    assert fan.bands().count(0) < 10, "it is loud above what was there before it"


@given(st.lists(st.tuples(st.integers(0, 127), st.floats(-1, 3)), max_size=300))
def test_whatever_comes_the_second_stays_a_second(packets: list[tuple[int, float]]) -> None:
    voice = VoiceActivity("ada")
    now = START
    for level, step in packets:
        now += step
        voice.heard(level, now)
        assert len(voice.bands()) == SLOTS
        assert len(voice._slots) <= 3 * SLOTS
        assert MIN_FLOOR <= voice.noise_floor <= MAX_FLOOR
        assert voice.volume() == -127 or -127 + voice.noise_floor + MARGIN_DB <= voice.volume() <= 0
