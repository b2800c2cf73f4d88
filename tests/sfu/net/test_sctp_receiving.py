"""SCTP against single chunks: what an honest peer is owed, and what a hostile one cannot have us keep."""

import itertools
import struct
from typing import NoReturn

import pytest
from aiortc.rtcsctptransport import (
    ForwardTsnChunk,
    HeartbeatAckChunk,
    HeartbeatChunk,
    ReconfigChunk,
    SackChunk,
    serialize_packet,
)

from sfu.net import sctp, sctp_core
from shared.transport_parameters import SCTP_MAX_MESSAGE_BYTES
from tests.support.sctp_wire import FIRST, LAST, UNORDERED, Raw, SctpWire

EDGES = [0, 127, 32767, 32768, 65534, 65535, (1 << 31) - 1, 1 << 31, (1 << 32) - 2, (1 << 32) - 1]


@pytest.fixture
async def wire() -> SctpWire:
    return SctpWire().establish()


@pytest.mark.parametrize("start", EDGES)
async def test_numbers_wrap(start: int) -> None:
    wire = SctpWire()
    wire.tsn = start
    wire.establish()
    for number in range(4):
        wire.say(wire.data(bytes([number]), stream_seq=number))
    assert [data[0] for _, _, data in wire.messages] == [0, 1, 2, 3]
    assert wire.acknowledged() == 0


async def test_what_is_overtaken_waits_for_its_turn(wire: SctpWire) -> None:
    late = wire.data(b"one")
    wire.say(wire.data(b"two", stream_seq=1))
    wire.say(wire.data(b"three", FIRST | LAST | UNORDERED, stream_id=2))
    assert [data for _, _, data in wire.messages] == [b"three"]
    wire.say(late)
    wire.say(late)
    assert [data for _, _, data in wire.messages] == [b"three", b"one", b"two"]


async def test_a_message_of_the_largest_size_comes_in_pieces(wire: SctpWire) -> None:
    data = bytes(range(256)) * (SCTP_MAX_MESSAGE_BYTES // 256)
    pieces = [data[at : at + 1024] for at in range(0, len(data), 1024)]
    for number, piece in enumerate(pieces):
        flags = (FIRST if number == 0 else 0) | (LAST if number == len(pieces) - 1 else 0)
        wire.say(wire.data(piece, flags))
    assert wire.messages == [(1, 53, data)]
    assert not wire.drops


@pytest.mark.parametrize("flags", [0, UNORDERED])
async def test_a_message_that_is_too_large_is_dropped_and_the_next_one_comes(wire: SctpWire, flags: int) -> None:
    pieces = SCTP_MAX_MESSAGE_BYTES // 1024 + 40
    wire.limit_nothing()
    for number in range(pieces):
        at = (FIRST if number == 0 else 0) | (LAST if number == pieces - 1 else 0)
        wire.say(wire.data(bytes(1024), flags | at))
    wire.say(wire.data(b"small", FIRST | LAST | flags, stream_seq=0 if flags else 1))
    assert wire.messages == [(1, 53, b"small")]
    assert wire.drops == {"sctp_message_too_large": 1}
    assert wire.acknowledged() == 0
    core = wire.association._core
    assert (core._held_chunks, core._advertised_rwnd) == (0, sctp_core.RECEIVE_WINDOW)


async def test_a_message_without_end_fills_no_memory(wire: SctpWire) -> None:
    wire.limit_nothing()
    wire.say(wire.data(bytes(1000), FIRST))
    most = 0
    for _ in range(3000):
        wire.say(wire.data(bytes(1000), 0))
        most = max(most, sctp_core.RECEIVE_WINDOW - wire.association._core._advertised_rwnd)
    assert most <= SCTP_MAX_MESSAGE_BYTES
    assert wire.drops == {"sctp_message_too_large": 1}


@pytest.mark.parametrize("flags", [0, UNORDERED, FIRST | LAST, FIRST, FIRST | UNORDERED])
async def test_chunks_that_never_make_a_message_fill_no_memory(wire: SctpWire, flags: int) -> None:
    wire.limit_nothing()
    core = wire.association._core
    for number in range(4000):
        wire.say(wire.data(b"x", flags, stream_seq=5 + number % 100, stream_id=number % 20))
        held = sum(len(stream.reassembly) for stream in core._inbound_streams.values())
        assert held == core._held_chunks <= sctp_core.MAX_HELD_CHUNKS


async def test_behind_a_gap_little_is_kept_and_the_acknowledgement_stays_small(wire: SctpWire) -> None:
    wire.limit_nothing()
    missing = wire.data(b"first")
    for ahead in range(1, 4000, 2):
        wire.say(wire.data(bytes(900), FIRST | LAST | UNORDERED, ahead=ahead))
    core = wire.association._core
    assert len(core._sack_misordered) <= sctp_core.MAX_TSN_AHEAD
    assert max(len(bytes(chunk)) for chunk in wire.take(SackChunk)) < 1189
    assert wire.drops["sctp_window_full"] > 0
    wire.say(missing)
    assert wire.messages[-1][2] == b"first"


def give_up(wire: SctpWire, ahead: int, streams: list[tuple[int, int]]) -> None:
    """Have the peer give up all numbers before the one that is `ahead` of its next."""
    chunk = ForwardTsnChunk()
    chunk.cumulative_tsn, chunk.streams = (wire.tsn + ahead - 1) & 0xFFFFFFFF, streams
    wire.say(chunk)
    wire.tsn = (wire.tsn + ahead) & 0xFFFFFFFF


@pytest.mark.parametrize("start", EDGES)
async def test_what_the_peer_gives_up_is_done_without(start: int) -> None:
    wire = SctpWire()
    wire.tsn = start
    wire.establish()
    wire.say(wire.data(b"begun", FIRST, ahead=1))
    wire.say(wire.data(b"another's", FIRST | LAST, ahead=3, stream_id=2))
    wire.say(wire.data(b"next", FIRST | LAST, ahead=4, stream_seq=2))
    give_up(wire, 3, [(1, 1), (60_000, 1)])
    assert [data for _, _, data in wire.messages] == [b"another's", b"next"]
    wire.tsn = (wire.tsn + 2) & 0xFFFFFFFF
    assert wire.acknowledged() == 0
    wire.say(wire.data(b"goes on", stream_seq=3))
    assert wire.messages[-1] == (1, 53, b"goes on")
    core = wire.association._core
    assert (core._held_chunks, core._advertised_rwnd) == (0, sctp_core.RECEIVE_WINDOW)
    assert len(core._inbound_streams) == 2


async def test_a_message_that_goes_on_behind_what_is_given_up_stays(wire: SctpWire) -> None:
    wire.say(wire.data(b"a whole ", FIRST, ahead=1))
    give_up(wire, 2, [])
    wire.say(wire.data(b"message", LAST))
    assert wire.messages == [(1, 53, b"a whole message")]


class _NeverWalked(dict[int, object]):
    def items(self) -> NoReturn:
        raise AssertionError("every stream there is was looked at")

    values = __iter__ = items


async def test_giving_up_costs_no_look_at_every_stream(wire: SctpWire) -> None:
    core = wire.association._core
    for stream_id in range(16):
        core._get_inbound_stream(stream_id)
    core._inbound_streams = _NeverWalked(core._inbound_streams)  # type: ignore[assignment]
    wire.say(wire.data(b"begun", FIRST, ahead=1))
    give_up(wire, 2, [(1, 0)])
    assert wire.drops == {}
    assert wire.acknowledged() == 0


async def test_a_stream_that_begins_anew_with_half_a_message_leaves_nothing(wire: SctpWire) -> None:
    wire.say(wire.data(bytes(1000), FIRST))
    request = ReconfigChunk()
    request.params = [(13, struct.pack("!LLLH", 5000, 1, wire.tsn - 1, 1))]
    wire.say(request)
    core = wire.association._core
    assert (core._held_chunks, core._advertised_rwnd) == (0, sctp_core.RECEIVE_WINDOW)


async def test_streams_beyond_ours_are_acknowledged_and_dropped(wire: SctpWire) -> None:
    for stream_id in (16, 1024, 65535):
        wire.say(wire.data(b"x", stream_id=stream_id))
    assert (wire.messages, wire.acknowledged()) == ([], 0)
    assert list(wire.association._core._inbound_streams) == []


async def test_a_step_ends_with_the_chunk_that_took_its_time(
    wire: SctpWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = itertools.count()
    monkeypatch.setattr(sctp.time, "perf_counter", lambda: next(clock) * sctp.STEP_BUDGET_S)
    steps = wire.pacer.steps
    wire.raw(serialize_packet(5000, 5000, wire.their_tag, Raw([(0, 3, data_body(wire, n)) for n in range(3)])))
    assert len(wire.messages) == 3
    assert wire.pacer.steps - steps == 3


def data_body(wire: SctpWire, number: int) -> bytes:
    return bytes(wire.data(b"four", stream_seq=number))[4:]


async def test_who_sends_to_many_may_send_less(wire: SctpWire) -> None:
    wire.association._time = lambda: wire.association._filled_at
    wire.receivers = 1000
    for number in range(100):
        wire.say(wire.data(b"x", stream_seq=number))
    assert len(wire.messages) <= sctp.CHUNK_BURST * sctp.RECEIVERS_A_CHUNK / wire.receivers
    assert wire.drops["sctp_flood"] == 100 - len(wire.messages) > 0


async def test_a_heartbeat_is_answered_as_it_came(wire: SctpWire) -> None:
    beat = HeartbeatChunk()
    beat.params = [(1, b"12345678")]
    wire.say(beat)
    (answer,) = wire.take(HeartbeatAckChunk)
    assert answer.params == beat.params
