from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.rtp.rtcp import (
    MAX_PACKETS,
    Bye,
    DelaySinceLastReceiverReference,
    ExtendedReports,
    FullIntraRequest,
    Nack,
    PictureLossIndication,
    ReceiverReferenceTime,
    ReceiverReport,
    Remb,
    ReportBlock,
    RtcpPacket,
    SenderReport,
    SourceDescription,
    TransportFeedback,
    UnknownRtcp,
    UnknownXrBlock,
    parse_rtcp,
    serialize_rtcp,
)
from tests.support.rtp_packets import BOUNDARIES

BLOCK = ReportBlock(0x01020304, 0x19, -2, 0x00010005, 77, 0xAABBCCDD, 65536)
BLOCK_HEX = "0102030419fffffe000100050000004daabbccdd00010000"
SR = SenderReport(0x11223344, 0x83AA7E80_80000000, 0xDEADBEEF, 5, 6000, (BLOCK,))

FIXTURES: list[tuple[RtcpPacket, str]] = [
    (SR, "81c8000c 11223344 83aa7e8080000000 deadbeef 00000005 00001770" + BLOCK_HEX),
    (ReceiverReport(7), "80c90001 00000007"),
    (ReceiverReport(7, (BLOCK, BLOCK)), "82c9000d 00000007" + 2 * BLOCK_HEX),
    (SourceDescription({9: "ab"}), "81ca0003 00000009 01026162 00000000"),
    (
        SourceDescription({9: "abc", 10: "a", 11: ""}),
        "83ca0007 00000009 0103616263000000 0000000a 01016100 0000000b 00000000",
    ),
    (Bye((1, 2)), "82cb0002 00000001 00000002"),
    (Bye((1,), "gone"), "81cb0003 00000001 04676f6e65000000"),
    (Bye(()), "80cb0000"),
    (Nack(1, 2, (65534, 65535, 0, 14, 15)), "81cd0004 00000001 00000002 fffe 8003 000f0000"),
    (PictureLossIndication(1, 2), "81ce0002 00000001 00000002"),
    (FullIntraRequest(1, ((2, 255), (3, 0))), "84ce0006 00000001 00000000 00000002ff000000 0000000300000000"),
    (Remb(1, 0x3FFFF << 2, (3, 4)), "8fce0006 00000001 00000000 52454d42 020bffff 00000003 00000004"),
    (
        TransportFeedback(1, 2, 5, 0x000102, 3, (4, None, None, 8, 300, -2, 0)),
        "afcd0007 00000001 00000002 00050007 00010203 d069 0408012cfffe00 000003",
    ),
    (
        TransportFeedback(1, 2, 65530, 0xFFFFFF, 255, (1,) * 20 + (None,) * 5 + (255,)),
        "afcd000b 00000001 00000002 fffa001a ffffffff 2014 8100" + "01" * 20 + "ff 000003",
    ),
    (
        ExtendedReports(1, (ReceiverReferenceTime(2), DelaySinceLastReceiverReference(((3, 4, 5),)))),
        "80cf0008 00000001 04000002 0000000000000002 05000003 000000030000000400000005",
    ),
    (ExtendedReports(1, (UnknownXrBlock(6, 7, b"abcd"),)), "80cf0003 00000001 06070001 61626364"),
    (UnknownRtcp(204, 5, b"nameabcd"), "85cc0002 6e616d6561626364"),
    (UnknownRtcp(206, 15, bytes(8) + b"NOPE"), "8fce0003 0000000000000000 4e4f5045"),
    (UnknownRtcp(205, 3, bytes(8)), "83cd0002 0000000000000000"),
]  # fmt: skip

uint8, uint16, uint32, uint64 = (st.integers(0, (1 << bits) - 1) for bits in (8, 16, 32, 64))
blocks = st.lists(
    st.builds(ReportBlock, uint32, uint8, st.integers(-(1 << 23), (1 << 23) - 1), uint32, uint32, uint32, uint32),
    max_size=31,
).map(tuple)
words = st.binary(max_size=40).map(lambda body: body + bytes(-len(body) % 4))
texts = st.text(max_size=60)
xr_blocks = (
    st.builds(ReceiverReferenceTime, uint64)
    | st.builds(
        DelaySinceLastReceiverReference, st.lists(st.tuples(uint32, uint32, uint32), max_size=4).map(tuple)
    )
    | st.builds(UnknownXrBlock, st.integers(6, 255), uint8, words)
)
deltas = st.none() | st.integers(0, 255) | st.integers(-32768, 32767)
runs = st.lists(st.tuples(deltas, st.integers(1, 40)), min_size=1, max_size=20)
statuses = runs.map(lambda pairs: tuple(delta for delta, count in pairs for _ in range(count)))
messages = st.one_of(
    st.builds(SenderReport, uint32, uint64, uint32, uint32, uint32, blocks),
    st.builds(ReceiverReport, uint32, blocks),
    st.builds(SourceDescription, st.dictionaries(uint32, texts, max_size=31)),
    st.builds(Bye, st.lists(uint32, max_size=31).map(tuple), texts),
    st.builds(PictureLossIndication, uint32, uint32),
    st.builds(FullIntraRequest, uint32, st.lists(st.tuples(uint32, uint8), min_size=1, max_size=9).map(tuple)),
    st.builds(Remb, uint32, st.integers(0, (1 << 18) - 1), st.lists(uint32, max_size=255).map(tuple)),
    st.builds(TransportFeedback, uint32, uint32, uint16, st.integers(0, 0xFFFFFF), uint8, statuses),
    st.builds(ExtendedReports, uint32, st.lists(xr_blocks, max_size=5).map(tuple)),
    st.builds(UnknownRtcp, st.sampled_from([192, 204, 208]), st.integers(0, 31), words),
)


@pytest.mark.parametrize(("packet", "text"), FIXTURES)
def test_fixtures_both_ways(packet: RtcpPacket, text: str) -> None:
    assert serialize_rtcp([packet]) == bytes.fromhex(text)
    assert parse_rtcp(memoryview(bytes.fromhex(text))) == [packet]


@pytest.mark.parametrize(("packet", "text"), FIXTURES)
def test_truncated_twins_are_refused(packet: RtcpPacket, text: str) -> None:
    data = bytes.fromhex(text)
    for length in range(len(data)):
        with pytest.raises(ValueError, match="RTCP"):
            parse_rtcp(data[:length])


@pytest.mark.parametrize(("packet", "text"), FIXTURES)
def test_bodies_shortened_under_a_true_header_never_parse_to_the_same(packet: RtcpPacket, text: str) -> None:
    data = bytes.fromhex(text)
    for size in range(4, len(data), 4):
        twin = data[:2] + (size // 4 - 1).to_bytes(2) + data[4:size]
        try:
            assert parse_rtcp(twin) != [packet]
        except ValueError:
            continue


@given(st.lists(messages, min_size=1, max_size=6))
def test_compounds_round_trip(packets: list[RtcpPacket]) -> None:
    assert parse_rtcp(serialize_rtcp(packets)) == packets


@given(st.binary(max_size=120))
def test_garbage_raises_nothing_but_value_error(data: bytes) -> None:
    _parse_tolerantly(data)


@given(
    st.sampled_from([200, 201, 202, 203, 205, 206, 207]),
    st.integers(0, 63),
    st.binary(max_size=64).map(lambda body: body[: len(body) & ~3]),
)
def test_garbage_under_a_true_header_raises_nothing_but_value_error(kind: int, bits: int, body: bytes) -> None:
    _parse_tolerantly(bytes([0x80 | bits, kind]) + (len(body) // 4).to_bytes(2) + body)


@given(st.sampled_from(FIXTURES), st.data())
def test_flipped_bytes_raise_nothing_but_value_error(fixture: tuple[RtcpPacket, str], data: st.DataObject) -> None:
    packet = bytearray.fromhex(fixture[1])
    packet[data.draw(st.integers(0, len(packet) - 1))] ^= data.draw(st.integers(1, 255))
    _parse_tolerantly(bytes(packet))


def _parse_tolerantly(data: bytes) -> None:
    try:
        packets = parse_rtcp(data)
    except ValueError:
        return
    assert 0 < len(packets) <= len(data) // 4
    serialize_rtcp(packets)


def test_compound_of_all_fixtures() -> None:
    packets = [packet for packet, _ in FIXTURES]
    assert parse_rtcp(serialize_rtcp(packets)) == packets


def test_too_many_packets_in_a_datagram() -> None:
    empty_bye = bytes.fromhex("80cb0000")
    assert len(parse_rtcp(empty_bye * MAX_PACKETS)) == MAX_PACKETS
    with pytest.raises(ValueError, match="RTCP datagram holds more than 64 packets"):
        parse_rtcp(empty_bye * (MAX_PACKETS + 1))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "RTCP datagram is empty"),
        ("80c9", "RTCP packet at byte 0 is shorter than its 4-byte header"),
        ("40c9000100000007", "RTCP version is 1, not 2"),
        ("80c9000200000007", "RTCP packet reaches to byte 12 of a datagram of 8 bytes"),
        ("81c9000100000007", "RTCP receiver report of 4 bytes is shorter than 28"),
        ("80c8000100000007", "RTCP sender report of 4 bytes is shorter than 24"),
        ("a0c9000100000000", "RTCP padding of 0 bytes does not fit a body of 4 bytes"),
        ("a0c9000100000005", "RTCP padding of 5 bytes does not fit a body of 4 bytes"),
        ("a0c90000", "RTCP padding of 0 bytes does not fit a body of 0 bytes"),
        ("81ca000100000001", "RTCP source description of 4 bytes is too short for 1 chunks"),
        ("81ca00020000000101ff6161", "RTCP source description ends within its items"),
        ("81ca00020000000101026161", "RTCP source description ends within its items"),
        ("82cb000100000001", "RTCP BYE of 4 bytes is shorter than 8"),
        ("81cb00020000000104676f6e", "RTCP BYE's reason reaches to byte 9 of a body of 8"),
        ("81cd00020000000100000002", "RTCP NACK of 8 bytes is shorter than 12"),
        ("81ce000100000001", "RTCP PLI of 4 bytes is shorter than 8"),
        ("84ce00020000000100000002", "RTCP FIR of 8 bytes is shorter than 16"),
        ("8fce0004000000010000000052454d4201000000", "RTCP REMB of 16 bytes is shorter than 20"),
        ("80cf00020000000104000000", "RTCP receiver reference time block of 0 bytes is not 8 long"),
        ("80cf0003000000010500000100000000", "RTCP DLRR block of 4 bytes holds no whole number of entries"),
        ("80cf00020000000104000002", "RTCP extended report of 8 bytes is shorter than 16"),
        (
            "8fcd00050000000100000002000500000001020300000000",
            "RTCP transport feedback tells of 0 packets, not 1 to 8192",
        ),
        (
            "8fcd000500000001000000020005ffff000102031fff1fff",
            "RTCP transport feedback tells of 65535 packets, not 1 to 8192",
        ),
        (
            "8fcd00050000000100000002000500010001020360010000",
            "RTCP transport feedback has a reserved packet status",
        ),
        (
            "8fcd00050000000100000002000500030001020320030101",
            "RTCP transport feedback of 20 bytes is shorter than 21",
        ),
        (
            2 * ("8fcd0005000000010000000200051fff000102031fff0000"),
            "RTCP datagram holds more than 8192 packet statuses",
        ),
    ],
)
def test_malformed_packets_are_refused_with_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        parse_rtcp(bytes.fromhex(text))


def test_padding_is_taken_off() -> None:
    assert parse_rtcp(bytes.fromhex("a0c900020000000700000004")) == [ReceiverReport(7)]


def test_profile_specific_extensions_of_reports_are_ignored() -> None:
    assert parse_rtcp(bytes.fromhex("80c900020000000701020304")) == [ReceiverReport(7)]


def test_items_other_than_cname_are_skipped() -> None:
    tool_then_cname = bytes.fromhex("81ca0003000000090601780101620000")
    assert parse_rtcp(tool_then_cname) == [SourceDescription({9: "b"})]


def test_a_cname_that_is_no_utf8_is_kept_readable() -> None:
    (packet,) = parse_rtcp(bytes.fromhex("81ca0003000000090102ff6100000000"))
    assert packet == SourceDescription({9: "\ufffda"})


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda: ReceiverReport(1, (BLOCK,) * 32).serialize(),
            "RTCP receiver report holds 32 items, at most 31 fit",
        ),
        (
            lambda: SenderReport(1, 2, 3, 4, 5, (BLOCK,) * 32).serialize(),
            "RTCP sender report holds 32 items, at most 31 fit",
        ),
        (lambda: Bye(tuple(range(32))), "RTCP BYE holds 32 items, at most 31 fit"),
        (lambda: SourceDescription(dict.fromkeys(range(32), "")), "RTCP source description holds 32 items"),
        (lambda: Remb(1, 2, tuple(range(256))), "RTCP REMB holds 256 sources, at most 255 fit"),
        (lambda: TransportFeedback(1, 2, 3, 4, 5, ()), "RTCP transport feedback tells of 0 packets"),
        (lambda: TransportFeedback(1, 2, 3, 4, 5, (1,) * 8193), "RTCP transport feedback tells of 8193 packets"),
        (lambda: TransportFeedback(1, 2, 3, 4, 5, (32768,)).serialize(), "delta of 32768 does not fit 16 bits"),
        (lambda: SourceDescription({1: "é" * 128}).serialize(), "RTCP text of 256 bytes is longer than 255"),
        (lambda: UnknownRtcp(204, 0, bytes(65536 * 4)).serialize(), "longer than its length field can say"),
    ],
)
def test_messages_that_no_packet_can_carry(make: object, sentence: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=sentence):
        make()


def test_cumulative_loss_is_clamped_to_24_bits() -> None:
    for lost, sent in ((1 << 30, (1 << 23) - 1), (-(1 << 30), -(1 << 23))):
        (report,) = parse_rtcp(ReceiverReport(1, (ReportBlock(2, 0, lost, 0, 0, 0, 0),)).serialize())
        assert isinstance(report, ReceiverReport)
        assert report.reports[0].packets_lost == sent


@given(uint64)
def test_remb_rounds_down_to_18_significant_bits(bitrate_bps: int) -> None:
    (packet,) = parse_rtcp(Remb(1, bitrate_bps, (2,)).serialize())
    assert isinstance(packet, Remb)
    assert packet.bitrate_bps <= bitrate_bps
    assert (bitrate_bps - packet.bitrate_bps) * (1 << 17) <= bitrate_bps


@pytest.mark.parametrize("start", BOUNDARIES)
def test_17_numbers_in_a_row_fit_one_nack_item(start: int) -> None:
    lost = tuple((start + step) & 0xFFFF for step in range(17))
    data = Nack(1, 2, lost).serialize()
    assert len(data) == 16
    assert parse_rtcp(data) == [Nack(1, 2, lost)]


@given(st.sets(uint16, min_size=1, max_size=60), uint16)
def test_nacks_round_trip_in_order(numbers: set[int], start: int) -> None:
    lost = tuple(sorted(numbers, key=lambda number: (number - start) & 0xFFFF))
    assert parse_rtcp(Nack(1, 2, lost).serialize()) == [Nack(1, 2, lost)]


@given(st.lists(uint16, min_size=1, max_size=60))
def test_nacks_in_any_order_ask_for_the_same_packets(numbers: Sequence[int]) -> None:
    (packet,) = parse_rtcp(Nack(1, 2, tuple(numbers)).serialize())
    assert isinstance(packet, Nack)
    assert set(packet.lost) == set(numbers)


def test_transport_feedback_of_only_lost_packets_is_one_run() -> None:
    data = TransportFeedback(1, 2, 5, 6, 7, (None,) * 8191).serialize()
    assert len(data) == 24
    assert parse_rtcp(data) == [TransportFeedback(1, 2, 5, 6, 7, (None,) * 8191)]
