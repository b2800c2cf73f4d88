import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.rtp.retransmission_buffer import MAX_AGE_S, MIN_AGE_S, RetransmissionBuffer
from tests.support.rtp_packets import BOUNDARIES


def held(buffer: RetransmissionBuffer) -> list[int]:
    return sorted(entry[0] for entry in buffer._ring if entry is not None)


@pytest.mark.parametrize("start", BOUNDARIES)
def test_gives_back_what_was_added(start: int) -> None:
    buffer = RetransmissionBuffer(max_packets=16)
    for seq in range(start, start + 100):
        buffer.add(seq, b"%d" % seq, 1.0)
    for seq in range(start + 84, start + 100):
        assert buffer.get(seq, 1.0) == b"%d" % seq
    assert buffer.get(start + 83, 1.0) is None
    assert buffer.get(start + 100, 1.0) is None


def test_what_is_too_old_is_neither_given_nor_kept() -> None:
    buffer = RetransmissionBuffer(max_packets=64, max_age_s=1.0)
    buffer.add(1, b"a", 1.0)
    buffer.add(2, b"b", 1.5)
    assert buffer.get(1, 2.0) == b"a"
    assert buffer.get(1, 2.1) is None
    buffer.add(3, b"c", 2.1)
    assert held(buffer) == [2, 3]


def test_bytes_are_bounded_and_counted() -> None:
    buffer = RetransmissionBuffer(max_packets=64, max_bytes=10_000)
    for seq in range(0, 200, 2):
        buffer.add(seq, bytes(1000), 1.0)
    assert held(buffer) == list(range(180, 200, 2))
    assert buffer.size_bytes == 10_000
    buffer.add(199, bytes(20_000), 1.0)
    assert (held(buffer), buffer.size_bytes) == ([], 0)
    buffer.add(200, bytes(500), 1.0)
    buffer.add(200, bytes(700), 1.0)
    assert (held(buffer), buffer.size_bytes) == ([200], 700)
    buffer.clear()
    assert buffer.size_bytes == 0


@pytest.mark.parametrize(("rtt_s", "age_s"), [(0.0, MIN_AGE_S), (0.1, MIN_AGE_S), (0.6, 1.8), (5.0, MAX_AGE_S)])
def test_a_far_receiver_has_more_time(rtt_s: float, age_s: float) -> None:
    buffer = RetransmissionBuffer()
    buffer.serve_round_trip(rtt_s)
    buffer.add(1, b"a", 10.0)
    assert buffer.get(1, 10.0 + age_s - 0.01) == b"a"
    assert buffer.get(1, 10.0 + age_s + 0.01) is None


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 400), st.floats(0, 0.1)), max_size=200))
def test_the_count_of_bytes_is_always_right_and_within_its_bound(steps: list[tuple[int, int, float]]) -> None:
    buffer = RetransmissionBuffer(max_packets=64, max_age_s=1.0, max_bytes=2000)
    now = 1.0
    for seq, size, pause in steps:
        now += pause
        buffer.add(seq, bytes(size), now)
        assert buffer.size_bytes == sum(len(entry[1]) for entry in buffer._ring if entry is not None) <= 2000


def test_a_late_packet_finds_its_place() -> None:
    buffer = RetransmissionBuffer(max_packets=16)
    for seq in (10, 12, 8):
        buffer.add(seq, b"%d" % seq, 1.0)
    buffer.add(11, b"11", 1.0)
    assert buffer.get(11, 1.0) == b"11"
    assert buffer.get(8, 1.0) == b"8"
    assert buffer.get(9, 1.0) is None


def test_a_packet_outside_the_ring_displaces_nothing() -> None:
    buffer = RetransmissionBuffer(max_packets=16)
    for seq in range(100, 116):
        buffer.add(seq, b"%d" % seq, 1.0)
    buffer.add(99, b"late", 1.0)
    assert buffer.get(99, 1.0) is None
    assert buffer.get(115, 1.0) == b"115"


def test_a_jump_lets_everything_go() -> None:
    buffer = RetransmissionBuffer(max_packets=16)
    for seq in (5, 6, 7, 1000):
        buffer.add(seq, b"p", 1.0)
    assert held(buffer) == [1000]


def test_clear() -> None:
    buffer = RetransmissionBuffer(max_packets=16)
    buffer.add(5, b"p", 1.0)
    buffer.clear()
    assert buffer.get(5, 1.0) is None
    buffer.add(6, b"q", 1.0)
    assert buffer.get(6, 1.0) == b"q"
    assert held(buffer) == [6]


@given(st.lists(st.tuples(st.integers(-20, 40), st.floats(0, 0.4)), max_size=120))
def test_holds_exactly_the_young_packets_of_the_window(steps: list[tuple[int, float]]) -> None:
    buffer = RetransmissionBuffer(max_packets=32, max_age_s=1.0)
    now, newest = 10.0, 1000
    stored: dict[int, tuple[bytes, float]] = {}
    for number, (step, delay) in enumerate(steps):
        now += delay
        seq = newest + step
        packet = b"%d" % number
        buffer.add(seq, packet, now)
        if newest - seq < 32 or not stored:
            stored[seq] = packet, now
        newest = max(newest, seq) if number else seq
        for known, (content, at) in stored.items():
            young = known > newest - 32 and now - at <= 1.0
            assert buffer.get(known, now) == (content if young else None)
        assert len(held(buffer)) <= 32
        assert all(seq > newest - 32 for seq in held(buffer))
