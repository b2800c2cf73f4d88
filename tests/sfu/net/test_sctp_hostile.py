"""SCTP against whatever comes."""

import struct

import pytest
from aiortc.rtcsctptransport import (
    ReconfigChunk,
    serialize_packet,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.sctp_wire import Raw, SctpWire

RELIABLE = {"ordered": True, "lifetime_ms": None, "max_retransmits": None}


@pytest.fixture
async def wire() -> SctpWire:
    return SctpWire().establish()


def send(wire: SctpWire, data: bytes, stream_id: int = 2, **how: object) -> bool:
    return wire.association.send(stream_id, 53, data, **{**RELIABLE, **how})  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [1, 2, 4, 5, 6, 9, 130])
@pytest.mark.parametrize("length", [0, 3, 9, 65535])
async def test_a_parameter_without_a_true_length_holds_up_nobody(wire: SctpWire, kind: int, length: int) -> None:
    fixed = struct.pack("!LLHHL", 5, 5, 5, 5, 5) if kind in {1, 2} else b""
    body = fixed + struct.pack("!HH", 1, length) + bytes(4)
    wire.raw(serialize_packet(5000, 5000, 0 if kind == 1 else wire.their_tag, Raw([(kind, 0, body)])))
    assert wire.drops == {"sctp_malformed": 1}
    wire.say(wire.data(b"goes on"))
    assert [data for _, _, data in wire.messages] == [b"goes on"]


@pytest.mark.parametrize(
    "body",
    [
        struct.pack("!HHLL", 13, 12, 1, 1),
        struct.pack("!HHLLLBxxx", 13, 17, 5000, 1, 1000, 1),
        struct.pack("!HHL", 16, 8, 1),
        struct.pack("!HHL", 17, 8, 1),
        struct.pack("!HHLHH", 17, 12, 1, 1, 0) * 3,
    ],
    ids=["reset", "half a stream", "response", "add", "too many"],
)
async def test_a_reconfiguration_that_lacks_something_is_dropped(wire: SctpWire, body: bytes) -> None:
    wire.raw(serialize_packet(5000, 5000, wire.their_tag, Raw([(130, 0, body)])))
    assert wire.drops == {"sctp_malformed": 1}
    assert wire.take(ReconfigChunk) == []


CHUNK_TYPES = st.sampled_from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 130, 192, 77, 255])
PARAMETER_TYPES = st.sampled_from([7, 13, 16, 17, 0xC000, 0x8008])
BODIES = st.one_of(
    st.binary(max_size=60),
    st.builds(lambda tsn, rest: struct.pack("!L", tsn) + rest, st.integers(995, 1010), st.binary(max_size=60)),
    st.builds(
        lambda kind, rest, length: struct.pack("!HH", kind, len(rest) + 4 if length is None else length) + rest,
        PARAMETER_TYPES,
        st.binary(max_size=40),
        st.sampled_from([None, 0, 1, 3, 4, 5, 65535]),
    ),
    st.builds(
        lambda tsn, stream, sequence, rest: struct.pack("!LHHL", tsn, stream, sequence, 53) + rest,
        st.integers(995, 1600),
        st.integers(0, 20),
        st.integers(0, 3),
        st.binary(max_size=20),
    ),
)
CHUNKS = st.lists(st.tuples(CHUNK_TYPES, st.integers(0, 7), BODIES), min_size=1, max_size=5)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.one_of(CHUNKS, st.binary(max_size=80)), max_size=25), st.booleans())
async def test_whatever_comes_raises_nothing_and_stays_bounded(packets: list[object], established: bool) -> None:
    wire = SctpWire()
    if established:
        wire.establish()
        send(wire, bytes(3000))
        wire.pacer.run()
    tag = wire.association._core._local_verification_tag
    for packet in packets:
        if isinstance(packet, bytes):
            wire.raw(packet)
        else:
            assert isinstance(packet, list)
            is_init = packet[0][0] == 1
            wire.raw(serialize_packet(5000, 5000, 0 if is_init else tag, Raw(packet)))
    assert wire.drops["sctp_fault"] == 0
    core = wire.association._core
    assert len(core._inbound_streams) <= 16
    wire.association.close()
    assert (core._t1_handle, core._t2_handle, core._t3_handle, core._reconfig_handle) == (None,) * 4
