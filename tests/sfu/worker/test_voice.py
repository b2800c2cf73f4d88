from sfu.rtp.loudest import Loudest
from sfu.rtp.packet import parse_rtp_header
from sfu.worker.voice import Voice
from tests.support.media_rig import AUDIO_LEVEL_ID, audio


class Ears:
    """An observer that notes what it hears, and gives one place to the loudest."""

    def __init__(self) -> None:
        self.loudest = Loudest(1)
        self.noted: list[tuple[str, int]] = []

    def heard(self, voice: Voice, loudness: int, now: float) -> None:
        self.noted.append((voice.producer_id, loudness))
        if voice.contender is not None:
            self.loudest.heard(voice.contender, loudness, now)

    def fell_silent(self, voice: Voice) -> None:
        raise AssertionError("nobody is paused here")


def pass_by(voice: Voice, dbov: int | None, now: float) -> bool:
    """Do as a producer does with a packet; tell whether it was forwarded."""
    packet = audio(1, dbov=dbov)
    if not voice.admits(packet, parse_rtp_header(packet, len(packet)), now):
        return False
    voice.heard(None if dbov is None else 127 + dbov, now)
    return True


def test_every_packet_is_heard_once_whether_it_is_forwarded_or_wins_a_place_or_not() -> None:
    ears = Ears()
    ada, bela = (Voice(name, AUDIO_LEVEL_ID, ears, competes=True) for name in ("ada", "bela"))
    assert [pass_by(ada, -40, 1.0 + n / 50) for n in range(3)] == [True] * 3
    assert [pass_by(bela, -20, 1.1 + n / 50) for n in range(3)] == [False, True, True]
    assert [pass_by(ada, -40, 1.2 + n / 50) for n in range(2)] == [False] * 2
    assert ears.noted == [*[("ada", 87)] * 3, *[("bela", 107)] * 3, *[("ada", 87)] * 2]


def test_without_levels_every_packet_passes_unheard_until_the_first_one() -> None:
    ears = Ears()
    ada, bela = (Voice(name, AUDIO_LEVEL_ID, ears, competes=True) for name in ("ada", "bela"))
    pass_by(ada, -20, 1.0)
    assert [pass_by(bela, level, 1.1) for level in (None, None, -90, None)] == [True, True, False, False]
    assert ears.noted == [("ada", 107), ("bela", 37)]


def test_where_nobody_competes_all_pass_and_are_heard() -> None:
    ears = Ears()
    ada = Voice("ada", AUDIO_LEVEL_ID, ears, competes=False)
    assert all(pass_by(ada, level, 1.0) for level in (-127, -20, None))
    assert ears.noted == [("ada", 0), ("ada", 107)]
