"""Compound RTCP reports of a transport (RFC 3550 6): what was received from the peer, and what was sent to it."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from sfu.rtp.rtcp import ReceiverReport, SourceDescription, serialize_rtcp

if TYPE_CHECKING:
    from sfu.worker.consumer import Consumer
    from sfu.worker.producer import Producer

MAX_COMPOUND_BYTES = 1200
"""A compound packet stays within what any path carries, SRTCP's trailer included."""

MAX_REPORT_BLOCKS = 31
"""The count field has five bits (RFC 3550 6.4.1)."""


def receiver_reports(producers: Iterable["Producer"], now: float) -> Iterator[bytes]:
    """Report on all streams that come in; nothing when none does."""
    blocks = [stream.received.report_block(now) for producer in producers for stream in producer.streams]
    for at in range(0, len(blocks), MAX_REPORT_BLOCKS):
        yield serialize_rtcp([ReceiverReport(0, tuple(blocks[at : at + MAX_REPORT_BLOCKS]))])


def sender_reports(consumers: Iterable["Consumer"], now: float) -> Iterator[bytes]:
    """Report on all streams that go out, each with its CNAME, as few packets as they fit in."""
    compound = b""
    for consumer in consumers:
        report = consumer.sender_report(now)
        if report is None:
            continue
        described = serialize_rtcp([report, SourceDescription({consumer.sent.ssrc: consumer.cname})])
        if compound and len(compound) + len(described) > MAX_COMPOUND_BYTES:
            yield compound
            compound = b""
        compound += described
    if compound:
        yield compound
