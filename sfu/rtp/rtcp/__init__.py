"""RTCP messages: one frozen dataclass a message, `parse_rtcp` and `serialize_rtcp` for whole datagrams.

Called by `sfu.worker` for what peers report and by the stream classes for what we report. Bytes in, messages out
and back; knows no stream and no state. May import the standard library only.
"""

from sfu.rtp.rtcp.compound import (
    MAX_FEEDBACK_STATUSES,
    MAX_PACKETS,
    RtcpPacket,
    UnknownRtcp,
    parse_rtcp,
    serialize_rtcp,
)
from sfu.rtp.rtcp.extended_reports import (
    DelaySinceLastReceiverReference,
    ExtendedReports,
    ReceiverReferenceTime,
    UnknownXrBlock,
    XrBlock,
)
from sfu.rtp.rtcp.feedback import FullIntraRequest, Nack, PictureLossIndication, Remb
from sfu.rtp.rtcp.reports import ReceiverReport, ReportBlock, SenderReport, read_lone_report
from sfu.rtp.rtcp.sources import Bye, SourceDescription
from sfu.rtp.rtcp.transport_feedback import TransportFeedback, read_lone_feedback

__all__ = [
    "MAX_FEEDBACK_STATUSES",
    "MAX_PACKETS",
    "Bye",
    "DelaySinceLastReceiverReference",
    "ExtendedReports",
    "FullIntraRequest",
    "Nack",
    "PictureLossIndication",
    "ReceiverReferenceTime",
    "ReceiverReport",
    "Remb",
    "ReportBlock",
    "RtcpPacket",
    "SenderReport",
    "SourceDescription",
    "TransportFeedback",
    "UnknownRtcp",
    "UnknownXrBlock",
    "XrBlock",
    "parse_rtcp",
    "read_lone_feedback",
    "read_lone_report",
    "serialize_rtcp",
]
