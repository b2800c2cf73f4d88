"""The same bytes must say the same to aiortc's parser and to ours."""

from aiortc import rtp as aiortc
from hypothesis import given
from hypothesis import strategies as st

from sfu.rtp.packet import iter_extensions, parse_rtp_header
from sfu.rtp.rtcp import (
    Bye,
    Nack,
    PictureLossIndication,
    ReceiverReport,
    Remb,
    ReportBlock,
    SenderReport,
    SourceDescription,
    parse_rtcp,
    serialize_rtcp,
)
from tests.support.rtp_packets import build_rtp

uint8, uint16, uint32, uint64 = (st.integers(0, (1 << bits) - 1) for bits in (8, 16, 32, 64))
lost24 = st.integers(-(1 << 23), (1 << 23) - 1)
block_fields = st.tuples(uint32, uint8, lost24, uint32, uint32, uint32, uint32)


@given(uint32, uint64, uint32, uint32, uint32, st.lists(block_fields, max_size=3))
def test_reports(
    ssrc: int, ntp: int, timestamp: int, packets: int, octets: int, blocks: list[tuple[int, ...]]
) -> None:
    ours = tuple(ReportBlock(*fields) for fields in blocks)
    theirs = [aiortc.RtcpReceiverInfo(*fields) for fields in blocks]
    sender = aiortc.RtcpSrPacket(ssrc, aiortc.RtcpSenderInfo(ntp, timestamp, packets, octets), theirs)
    receiver = aiortc.RtcpRrPacket(ssrc, theirs)
    expected = [SenderReport(ssrc, ntp, timestamp, packets, octets, ours), ReceiverReport(ssrc, ours)]
    data = bytes(sender) + bytes(receiver)
    assert parse_rtcp(data) == expected
    assert serialize_rtcp(expected) == data


@given(uint32, st.text(min_size=1, max_size=40), st.lists(uint32, max_size=5))
def test_sources(ssrc: int, cname: str, leaving: list[int]) -> None:
    theirs = aiortc.RtcpSdesPacket([aiortc.RtcpSourceInfo(ssrc, [(1, cname.encode())])])
    ours = [SourceDescription({ssrc: cname}), Bye(tuple(leaving))]
    assert parse_rtcp(bytes(theirs) + bytes(aiortc.RtcpByePacket(leaving))) == ours
    description, bye = aiortc.RtcpPacket.parse(serialize_rtcp(ours))
    assert description == theirs
    assert bye == aiortc.RtcpByePacket(leaving)


@given(uint32, uint32, st.sets(st.integers(0, 65535), min_size=1, max_size=40))
def test_feedback(sender_ssrc: int, media_ssrc: int, numbers: set[int]) -> None:
    lost = sorted(numbers)
    data = bytes(aiortc.RtcpRtpfbPacket(1, sender_ssrc, media_ssrc, lost))
    data += bytes(aiortc.RtcpPsfbPacket(1, sender_ssrc, media_ssrc))
    ours = [Nack(sender_ssrc, media_ssrc, tuple(lost)), PictureLossIndication(sender_ssrc, media_ssrc)]
    assert parse_rtcp(data) == ours
    assert serialize_rtcp(ours) == data


@given(st.integers(0, (1 << 63) - 1), st.lists(uint32, max_size=5))
def test_remb(bitrate_bps: int, ssrcs: list[int]) -> None:
    (packet,) = aiortc.RtcpPacket.parse(Remb(1, bitrate_bps, tuple(ssrcs)).serialize())
    assert isinstance(packet, aiortc.RtcpPsfbPacket)
    bitrate, sources = aiortc.unpack_remb_fci(packet.fci)
    assert parse_rtcp(bytes(packet)) == [Remb(1, bitrate, tuple(ssrcs))]
    assert sources == ssrcs


@given(
    uint16,
    uint32,
    st.binary(max_size=30),
    st.lists(st.tuples(st.integers(1, 14), st.binary(min_size=1, max_size=16)), max_size=6),
    st.integers(0, 20),
)
def test_rtp(
    sequence_number: int, timestamp: int, payload: bytes, elements: list[tuple[int, bytes]], padding: int
) -> None:
    profile, body = aiortc.pack_header_extensions(elements)
    packet = build_rtp(
        payload=payload,
        sequence_number=sequence_number,
        timestamp=timestamp,
        extension=(profile, body) if elements else None,
        padding=padding,
    )
    theirs = aiortc.RtpPacket.parse(packet)
    ours = parse_rtp_header(packet, len(packet))
    assert (ours.sequence_number, ours.timestamp) == (theirs.sequence_number, theirs.timestamp)
    assert packet[ours.payload_start : ours.payload_end] == theirs.payload
    assert ours.padding == theirs.padding_size
    found = [(key, packet[at : at + size]) for key, at, size in iter_extensions(packet, ours)]
    assert found == elements
