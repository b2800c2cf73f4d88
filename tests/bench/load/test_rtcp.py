"""What the load sends as feedback is what the SFU's parser reads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.rtp.rtcp.compound import parse_rtcp
from sfu.rtp.rtcp.feedback import Nack, PictureLossIndication
from sfu.rtp.rtcp.reports import ReceiverReport, ReportBlock, SenderReport
from sfu.rtp.rtcp.transport_feedback import TransportFeedback
from tests.bench.load import rtcp

STARTS = (0, 127, 32767, 32768, 65534, 65535)


@pytest.mark.parametrize("start", STARTS)
def test_a_nack_names_all_that_is_missing(start: int) -> None:
    missing = [start + n & 0xFFFF for n in (0, 1, 16, 17, 40)]
    packet = rtcp.nack(1, 2, missing)
    assert parse_rtcp(packet) == [Nack(1, 2, tuple(missing))]
    ((kind, count, body),) = rtcp.packets(packet)
    assert (kind, count) == (rtcp.TRANSPORT_FEEDBACK, rtcp.NACK_FORMAT)
    assert rtcp.nacked(body) == missing


def test_a_picture_loss_is_read() -> None:
    assert parse_rtcp(rtcp.picture_loss(1, 2)) == [PictureLossIndication(1, 2)]


def test_a_sender_report_is_read_with_its_name() -> None:
    report, name = parse_rtcp(rtcp.sender_report(7, 1.5, 90_000, 10, 1000))
    assert report == SenderReport(7, (rtcp.NTP_EPOCH << 32) + (3 << 31), 90_000, 10, 1000)
    assert "bench" in repr(name)


def test_many_blocks_are_spread_over_reports() -> None:
    blocks = [rtcp.Block(ssrc, 64, 3, 70_000, 0, 5, 6) for ssrc in range(40)]
    reports = [parse_rtcp(report)[0] for report in rtcp.receiver_reports(9, blocks)]
    told = [block for report in reports if isinstance(report, ReceiverReport) for block in report.reports]
    assert told == [ReportBlock(ssrc, 64, 3, 70_000, 0, 5, 6) for ssrc in range(40)]


@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(-50_000, 3_000_000)), min_size=1, max_size=100),
    st.sampled_from(STARTS),
)
def test_transport_feedback_tells_who_came_and_when(steps: list[tuple[int, int]], start: int) -> None:
    arrivals = []
    number, at = start, 1_000_000_000
    for ahead, later in steps:
        number, at = number + ahead, at + later
        arrivals.append((number, at))
    (feedback,) = parse_rtcp(rtcp.transport_feedback(1, 2, 3, arrivals))
    assert isinstance(feedback, TransportFeedback)
    first = arrivals[0][0]
    assert feedback.base_sequence == first & 0xFFFF
    assert len(feedback.packets) == arrivals[-1][0] - first + 1
    clock = feedback.reference_time * 64_000 // 250
    told = {}
    for place, delta in enumerate(feedback.packets):
        if delta is not None:
            clock += delta
            told[first + place] = clock
    assert told == {number: at // 250 for number, at in arrivals}
