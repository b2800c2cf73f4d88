"""SCTP against single chunks: what an honest peer is owed, and what a hostile one cannot do."""

import itertools
import struct
import time
from typing import NoReturn

import pytest
from aiortc.rtcsctptransport import (
    AbortChunk,
    Chunk,
    CookieEchoChunk,
    DataChunk,
    ForwardTsnChunk,
    HeartbeatAckChunk,
    HeartbeatChunk,
    InitAckChunk,
    ReconfigChunk,
    SackChunk,
    ShutdownChunk,
    StreamResetOutgoingParam,
    serialize_packet,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.net import sctp, sctp_core
from sfu.net.sctp import MAX_OUTSTANDING_CHUNKS
from sfu.net.sctp_queue import MAX_BUFFERED_BYTES
from shared.transport_parameters import SCTP_MAX_MESSAGE_BYTES
from tests.support.sctp_wire import FIRST, LAST, UNORDERED, SctpWire

RELIABLE = {"ordered": True, "lifetime_ms": None, "max_retransmits": None}
EDGES = [0, 127, 32767, 32768, 65534, 65535, (1 << 31) - 1, 1 << 31, (1 << 32) - 2, (1 << 32) - 1]


@pytest.fixture
async def wire() -> SctpWire:
    return SctpWire().establish()


def send(wire: SctpWire, data: bytes, stream_id: int = 2, **how: object) -> bool:
    return wire.association.send(stream_id, 53, data, **{**RELIABLE, **how})  # type: ignore[arg-type]


def sack(cumulative_tsn: int, gaps: list[tuple[int, int]] | None = None) -> SackChunk:
    chunk = SackChunk()
    chunk.cumulative_tsn, chunk.advertised_rwnd, chunk.gaps = cumulative_tsn & 0xFFFFFFFF, 1 << 20, gaps or []
    return chunk


# --- opening and ending ---


async def test_it_waits_for_the_peer_to_open_it() -> None:
    wire = SctpWire()
    assert (wire.states, wire.sent) == (["connecting"], [])
    assert wire.establish().states == ["connecting", "connected"]


async def test_a_late_copy_of_the_opening_changes_nothing(wire: SctpWire) -> None:
    first = wire.init()
    wire.say(wire.data(b"one"))
    wire.say(first)
    wire.say(wire.data(b"two", stream_seq=1))
    assert [data for _, _, data in wire.messages] == [b"one", b"two"]
    assert wire.acknowledged() == 0


async def test_a_flood_of_openings_keeps_nothing_and_is_limited() -> None:
    wire = SctpWire()
    for tag in range(1, 5000):
        wire.say(wire.init(initiate_tag=tag))
    assert len(wire.take(InitAckChunk)) <= sctp.CHUNK_BURST + sctp.CHUNK_RATE_HZ
    assert wire.drops["sctp_flood"] > 0
    assert wire.states == ["connecting"]


async def test_a_cookie_that_is_not_ours_opens_nothing() -> None:
    wire = SctpWire()
    echo = CookieEchoChunk()
    echo.body = bytes(24)
    wire.say(echo, wire.association._core._local_verification_tag)
    wire.say(wire.init())
    wire.say(echo, wire.association._core._local_verification_tag)
    assert wire.states == ["connecting"]


async def test_what_comes_before_it_is_open_is_dropped() -> None:
    wire = SctpWire()
    tag = wire.association._core._local_verification_tag
    for chunk in (wire.data(b"x"), sack(0), ForwardTsnChunk(), ShutdownChunk(), AbortChunk(), HeartbeatChunk()):
        wire.say(chunk, tag)
    assert wire.drops == {"sctp_not_expected": 6}
    assert (wire.messages, wire.sent, wire.states) == ([], [], ["connecting"])


@pytest.mark.parametrize("chunk", [AbortChunk(), ShutdownChunk()], ids=repr)
async def test_the_peer_can_end_it(wire: SctpWire, chunk: Chunk) -> None:
    assert send(wire, b"waits")
    wire.say(chunk)
    if isinstance(chunk, ShutdownChunk):
        wire.say(AbortChunk())
    assert wire.states[-1] == "closed"
    assert wire.association.buffered(2) == 0
    wire.say(wire.init())
    assert wire.take(InitAckChunk) == []


async def test_closing_ends_the_timers(wire: SctpWire) -> None:
    send(wire, b"never acknowledged")
    wire.pacer.run()
    core = wire.association._core
    assert core._t3_handle is not None
    wire.association.close()
    wire.association.close()
    assert core._t3_handle is None
    assert wire.states.count("closed") == 1


# --- receiving ---


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


# --- sending ---


async def test_messages_leave_in_pieces_that_the_window_lets_pass(wire: SctpWire) -> None:
    data = bytes(range(250)) * 100
    send(wire, data)
    first = wire.association._core._local_tsn
    wire.pacer.run()
    sent = wire.take(DataChunk)
    assert len(sent) == 3  # the first congestion window
    while sum(len(chunk.user_data) for chunk in sent) < len(data):
        wire.say(sack(sent[-1].tsn))
        more = wire.take(DataChunk)
        assert 0 < len(more) <= 16
        sent += more
    assert b"".join(chunk.user_data for chunk in sent) == data
    assert [chunk.flags for chunk in sent] == [FIRST, *[0] * (len(sent) - 2), LAST]
    assert [chunk.tsn - first for chunk in sent] == list(range(len(sent)))
    assert wire.association.buffered(2) == 0


async def test_small_messages_count_as_packets(wire: SctpWire) -> None:
    for _ in range(100):
        send(wire, b"x")
    wire.pacer.run()
    assert len(wire.take(DataChunk)) == 3
    assert wire.association._core.outstanding_chunks <= MAX_OUTSTANDING_CHUNKS


async def test_what_waits_is_bounded_and_says_so(wire: SctpWire) -> None:
    accepted = sum(send(wire, bytes(SCTP_MAX_MESSAGE_BYTES)) for _ in range(9))
    assert accepted == MAX_BUFFERED_BYTES // SCTP_MAX_MESSAGE_BYTES
    assert wire.association.buffered(2) == MAX_BUFFERED_BYTES
    assert send(wire, b"x", 3)


async def test_a_stream_does_not_wait_for_what_waits_on_another(wire: SctpWire) -> None:
    for _ in range(1000):
        send(wire, b"flood")
    send(wire, b"urgent", 3)
    wire.pacer.run()
    assert [chunk.stream_id for chunk in wire.take(DataChunk)] == [2, 3, 2]


async def test_a_peer_that_leaves_one_gap_open_does_not_have_us_send_for_ever(wire: SctpWire) -> None:
    first = wire.association._core._local_tsn
    for _ in range(2000):
        send(wire, bytes(1000))
    wire.pacer.run()
    wire.limit_nothing()
    for _ in range(500):
        highest = (wire.association._core._sent_queue[-1].tsn - first) & 0xFFFFFFFF
        wire.say(sack(first - 1, [(2, highest + 1)] if highest else []))
    assert wire.association._core.outstanding_chunks <= MAX_OUTSTANDING_CHUNKS + sctp.MADE_A_STEP


@pytest.mark.parametrize(
    "gaps", [[(1, 65535)] * 400, [(5, 2)], [(0, 1)], [(2, 3), (3, 4)], [(60000, 60001)]], ids=lambda g: str(g[:2])
)
async def test_an_acknowledgement_of_what_was_never_sent_is_dropped_cheaply(
    wire: SctpWire, gaps: list[tuple[int, int]]
) -> None:
    send(wire, bytes(5000))
    wire.pacer.run()
    core = wire.association._core
    before = core._flight_size
    wire.say(sack(core._last_sacked_tsn, gaps))
    wire.say(sack(core._local_tsn))
    assert wire.drops == {"sctp_malformed": 2}
    assert core._flight_size == before


async def test_a_message_whose_time_is_over_is_not_begun(wire: SctpWire, monkeypatch: pytest.MonkeyPatch) -> None:
    send(wire, bytes(100_000))
    send(wire, b"short-lived", 3, ordered=False, lifetime_ms=50)
    send(wire, b"stays", 4)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 1)
    for _ in range(200):
        send(wire, b"over already", 3, ordered=False, lifetime_ms=-1)
    wire.pacer.run()
    sent = wire.take(DataChunk)
    while wire.association._core._sent_queue:
        wire.say(sack(wire.association._core._sent_queue[-1].tsn))
        sent += wire.take(DataChunk)
    assert {chunk.stream_id for chunk in sent} == {2, 4}
    assert wire.association.buffered(3) == 0


async def test_what_is_not_to_be_repeated_is_given_up(wire: SctpWire) -> None:
    send(wire, bytes(20_000), ordered=False, max_retransmits=0)
    send(wire, b"next", 3)
    wire.pacer.run()
    core = wire.association._core
    sent = wire.take(DataChunk)
    first = sent[0].tsn
    for _ in range(6):  # the first chunk was lost; what follows it has come
        highest = (core._sent_queue[-1].tsn - first) & 0xFFFFFFFF
        wire.say(sack(first - 1, [(2, highest + 1)]))
    skipped = wire.take(ForwardTsnChunk)
    assert skipped
    wire.say(sack(skipped[-1].cumulative_tsn))
    while core._sent_queue:
        wire.say(sack(core._sent_queue[-1].tsn))
    assert core.outstanding_chunks == 0
    assert not wire.association._queue


# --- streams that begin anew ---


async def test_a_stream_is_begun_anew_after_what_was_begun_and_without_what_waits(wire: SctpWire) -> None:
    send(wire, bytes(50_000))
    send(wire, b"waits")
    wire.pacer.run()
    sent = wire.take(DataChunk)
    requests: list[ReconfigChunk] = []
    wire.association.reset_stream(2)
    assert wire.association.is_resetting(2)
    while wire.association._core._sent_queue:
        wire.say(sack(wire.association._core._sent_queue[-1].tsn))
        sent += [chunk for chunk in wire.sent if isinstance(chunk, DataChunk)]
        requests += wire.take(ReconfigChunk)
    assert sum(len(chunk.user_data) for chunk in sent) == 50_000
    request = StreamResetOutgoingParam.parse(requests[0].params[0][1])
    assert (request.streams, request.last_tsn) == ([2], sent[-1].tsn)
    done = ReconfigChunk()
    done.params = [(16, struct.pack("!LL", request.request_sequence, 1))]
    wire.say(done)
    assert not wire.association.is_resetting(2)
    send(wire, b"anew")
    wire.pacer.run()
    (chunk,) = wire.take(DataChunk)
    assert chunk.stream_seq == 0


async def test_many_streams_are_begun_anew_at_once_however_much_waits() -> None:
    wire = SctpWire(outgoing=1024, incoming=1024).establish()
    for number in range(20_000):
        send(wire, b"waits", number % 1000)
    request = ReconfigChunk()
    request.params = [(13, struct.pack("!LLL", 5000, 1, wire.tsn - 1) + struct.pack("!400H", *range(400)))]
    wire.say(request)
    association = wire.association
    begun = {message.stream_id for message in [association._queue.next(0.0)] if message and message.is_begun}
    assert {stream_id for stream_id in range(1000) if association.buffered(stream_id)} == begun | {
        *range(400, 1000)
    }
    assert all(wire.association.is_resetting(stream_id) for stream_id in range(400))


async def test_the_peers_reset_is_answered_with_ours(wire: SctpWire) -> None:
    wire.say(wire.data(b"one"))
    request = ReconfigChunk()
    request.params = [(13, struct.pack("!LLLHH", 5000, 1, wire.tsn - 1, 1, 40_000))]
    wire.say(request)
    ours = [param for chunk in wire.take(ReconfigChunk) for param in chunk.params]
    assert [StreamResetOutgoingParam.parse(body).streams for kind, body in ours if kind == 13] == [[1]]
    wire.say(wire.data(b"anew", stream_seq=0))
    assert [data for _, _, data in wire.messages] == [b"one", b"anew"]


async def test_the_peers_answer_to_our_reset_is_not_answered_again(wire: SctpWire) -> None:
    send(wire, b"hello", 1)
    wire.pacer.run()
    wire.say(sack(wire.association._core._local_tsn - 1))
    wire.association.reset_stream(1)
    (asked,) = wire.take(ReconfigChunk)
    number = StreamResetOutgoingParam.parse(asked.params[0][1]).request_sequence
    answers = ReconfigChunk()
    answers.params = [
        (16, struct.pack("!LL", number, 1)),
        (13, struct.pack("!LLLH", 5000, number, wire.tsn - 1, 1)),
    ]
    wire.say(answers)
    assert [kind for chunk in wire.take(ReconfigChunk) for kind, _ in chunk.params] == [16]
    send(wire, b"the stream is another's now", 1)
    again = ReconfigChunk()
    again.params = [(13, struct.pack("!LLLH", 5001, number, wire.tsn - 1, 1))]
    wire.say(again)
    assert 13 in [kind for chunk in wire.take(ReconfigChunk) for kind, _ in chunk.params]


# --- whatever comes ---


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


class Raw(Chunk):
    def __init__(self, chunks: list[tuple[int, int, bytes]]) -> None:
        self.chunks = chunks

    def __bytes__(self) -> bytes:
        return b"".join(
            struct.pack("!BBH", kind, flags, len(body) + 4) + body + bytes(-len(body) % 4)
            for kind, flags, body in self.chunks
        )


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
