from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.rtp.loudest import DECAY_DB_PER_S, HANG_OVER_S, HYSTERESIS_DB, Contender, Loudest
from tests.support.conversation import Levels, room_noise, seeded, speech

PACKET_S = 0.02
LOUD, SOFT = 105, 85


class Stage:
    """Contenders for a few places; the clock runs a packet at a time."""

    def __init__(self, limit: int, people: int) -> None:
        self.loudest = Loudest(limit)
        self.people = [Contender() for _ in range(people)]
        self.now = 200.0

    def play(self, levels: dict[int, Levels]) -> list[set[int]]:
        """Let these be heard; return who was forwarded after each packet's time."""
        history = []
        for slot in range(max(len(each) for each in levels.values())):
            self.now += PACKET_S
            for who, each in levels.items():
                if slot < len(each):
                    self.loudest.heard(self.people[who], each[slot], self.now)
            history.append(self.forwarded)
        return history

    @property
    def forwarded(self) -> set[int]:
        return {n for n, contender in enumerate(self.people) if contender.forwarded}


def test_all_are_forwarded_while_there_are_places() -> None:
    stage = Stage(3, 3)
    assert stage.play({0: [LOUD] * 5, 1: [SOFT] * 5, 2: [0] * 5}) == [{0, 1, 2}] * 5


def test_who_never_tells_a_loudness_is_forwarded_and_takes_no_place() -> None:
    stage = Stage(1, 3)
    stage.play({0: [LOUD] * 5, 1: [SOFT] * 5})
    assert stage.forwarded == {0, 2}


def test_the_loudest_are_forwarded_from_their_second_packet_on() -> None:
    stage = Stage(2, 4)
    stage.play({0: [SOFT] * 20, 1: [LOUD] * 20, 2: [SOFT] * 20})
    assert stage.forwarded == {0, 1, 3}
    [first, second] = stage.play({0: [SOFT] * 2, 1: [LOUD] * 2, 2: [SOFT] * 2, 3: [LOUD] * 2})
    assert 3 not in first, "one packet alone might be a click"
    assert second == {1, 3}


def test_a_little_louder_is_not_enough() -> None:
    stage = Stage(1, 2)
    stage.play({0: [SOFT] * 20, 1: [SOFT + HYSTERESIS_DB] * 20})
    assert stage.forwarded == {0}
    stage.play({0: [SOFT] * 3, 1: [SOFT + HYSTERESIS_DB + 1] * 3})
    assert stage.forwarded == {1}


def test_a_short_pause_costs_no_place_and_a_long_one_does() -> None:
    stage = Stage(1, 2)
    stage.play({0: [LOUD] * 20, 1: [SOFT] * 20})
    pause = round(HANG_OVER_S / PACKET_S) - 1
    assert stage.play({0: [0] * pause, 1: [SOFT] * pause}) == [{0}] * pause
    assert stage.play({0: [LOUD] * 5, 1: [SOFT] * 5}) == [{0}] * 5
    history = stage.play({0: [0] * 60, 1: [SOFT] * 60})
    fading = (LOUD - SOFT + HYSTERESIS_DB) / DECAY_DB_PER_S
    assert history.index({1}) * PACKET_S == pytest.approx(HANG_OVER_S + fading, abs=0.05)


def test_silence_takes_no_place_from_anybody() -> None:
    stage = Stage(1, 2)
    stage.play({0: [LOUD] * 5})
    stage.now += 1000
    assert stage.play({1: [0] * 50}) == [{0}] * 50
    assert stage.play({1: [SOFT] * 2})[-1] == {1}


def test_the_favoured_one_has_a_place_however_soft() -> None:
    stage = Stage(2, 4)
    stage.play({0: [LOUD] * 9, 1: [LOUD - 10] * 9, 2: [SOFT] * 9, 3: [LOUD - 20] * 9})
    assert stage.forwarded == {0, 1}
    stage.loudest.favour(stage.people[2], stage.now)
    assert stage.forwarded == {0, 2}
    stage.play({0: [LOUD] * 9, 1: [LOUD + 15] * 9, 2: [0] * 9, 3: [LOUD] * 9})
    assert stage.forwarded == {1, 2}
    stage.loudest.favour(stage.people[1], stage.now)
    stage.play({0: [LOUD] * 60, 1: [0] * 60, 2: [0] * 60})
    assert stage.forwarded == {0, 1}, "who was favoured before competes like everybody"


def test_with_one_place_the_favoured_one_has_it() -> None:
    stage = Stage(1, 2)
    stage.play({0: [SOFT] * 5, 1: [SOFT] * 5})
    stage.loudest.favour(stage.people[0], stage.now)
    assert stage.play({0: [0] * 99, 1: [127] * 99}) == [{0}] * 99
    stage.loudest.leave(stage.people[0])
    assert stage.play({1: [127]}) == [{0, 1}], "0 is unknown again"


def test_who_leaves_frees_the_place_and_comes_back_as_new() -> None:
    stage = Stage(1, 2)
    stage.play({0: [LOUD] * 5, 1: [SOFT] * 5})
    stage.loudest.leave(stage.people[0])
    stage.play({1: [SOFT]})
    stage.play({0: [SOFT]})
    assert stage.forwarded == {1}


def test_a_conversation_of_many_keeps_who_speaks_and_is_calm() -> None:
    rng = seeded(4)
    stage = Stage(3, 20)
    levels = {n: room_noise(rng, 20, dbov=rng.uniform(-70, -50)) for n in range(20)}
    levels[5] = speech(rng, 20)
    levels[9] = room_noise(rng, 5) + speech(rng, 15)
    history = stage.play(levels)
    assert all(5 in forwarded for forwarded in history[25:])
    spoken = history[round(5.4 / PACKET_S) :]
    assert all({5, 9} <= forwarded for forwarded in spoken)
    assert all(len(forwarded) == 3 for forwarded in history)
    changes = sum(earlier != later for earlier, later in pairwise(history))
    assert changes <= 20


happening = st.tuples(st.integers(0, 7), st.sampled_from(["hear", "leave", "favour"]), st.integers(0, 127))


@given(st.integers(1, 8), st.lists(st.tuples(happening, st.floats(0, 2)), max_size=200))
def test_there_are_never_more_than_the_places(
    limit: int, happenings: list[tuple[tuple[int, str, int], float]]
) -> None:
    stage = Stage(limit, 8)
    told: set[int] = set()
    favoured: int | None = None
    for (who, what, level), step in happenings:
        stage.now += step
        contender = stage.people[who]
        if what == "hear":
            stage.loudest.heard(contender, level, stage.now)
            told.add(who)
        elif what == "leave":
            stage.loudest.leave(contender)
            told.discard(who)
            favoured = None if favoured == who else favoured
        elif who in told:
            stage.loudest.favour(contender, stage.now)
            favoured = who
        places = stage.forwarded & told
        assert len(places) <= limit
        assert what != "hear" or len(places) == limit or who in places, "nobody waits beside a free place"
        assert favoured is None or favoured in places
