"""The short way of reading most feedback says what the long one does, or nothing."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sfu.rtp.rtcp import ReceiverReport, TransportFeedback, parse_rtcp, read_lone_feedback, serialize_rtcp
from tests.support.rtp_packets import BOUNDARIES

SMALL = st.lists(st.integers(0, 255), min_size=1, max_size=100)


def feedback(*packets: int | None, base: int = 5, reference: int = 0x010203) -> TransportFeedback:
    return TransportFeedback(1, 2, base, reference, 7, packets)


@pytest.mark.parametrize("base", BOUNDARIES)
@pytest.mark.parametrize("count", [1, 2, 3, 4, 14, 15, 500])
def test_it_reads_what_came_soon_after_one_another(base: int, count: int) -> None:
    data = feedback(*[n & 0xFF for n in range(count)], base=base).serialize()
    assert read_lone_feedback(memoryview(data)) == (base, 0x010203, bytes(n & 0xFF for n in range(count)))


@pytest.mark.parametrize(
    "packets",
    [
        [feedback(0, None, 0)],
        [feedback(0, 256)],
        [feedback(0, -1)],
        [feedback(0), feedback(0, base=6)],
        [feedback(0), ReceiverReport(1)],
        [ReceiverReport(1), feedback(0)],
        [ReceiverReport(1)],
    ],
)
def test_everything_else_is_left_to_the_parser(packets: list[TransportFeedback | ReceiverReport]) -> None:
    assert read_lone_feedback(memoryview(serialize_rtcp(packets))) is None


@given(SMALL, st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFF), st.data())
@example([0], 0, 0, None)
def test_whatever_it_reads_the_parser_reads_alike(
    deltas: list[int], base: int, reference: int, draw: st.DataObject | None
) -> None:
    data = bytearray(feedback(*deltas, base=base, reference=reference).serialize())
    for _ in range(draw.draw(st.integers(0, 3)) if draw is not None else 0):
        assert draw is not None
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    if draw is not None:
        del data[draw.draw(st.integers(0, len(data))) :]
    told = read_lone_feedback(memoryview(data))
    if told is not None:
        (parsed,) = parse_rtcp(data)
        assert isinstance(parsed, TransportFeedback)
        assert told == (parsed.base_sequence, parsed.reference_time, bytes(d or 0 for d in parsed.packets))
        assert None not in parsed.packets
