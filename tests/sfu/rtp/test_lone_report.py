"""The short way for a receiver report that comes alone: what it reads, and what it leaves to `parse_rtcp`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.rtp.rtcp import (
    ReceiverReport,
    ReportBlock,
    SenderReport,
    SourceDescription,
    parse_rtcp,
    read_lone_report,
    serialize_rtcp,
)

BLOCK = ReportBlock(0x01020304, 0x19, -2, 0x00010005, 77, 0xAABBCCDD, 65536)


@pytest.mark.parametrize("count", [0, 1, 2, 31])
def test_a_report_alone_is_read(count: int) -> None:
    blocks = tuple(BLOCK._replace(ssrc=n) for n in range(count))
    assert read_lone_report(memoryview(ReceiverReport(7, blocks).serialize())) == blocks


@pytest.mark.parametrize(
    "packets",
    [
        [SenderReport(1, 2, 3, 4, 5, (BLOCK,))],
        [ReceiverReport(1, (BLOCK,)), ReceiverReport(1, ())],
        [ReceiverReport(1, (BLOCK,)), SourceDescription({1: "name"})],
        [SourceDescription({1: "name"}), ReceiverReport(1, (BLOCK,))],
    ],
)
def test_everything_else_is_not_its_business(packets: list[ReceiverReport]) -> None:
    assert read_lone_report(memoryview(serialize_rtcp(packets))) is None


def test_a_report_with_a_tail_of_a_profile_is_left_to_the_parser() -> None:
    data = bytearray(ReceiverReport(1, (BLOCK,)).serialize()) + bytes(4)
    data[3] += 1
    assert read_lone_report(memoryview(data)) is None
    assert parse_rtcp(data) == [ReceiverReport(1, (BLOCK,))]


@given(
    st.integers(0, 3),
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=4),
    st.integers(-4, 4),
)
def test_it_never_reads_anything_else_than_the_parser(
    count: int, changes: list[tuple[int, int]], longer: int
) -> None:
    data = bytearray(ReceiverReport(9, (BLOCK,) * count).serialize())
    data = data + bytes(longer) if longer >= 0 else data[:longer]
    for at, value in changes:
        if at < len(data):
            data[at] = value
    told = read_lone_report(memoryview(data))
    if told is not None:
        (report,) = parse_rtcp(data)
        assert isinstance(report, ReceiverReport)
        assert report.reports == told
