import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.bwe.transport_cc_feedback import (
    INTERVAL_S,
    KEPT_S,
    MAX_BODY_BYTES,
    MAX_KEPT,
    MAX_LATE,
    MIN_DELAY_S,
    TransportCcFeedbackGenerator,
)
from sfu.rtp.rtcp import TransportFeedback, serialize_rtcp
from sfu.rtp.rtcp.transport_feedback import MAX_STATUSES
from tests.support.rtp_packets import BOUNDARIES


def at(ticks: int) -> float:
    """A moment within a tick of 250 µs, clear of rounding."""
    return (ticks + 0.5) / 4000


def decode(data: bytes) -> list[tuple[int, int | None]]:
    """Read a feedback from its bytes, by the draft alone: sequence numbers with arrival ticks, None when lost."""
    flags, kind, words, _, _, base, count, time_and_count = struct.unpack_from("!BBHLLHHL", data)
    assert (flags & 0xDF, kind, (words + 1) * 4) == (0x8F, 205, len(data))
    if flags & 0x20:
        data = data[: len(data) - data[-1]]
    position, symbols = 20, ""
    bits = {"0": "00", "1": "01"}
    while len(symbols) < 2 * count:
        chunk = f"{int.from_bytes(data[position : position + 2]):016b}"
        position += 2
        if chunk[0] == "0":
            symbols += chunk[1:3] * int(chunk[3:], 2)
        elif chunk[1] == "0":
            symbols += "".join(bits[bit] for bit in chunk[2:])
        else:
            symbols += chunk[2:]
    ticks = (time_and_count >> 8) * 256
    packets: list[tuple[int, int | None]] = []
    for index in range(count):
        size = {"00": 0, "01": 1, "10": 2}[symbols[2 * index : 2 * index + 2]]
        if size:
            ticks += int.from_bytes(data[position : position + size], signed=size == 2)
            position += size
        packets.append(((base + index) & 0xFFFF, ticks if size else None))
    assert position == len(data)
    return packets


def reported(feedbacks: list[TransportFeedback]) -> list[tuple[int, int | None]]:
    return [packet for feedback in feedbacks for packet in decode(feedback.serialize())]


@pytest.mark.parametrize("start", BOUNDARIES)
def test_reports_arrivals_and_losses_over_the_wrap(start: int) -> None:
    generator = TransportCcFeedbackGenerator(sender_ssrc=1, media_ssrc=2)
    for offset in (0, 1, 4, 5):
        generator.received((start + offset) & 0xFFFF, at(4000 + 4 * offset))
    (feedback,) = generator.due(2.0)
    assert (feedback.sender_ssrc, feedback.media_ssrc, feedback.feedback_count) == (1, 2, 0)
    assert feedback.base_sequence == start
    assert feedback.packets == (160, 4, None, None, 12, 4)
    assert feedback.reference_time == 15
    expected = [4000, 4004, None, None, 4016, 4020]
    assert reported([feedback]) == [((start + index) & 0xFFFF, ticks) for index, ticks in enumerate(expected)]


def test_bytes_computed_by_hand() -> None:
    generator = TransportCcFeedbackGenerator(sender_ssrc=1, media_ssrc=2)
    for seq, ticks in ((65534, 512), (65535, 514), (1, 813), (2, 811)):
        generator.received(seq, at(ticks))
    # Reference 512 ticks are 2 * 64 ms. Statuses: small 0, small 2, lost, large 299, large -2; two bits each.
    # 11 01 01 00 10 10 00 00 is 0xd4a0.
    assert serialize_rtcp(generator.due(1.0)) == bytes.fromhex(
        "8fcd0006 00000001 00000002 fffe0005 00000200 d4a0 0002012bfffe"
    )


def test_timing() -> None:
    generator = TransportCcFeedbackGenerator()
    assert generator.next_timeout() is None
    assert generator.due(5.0) == []
    generator.received(1, 10.0)
    assert generator.next_timeout() == 10.0 + MIN_DELAY_S
    assert generator.due(10.0) == []
    assert len(generator.due(10.06)) == 1
    assert generator.next_timeout() is None
    generator.received(2, 10.061)
    assert generator.next_timeout() == 10.06 + INTERVAL_S
    assert [feedback.feedback_count for feedback in generator.due(10.2)] == [1]
    assert generator.due(10.3) == []


def test_losses_at_the_end_are_told_once_a_later_packet_comes() -> None:
    generator = TransportCcFeedbackGenerator()
    generator.received(1, 10.0)
    generator.due(11.0)
    generator.received(4, 11.0)
    (feedback,) = generator.due(12.0)
    assert feedback.base_sequence == 2
    assert [delta is None for delta in feedback.packets] == [True, True, False]


def test_a_late_packet_is_told_of_with_what_was_told_before() -> None:
    generator = TransportCcFeedbackGenerator()
    generator.received(1, at(40000))
    generator.received(3, at(40008))
    generator.due(10.1)
    generator.received(2, at(40440))
    generator.received(4, at(40480))
    assert reported(generator.due(10.3)) == [(2, 40440), (3, 40008), (4, 40480)]


def test_what_was_told_is_forgotten_after_a_while() -> None:
    generator = TransportCcFeedbackGenerator()
    for seq in range(100):
        generator.received(seq, 10.0)
    generator.due(10.0 + KEPT_S + 0.1)
    assert generator._arrivals == {}


def test_a_packet_of_long_ago_is_not_told_of() -> None:
    generator = TransportCcFeedbackGenerator()
    generator.received(5000, 10.0)
    generator.received(5000 - MAX_LATE - 1, 10.0)
    assert reported(generator.due(11.0)) == [(5000, 40000)]


def test_a_duplicate_keeps_the_first_arrival() -> None:
    generator = TransportCcFeedbackGenerator()
    generator.received(7, 10.0)
    generator.received(7, 10.01)
    assert reported(generator.due(11.0)) == [(7, 40000)]


def test_a_long_silence_starts_another_feedback() -> None:
    generator = TransportCcFeedbackGenerator()
    for seq, ticks in ((1, 40000), (2, 72800), (4, 36000)):
        generator.received(seq, at(ticks))
    feedbacks = generator.due(19.0)
    assert [feedback.base_sequence for feedback in feedbacks] == [1, 2, 3]
    assert [feedback.feedback_count for feedback in feedbacks] == [0, 1, 2]
    assert reported(feedbacks) == [(1, 40000), (2, 72800), (3, None), (4, 36000)]


def test_many_packets_are_split_to_fit_datagrams() -> None:
    generator = TransportCcFeedbackGenerator()
    expected: list[tuple[int, int | None]] = []
    for index in range(3000):
        seq = 60_000 + index & 0xFFFF
        if index % 3 == 1:
            expected.append((seq, None))
            continue
        ticks = 40_000 + index * 3 + (2000 if index % 2 else 0)
        generator.received(seq, at(ticks))
        expected.append((seq, ticks))
    feedbacks = generator.due(20.0)
    assert len(feedbacks) > 1
    assert all(len(feedback.serialize()) <= MAX_BODY_BYTES + 24 for feedback in feedbacks)
    assert reported(feedbacks) == expected


def test_a_jump_that_no_feedback_can_span_starts_anew() -> None:
    generator = TransportCcFeedbackGenerator()
    generator.received(1, 10.0)
    generator.received(2 + MAX_STATUSES, 10.0)
    assert reported(generator.due(11.0)) == [(2 + MAX_STATUSES, 40000)]


def test_the_widest_gap_fits_one_feedback() -> None:
    generator = TransportCcFeedbackGenerator()
    generator.received(1, 10.0)
    generator.received(MAX_STATUSES, 10.0)
    (feedback,) = generator.due(11.0)
    assert len(feedback.packets) == MAX_STATUSES


def test_memory_is_bounded_when_nobody_calls_due() -> None:
    generator = TransportCcFeedbackGenerator()
    for index in range(3 * MAX_KEPT):
        generator.received(index & 0xFFFF, 10.0)
        assert len(generator._arrivals) <= MAX_KEPT


def test_reference_time_and_count_wrap() -> None:
    generator = TransportCcFeedbackGenerator()
    now = 0x1000000 * 0.064
    for index in range(258):
        generator.received(index, now + index)
        (feedback,) = generator.due(now + index + 0.5)
        assert feedback.feedback_count == index & 0xFF
        assert feedback.reference_time == int(index * 4000) // 256


@given(
    st.integers(0, 65535),
    st.lists(st.tuples(st.integers(-30, 60), st.floats(0, 0.3), st.booleans()), min_size=1, max_size=80),
)
def test_every_arrival_is_told_with_its_time(start: int, events: list[tuple[int, float, bool]]) -> None:
    generator = TransportCcFeedbackGenerator()
    highest = start + 65536
    now = 100.0
    arrivals: dict[int, int] = {}
    told: dict[int, int | None] = {}
    for step, delay, ask in events:
        now += delay
        seq = highest + step if arrivals else highest
        highest = max(highest, seq)
        generator.received(seq & 0xFFFF, now)
        arrivals.setdefault(seq & 0xFFFF, int(now * 4000))
        if ask:
            told |= {seq: ticks for seq, ticks in reported(generator.due(now)) if ticks or seq not in told}
    told |= {seq: ticks for seq, ticks in reported(generator.due(now + 1)) if ticks or seq not in told}
    assert {seq: ticks for seq, ticks in told.items() if ticks is not None}.keys() == arrivals.keys()
    late_duplicates = [seq for seq, ticks in arrivals.items() if told[seq] != ticks]
    assert all(_came_again(seq, events, start) for seq in late_duplicates)


@given(st.lists(st.tuples(st.integers(0, 65535), st.floats(0, 20)), max_size=60))
def test_any_numbers_at_any_time_make_feedback_that_can_be_sent(events: list[tuple[int, float]]) -> None:
    generator = TransportCcFeedbackGenerator()
    now = 0.0
    for seq, delay in events:
        now += delay
        generator.received(seq, now)
        timeout = generator.next_timeout()
        if timeout is None or now >= timeout:
            assert all(len(data.serialize()) <= MAX_BODY_BYTES + 24 for data in generator.due(now))
    generator.due(now + 1)
    assert generator.next_timeout() is None


def test_a_late_packet_before_the_widest_gap() -> None:
    generator = TransportCcFeedbackGenerator()
    generator.received(2000, 10.0)
    generator.due(11.0)
    generator.received(2000 + MAX_STATUSES, 11.0)
    generator.received(1999, 11.0)
    (feedback,) = generator.due(12.0)
    assert len(feedback.packets) == MAX_STATUSES


def _came_again(seq16: int, events: list[tuple[int, float, bool]], start: int) -> bool:
    """Whether a number came more than once: a duplicate after the first was forgotten counts as an arrival."""
    highest, numbers = start + 65536, []
    for step, _, _ in events:
        seq = highest + step if numbers else highest
        highest = max(highest, seq)
        numbers.append(seq & 0xFFFF)
    return numbers.count(seq16) > 1
