"""What workers say to each other: written and read back, and nothing else taken for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.rtp.packet import ONE_BYTE_PROFILE, parse_rtp_header
from sfu.worker import pipe_records as records
from sfu.worker.pipe_records import Demand, Entry, Interruption, PipedPacket, Report, State
from tests.support.rtp_packets import BOUNDARIES, build_rtp

bytes_32 = st.integers(0, 0xFFFFFFFF)


def add(record: bytearray, packet: bytes, *, number: int, is_key_frame: bool = False) -> None:
    header = parse_rtp_header(packet, len(packet))
    view = memoryview(packet)
    records.add_packet(record, 1, header.ssrc, view, header, number, is_key_frame=is_key_frame)


def entries(record: bytearray) -> list[Entry]:
    return list(records.read_media(memoryview(record)))


@pytest.mark.parametrize("boundary", BOUNDARIES)
@given(payload=st.binary(max_size=1400), elements=st.binary(max_size=12), marker=st.booleans(), key=st.booleans())
def test_a_packet_comes_as_it_went(
    boundary: int, payload: bytes, elements: bytes, marker: bool, key: bool
) -> None:
    extension = elements + bytes(-len(elements) % 4)
    packet = build_rtp(
        payload=payload,
        payload_type=96,
        sequence_number=boundary,
        timestamp=7,
        ssrc=9,
        marker=marker,
        extension=(ONE_BYTE_PROFILE, extension),
    )
    record = records.begin_media(3)
    add(record, packet, number=boundary + (5 << 16), is_key_frame=key)
    add(record, packet, number=boundary + (5 << 16) + 1)
    assert records.read_head(memoryview(record)) == (records.MEDIA, 3)
    first, second = entries(record)
    assert isinstance(first, PipedPacket)
    assert isinstance(second, PipedPacket)
    header = first.header
    assert bytes(record[header.payload_start : header.payload_end]) == payload
    assert bytes(record[header.extension_start : header.extension_end]) == extension
    assert (header.marker, header.payload_type, header.timestamp, header.ssrc) == (marker, 96, 7, 9)
    assert (header.sequence_number, header.extension_profile) == (boundary, ONE_BYTE_PROFILE)
    assert (first.encoding, first.number, first.is_key_frame) == (1, boundary + (5 << 16), key)
    assert second.number == first.number + 1


def test_contributing_sources_and_padding_stay_behind() -> None:
    packet = build_rtp(payload=b"abc", padding=8, csrcs=[1, 2])
    record = records.begin_media(3)
    add(record, packet, number=1)
    [found] = entries(record)
    assert isinstance(found, PipedPacket)
    assert bytes(record[found.header.extension_start :]) == b"abc"


@given(st.integers(0, 255), st.booleans(), bytes_32, st.integers(0, (1 << 64) - 1), bytes_32, st.floats(0, 1e9))
def test_what_lies_between_packets(
    encoding: int, left_out: bool, restarts: int, ntp: int, timestamp: int, arrival: float
) -> None:
    sent = [
        Interruption(encoding, left_out, restarts),
        Report(encoding, (ntp, timestamp, arrival)),
        Report(encoding, None),
    ]
    record = records.begin_media(3)
    records.add_interruption(record, sent[0])  # type: ignore[arg-type]
    records.add_report(record, sent[1])  # type: ignore[arg-type]
    records.add_report(record, sent[2])  # type: ignore[arg-type]
    assert entries(record) == sent


@given(bytes_32, st.booleans(), st.dictionaries(st.integers(0, 255), st.integers(0, 10)))
def test_state(pipe: int, paused: bool, scores: dict[int, int]) -> None:
    record = memoryview(records.write_state(pipe, State(paused, scores)))
    assert records.read_head(record) == (records.STATE, pipe)
    assert records.read_state(record) == State(paused, scores)


@given(bytes_32, st.booleans(), st.none() | st.integers(0, 7), bytes_32)
def test_demand_and_key_frames(pipe: int, flowing: bool, spatial: int | None, ssrc: int) -> None:
    record = memoryview(records.write_demand(pipe, Demand(flowing, spatial)))
    assert records.read_head(record) == (records.DEMAND, pipe)
    assert records.read_demand(record) == Demand(flowing, spatial)
    record = memoryview(records.write_key_frame_request(pipe, ssrc))
    assert records.read_head(record) == (records.KEY, pipe)
    assert records.read_key_frame_request(record) == ssrc


def whole() -> bytes:
    record = records.begin_media(3)
    records.add_interruption(record, Interruption(0, False, 0))
    add(record, build_rtp(payload=b"abc"), number=1)
    records.add_report(record, Report(0, None))
    return bytes(record)


def test_a_record_that_is_cut_off_is_refused_or_shorter() -> None:
    record = whole()
    lengths = []
    for end in range(5, len(record) + 1):
        try:
            lengths.append(len(entries(bytearray(record[:end]))))
        except ValueError:
            lengths.append(-1)
    assert [each for each in lengths if each >= 0] == [0, 1, 2, 3]


@given(st.binary(max_size=200))
def test_no_bytes_do_any_harm(data: bytes) -> None:
    record = memoryview(data)
    for read in (
        records.read_head,
        records.read_state,
        records.read_demand,
        records.read_key_frame_request,
        lambda view: list(records.read_media(view)),
    ):
        try:
            read(record)
        except ValueError:
            continue
