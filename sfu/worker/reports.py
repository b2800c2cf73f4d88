"""Compound RTCP reports of a transport (RFC 3550 6): what was received from the peer, and what was sent to it."""

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

from sfu.rtp.round_trip import ReferenceTimes
from sfu.rtp.rtcp import (
    DelaySinceLastReceiverReference,
    ExtendedReports,
    ReceiverReferenceTime,
    ReceiverReport,
    RtcpPacket,
    serialize_rtcp,
)

if TYPE_CHECKING:
    from sfu.worker.consumer import Consumer
    from sfu.worker.producer import Producer

MAX_COMPOUND_BYTES = 1200
"""A compound packet stays within what any path carries, SRTCP's trailer included."""

MAX_REPORT_BLOCKS = 31
"""The count field has five bits (RFC 3550 6.4.1)."""

OUR_SSRC = 0
"""Who reports. We send no media of our own, and nobody else has this number."""

_NTP_UNITS_PER_S = 1 << 32


def receiver_reports(producers: Collection["Producer"], now: float) -> Iterator[bytes]:
    """Report on all streams that come in, those of retransmissions too; nothing when none does.

    The first report asks for the round-trip time (RFC 3611 4.4): the publisher sends our clock back.
    """
    streams = [stream.received for producer in producers for stream in producer.streams]
    ntp = int(now * _NTP_UNITS_PER_S) & 0xFFFFFFFFFFFFFFFF
    for stream in streams:
        stream.round_trip.sent(ntp, now)
    streams += [
        stream.retransmissions
        for producer in producers
        for stream in producer.streams
        if stream.retransmissions is not None
    ]
    for at in range(0, len(streams), MAX_REPORT_BLOCKS):
        blocks = [stream.report_block(now) for stream in streams[at : at + MAX_REPORT_BLOCKS]]
        report: list[RtcpPacket] = [ReceiverReport(OUR_SSRC, tuple(blocks))]
        if at == 0:
            report.append(ExtendedReports(OUR_SSRC, (ReceiverReferenceTime(ntp),)))
        yield serialize_rtcp(report)


def sender_reports(
    consumers: Iterable["Consumer"], reference_times: ReferenceTimes, now: float
) -> Iterator[bytes]:
    """Report on all streams that go out, each with its CNAME, as few packets as they fit in.

    Receivers that told their clocks get them back with each stream (RFC 3611 4.5): a browser keeps round trips by
    the stream whose sender answered.
    """
    compound = b""
    clocks: tuple[tuple[int, int, int], ...] | None = None
    for consumer in consumers:
        report = consumer.sender_report(now)
        if report is None:
            continue
        if clocks is None:
            clocks = reference_times.take(now)
        described = report.serialize() + consumer.description
        if clocks:
            block = DelaySinceLastReceiverReference(clocks)
            described += ExtendedReports(consumer.sent.ssrc, (block,)).serialize()
        if compound and len(compound) + len(described) > MAX_COMPOUND_BYTES:
            yield compound
            compound = b""
        compound += described
    if compound:
        yield compound
