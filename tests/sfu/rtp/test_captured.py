"""What a browser really sends: every packet of the captures parses, adds up, and goes out again as it came."""

import pytest

from sfu.codecs import h264, vp8, vp9
from sfu.rtp.packet import RtpHeader, is_rtcp, iter_extensions, parse_rtp_header
from sfu.rtp.rtcp import (
    DelaySinceLastReceiverReference,
    ExtendedReports,
    ReceiverReferenceTime,
    ReceiverReport,
    SenderReport,
    SourceDescription,
    TransportFeedback,
    parse_rtcp,
    serialize_rtcp,
)
from sfu.rtp.stream_recv import ReceiveStream, unwrap_rtx
from tests.support.rtp_packets import captured

CAPTURES = {"chromium_vp8.bin": (96, 97), "chromium_vp9_l3t3.bin": (98, 99), "chromium_h264.bin": (102, 103)}
OPUS = 111
ABS_SEND_TIME, TRANSPORT_SEQUENCE = 2, 3


def rtp(name: str) -> list[tuple[bytes, RtpHeader]]:
    packets = [packet for packet in captured(name) if not is_rtcp(packet[0], packet[1])]
    return [(packet, parse_rtp_header(packet, len(packet))) for packet in packets]


def rtcp(name: str) -> list[bytes]:
    return [packet for packet in captured(name) if is_rtcp(packet[0], packet[1])]


def payloads(name: str, payload_type: int) -> list[bytes]:
    return [
        packet[header.payload_start : header.payload_end]
        for packet, header in rtp(name)
        if header.payload_type == payload_type
    ]


@pytest.mark.parametrize("name", CAPTURES)
def test_header_extensions(name: str) -> None:
    transport_numbers = []
    for packet, header in rtp(name):
        elements = {key: packet[at : at + size] for key, at, size in iter_extensions(packet, header)}
        assert len(elements[TRANSPORT_SEQUENCE]) == 2
        assert ABS_SEND_TIME not in elements or len(elements[ABS_SEND_TIME]) == 3
        transport_numbers.append(int.from_bytes(elements[TRANSPORT_SEQUENCE]))
    first = transport_numbers[0]
    assert transport_numbers == list(range(first, first + len(transport_numbers)))


@pytest.mark.parametrize("name", CAPTURES)
def test_streams_add_up(name: str) -> None:
    media_type, rtx_type = CAPTURES[name]
    streams: dict[int, ReceiveStream] = {}
    for packet, header in rtp(name):
        if header.payload_type == rtx_type:
            continue
        stream = streams.setdefault(header.ssrc, ReceiveStream(header.ssrc, 0, 90_000, use_nack=True))
        assert stream.receive(header.sequence_number, header.timestamp, len(packet), 1.0) is not None
    assert {header.payload_type for _, header in rtp(name)} == {OPUS, media_type, rtx_type}
    assert len(streams) == 2
    assert all(stream.packets_lost == 0 for stream in streams.values())


@pytest.mark.parametrize("name", CAPTURES)
def test_rtx_repeats_packets_to_probe_or_carries_padding_only(name: str) -> None:
    media_type, rtx_type = CAPTURES[name]
    sent = {header.sequence_number for _, header in rtp(name) if header.payload_type == media_type}
    repeated = [payload for payload in payloads(name, rtx_type) if payload]
    padding = [header for _, header in rtp(name) if header.payload_type == rtx_type and header.padding]
    assert repeated or padding
    assert all(unwrap_rtx(payload)[0] in sent for payload in repeated)
    assert all(header.payload_start == header.payload_end for header in padding)


@pytest.mark.parametrize("name", CAPTURES)
def test_rtcp_goes_out_as_it_came(name: str) -> None:
    seen = set()
    for packet in rtcp(name):
        messages = parse_rtcp(packet)
        assert serialize_rtcp(messages) == packet
        seen |= {type(message) for message in messages}
    assert {TransportFeedback, ExtendedReports} <= seen


def test_reports_are_among_them() -> None:
    messages = [message for name in CAPTURES for packet in rtcp(name) for message in parse_rtcp(packet)]
    blocks = [block for message in messages if isinstance(message, ExtendedReports) for block in message.blocks]
    assert {ReceiverReport, SenderReport, SourceDescription} <= {type(message) for message in messages}
    assert {ReceiverReferenceTime, DelaySinceLastReceiverReference} == {type(block) for block in blocks}


@pytest.mark.parametrize("name", CAPTURES)
def test_truncated_twins_of_rtcp(name: str) -> None:
    for packet in rtcp(name):
        whole = parse_rtcp(packet)
        for length in range(len(packet)):
            try:
                assert parse_rtcp(packet[:length]) == whole[: len(parse_rtcp(packet[:length]))]
                assert length % 4 == 0
            except ValueError:
                continue


@pytest.mark.parametrize("name", CAPTURES)
def test_transport_feedback_tells_of_packets_that_were_sent(name: str) -> None:
    sent = {
        int.from_bytes(packet[at : at + size])
        for packet, header in rtp(name)
        for key, at, size in iter_extensions(packet, header)
        if key == TRANSPORT_SEQUENCE
    }
    feedbacks = [
        message
        for packet in rtcp(name)
        for message in parse_rtcp(packet)
        if isinstance(message, TransportFeedback)
    ]
    told = [
        (feedback.base_sequence + index) & 0xFFFF
        for feedback in feedbacks
        for index, delta in enumerate(feedback.packets)
        if delta is not None
    ]
    assert told
    assert set(told) <= sent
    assert len(told) == len(set(told))


def test_vp8_begins_with_its_only_key_frame() -> None:
    frames = payloads("chromium_vp8.bin", 96)
    assert [index for index, payload in enumerate(frames) if vp8.is_key_frame(payload)] == [0]
    descriptors = [vp8.parse_descriptor(payload) for payload in frames]
    ids = sorted({descriptor.picture_id or 0 for descriptor in descriptors})
    assert ids == list(range(ids[0], ids[0] + len(ids)))


def test_h264_begins_with_its_only_key_frame() -> None:
    frames = payloads("chromium_h264.bin", 102)
    assert [index for index, payload in enumerate(frames) if h264.is_key_frame(payload)] == [0]


def test_vp9_upper_layers_without_inter_prediction_are_no_key_frames() -> None:
    frames = payloads("chromium_vp9_l3t3.bin", 98)
    descriptors = [vp9.parse_descriptor(payload) for payload in frames]
    intra = [index for index, each in enumerate(descriptors) if each.starts_frame and not each.inter_picture]
    assert len(intra) > 1
    assert [index for index, payload in enumerate(frames) if vp9.is_key_frame(payload)] == [0] == intra[:1]
    assert all(descriptors[index].sid and descriptors[index].inter_layer for index in intra[1:])
    assert {descriptor.tid for descriptor in descriptors} == {0, 1, 2}
