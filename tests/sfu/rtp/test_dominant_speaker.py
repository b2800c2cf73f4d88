"""Who speaks: simulated conversations of seeded loudness, 20 ms a packet, a decision every 300 ms."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.rtp.dominant_speaker import BLOCKS, MIN_LONG, DominantSpeaker, speech_scores
from sfu.rtp.voice_activity import MAX_BAND, SLOTS, VoiceActivity
from tests.support.conversation import Conversation, Levels, burst, room_noise, seeded, silence, speech

PROMPT_S = 1.2
"""A second of speech, give or take a syllable and a decision."""

SEEDS = pytest.mark.parametrize("seed", range(12))


@pytest.fixture
def rng(seed: int) -> random.Random:
    return seeded(seed)


def test_scores_grow_with_speech() -> None:
    silent, half, all_of_it = (
        speech_scores(bytes(SLOTS - n) + bytes([MAX_BAND // 2]) * n) for n in (0, SLOTS // 2, SLOTS)
    )
    assert silent.active_blocks == 0
    assert half.active_blocks == BLOCKS // 2
    assert all_of_it.active_blocks == BLOCKS
    assert silent.long < half.long < all_of_it.long
    assert silent.medium < half.medium == all_of_it.medium
    assert silent.immediate < half.immediate == all_of_it.immediate


def test_clicks_are_no_blocks_of_speech() -> None:
    assert speech_scores(bytes([MAX_BAND, MAX_BAND, 0, 0, 0]) * BLOCKS).active_blocks == 0
    assert speech_scores(bytes([1, 1, 1, 0, 0]) * BLOCKS).active_blocks == BLOCKS


@SEEDS
@pytest.mark.parametrize("before", [[], silence(2), room_noise(seeded(99), 2)], ids=["none", "off", "room"])
def test_a_single_speaker_is_found_promptly_and_once(rng: random.Random, before: Levels) -> None:
    room = Conversation()
    room.play({"ada": before + speech(rng, 20)})
    [(when, name)] = room.turns
    assert name == "ada"
    assert when <= len(before) * 0.02 + PROMPT_S


@SEEDS
def test_a_soft_voice_is_found_as_well(rng: random.Random) -> None:
    room = Conversation()
    room.play({"ada": room_noise(rng, 3) + speech(rng, 10, dbov=-43), "bela": room_noise(rng, 13)})
    assert room.speakers == ["ada"]


def test_nobody_speaks_in_a_quiet_room() -> None:
    rng = seeded(7)
    room = Conversation()
    room.play({"ada": room_noise(rng, 30), "bela": silence(30), "carol": room_noise(rng, 30, dbov=-50)})
    assert room.turns == []


@SEEDS
def test_those_who_take_turns_are_followed_within_a_second_and_a_half(rng: random.Random) -> None:
    room = Conversation()
    ada, bela = Levels(), Levels()
    for _ in range(6):
        ada += speech(rng, 4) + room_noise(rng, 4)
        bela += room_noise(rng, 4) + speech(rng, 4)
    room.play({"ada": ada, "bela": bela})
    assert room.speakers == ["ada", "bela"] * 6
    for turn, (when, _) in enumerate(room.turns):
        assert 0 < when - 4 * turn <= 1.5


@SEEDS
def test_coughs_and_doors_take_nothing(rng: random.Random) -> None:
    room = Conversation()
    noisy = room_noise(rng, 2)
    for _ in range(25):
        noisy += burst(rng, rng.uniform(0.05, 0.4)) + room_noise(rng, rng.uniform(0.9, 3))
    spoken = speech(rng, 30) + room_noise(rng, 60)
    room.play({"ada": spoken, "coughs": noisy})
    assert room.speakers == ["ada"], "neither in speech nor in the long silence after it"


@SEEDS
def test_one_cough_in_an_empty_room_is_no_speaker(rng: random.Random) -> None:
    room = Conversation()
    room.play({"ada": room_noise(rng, 3) + burst(rng, 0.4) + room_noise(rng, 3)})
    assert room.turns == []


@SEEDS
@pytest.mark.parametrize("people", [2, 5])
def test_crosstalk_does_not_flap(rng: random.Random, people: int) -> None:
    room = Conversation()
    room.play({f"p{n}": speech(rng, 60, dbov=rng.uniform(-32, -20)) for n in range(people)})
    assert 1 <= len(room.turns) <= 8
    gaps = [later - earlier for (earlier, _), (later, _) in zip(room.turns, room.turns[1:], strict=False)]
    assert all(gap >= 0.5 for gap in gaps)


@SEEDS
def test_a_loud_fan_loses_against_a_soft_voice(rng: random.Random) -> None:
    room = Conversation()
    room.play({"fan": room_noise(rng, 30, dbov=-26), "ada": speech(rng, 30, dbov=-40)})
    assert room.speakers == ["ada"]


@SEEDS
def test_a_fan_that_is_switched_on_takes_nothing(rng: random.Random) -> None:
    room = Conversation()
    fan = room_noise(rng, 8) + room_noise(rng, 22, dbov=-26)
    room.play({"fan": fan, "ada": speech(rng, 7) + room_noise(rng, 23)})
    assert room.speakers == ["ada"]


@SEEDS
def test_who_speaks_beside_a_fan_is_found(rng: random.Random) -> None:
    room = Conversation()
    room.play({"ada": room_noise(rng, 8, dbov=-50) + speech(rng, 10, dbov=-25, noise_dbov=-50)})
    assert room.speakers == ["ada"]


@SEEDS
def test_discontinuous_transmission_takes_turns_alike(rng: random.Random) -> None:
    room = Conversation()

    def paused(seconds: float) -> list[int | None]:
        """A packet of comfort noise every 400 ms, as Opus has it."""
        return [10 if n % 20 == 0 else None for n in range(round(seconds / 0.02))]

    ada: list[int | None] = []
    bela: list[int | None] = []
    for _ in range(3):
        ada += [*speech(rng, 4), *paused(4)]
        bela += [*paused(4), *speech(rng, 4)]
    room.play({"ada": ada, "bela": bela})
    assert room.speakers == ["ada", "bela"] * 3


def test_the_last_speaker_keeps_the_floor_in_silence_and_nothing_is_due() -> None:
    rng = seeded(1)
    room = Conversation()
    room.play({"ada": room_noise(rng, 1) + speech(rng, 5) + room_noise(rng, 3)})
    assert room.speakers == ["ada"]
    assert room.room.current is room.voice("ada")
    assert room.room.is_idle


def test_who_leaves_is_speaker_no_more_and_the_floor_goes_to_who_speaks() -> None:
    rng = seeded(2)
    room = Conversation()
    room.play({"ada": speech(rng, 5), "bela": speech(rng, 5)})
    first = room.room.current
    assert first is not None
    room.room.leave(first)
    assert room.room.current is None
    other = "bela" if first.name == "ada" else "ada"
    room.play({other: speech(rng, 2)})
    assert room.speakers[-1] == other
    assert room.seconds - room.turns[-1][0] > 2 - PROMPT_S


def test_who_comes_back_after_a_pause_is_told_again() -> None:
    rng = seeded(3)
    room = Conversation()
    room.play({"ada": speech(rng, 3)})
    room.room.leave(room.voice("ada"))
    room.play({"nobody": silence(1)})
    assert room.speakers == ["ada"]
    room.play({"ada": speech(rng, 3)})
    assert room.speakers == ["ada", "ada"]


voices = st.sampled_from("abcd")
steps = st.one_of(
    st.tuples(st.just("speak"), voices, st.integers(0, 1000)),
    st.tuples(st.just("noise"), voices, st.integers(0, 1000)),
    st.tuples(st.just("burst"), voices, st.integers(0, 1000)),
    st.tuples(st.just("leave"), voices, st.just(0)),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, max_size=12))
def test_there_is_one_speaker_at_most_and_never_one_who_has_left(happenings: list[tuple[str, str, int]]) -> None:
    room = Conversation()
    present: set[str] = set()
    for what, name, seed in happenings:
        rng = seeded(seed)
        turns = len(room.turns)
        if what == "leave":
            room.room.leave(room.voice(name))
            present.discard(name)
            room.play({"nobody": silence(1)})
        else:
            present.add(name)
            room.play({name: {"speak": speech, "noise": room_noise, "burst": burst}[what](rng, 1.0)})
        assert {speaker for _, speaker in room.turns[turns:]} <= present
        current = room.room.current
        assert current is None or current.name in present
        assert current is None or room.speakers[-1] == current.name


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 127), st.floats(0, 0.5)), max_size=200))
def test_any_levels_at_any_time_are_digested(packets: list[tuple[int, int, float]]) -> None:
    room, everybody, now = DominantSpeaker(), [VoiceActivity(str(n)) for n in range(4)], 10.0
    for who, level, step in packets:
        now += step
        room.heard(everybody[who], level, now)
        changed = room.decide(now)
        if changed is not None:
            assert changed is room.current
            assert speech_scores(changed.bands()).active_blocks >= MIN_LONG
    assert room.decide(now + 10) is None
    assert room.is_idle
