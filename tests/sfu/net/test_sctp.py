"""SCTP against single chunks: opening and ending, sending, and streams that begin anew."""

import struct
import time

import pytest
from aiortc.rtcsctptransport import (
    AbortChunk,
    Chunk,
    CookieEchoChunk,
    DataChunk,
    ForwardTsnChunk,
    HeartbeatChunk,
    InitAckChunk,
    ReconfigChunk,
    SackChunk,
    ShutdownChunk,
    StreamResetOutgoingParam,
)

from sfu.net import sctp
from sfu.net.sctp import MAX_OUTSTANDING_CHUNKS
from sfu.net.sctp_queue import MAX_BUFFERED_BYTES
from shared.transport_parameters import SCTP_MAX_MESSAGE_BYTES
from tests.support.sctp_wire import FIRST, LAST, SctpWire

RELIABLE = {"ordered": True, "lifetime_ms": None, "max_retransmits": None}


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
