"""aiortc's SCTP (RFC 9260, 3758, 6525, 8261) bent to our ends: bounded, and nothing runs by itself but its timers.

aiortc's underscored names of SCTP are used in this file and nowhere else. Its coroutines never wait for anything
but our own plain calls, so each runs to its end in one go.
"""

from collections.abc import Callable, Coroutine
from typing import Any

import aiortc.rtcdatachannel  # noqa: F401 - the two import each other, and work only in this order
from aiortc.rtcsctptransport import (
    SCTP_DATA_FIRST_FRAG,
    SCTP_DATA_LAST_FRAG,
    SCTP_DATA_UNORDERED,
    USERDATA_MAX_LENGTH,
    Chunk,
    CookieEchoChunk,
    DataChunk,
    ForwardTsnChunk,
    InboundStream,
    InitChunk,
    ReconfigChunk,
    RTCSctpTransport,
    SackChunk,
)
from aiortc.utils import uint16_add, uint16_gt

from sfu.net.sctp_ends import NOBODY, CoreListener, Pipe, ignore
from sfu.net.sctp_guard import is_sack_sane, tsn_distance
from sfu.net.sctp_queue import OutgoingMessage
from shared.transport_parameters import SCTP_MAX_MESSAGE_BYTES, SCTP_PORT

RECEIVE_WINDOW = 4 * SCTP_MAX_MESSAGE_BYTES
"""Bytes of an unfinished message, and of what follows a gap, that a peer may have us hold; the peer is told."""

MAX_TSN_AHEAD = 512
"""How far behind a gap chunks are kept: the acknowledgement that lists their gaps must fit into a packet."""

MAX_HELD_CHUNKS = 3 * MAX_TSN_AHEAD
"""Chunks that wait for others: behind a gap, and of one message. The largest has 227, or more on a narrow path.
Each costs some hundred bytes however little it carries."""

INITIAL_RTO_S = 1.0
"""RFC 9260 section 16; aiortc waits for three times that."""

MIN_RTO_S = 0.4
"""What browsers wait at least before they repeat the last chunk of a message; a second would be felt."""

MAX_RTO_S = 60.0

_State = RTCSctpTransport.State


class SctpCore(RTCSctpTransport):
    """One association. It waits for the peer to open it, as every WebRTC endpoint does (RFC 8841 section 9.3).

    It is not opened from here: a browser has no SCTP before its page asks for the first channel, and an INIT that
    nobody hears would have been given up by then.
    """

    def __init__(
        self, outgoing: int, incoming: int, send: Callable[[bytes], object], listener: CoreListener
    ) -> None:
        pipe: Any = Pipe(send)
        super().__init__(pipe, SCTP_PORT)
        self.has_ended = False
        self._pipe = pipe
        self._listener = listener
        self._remote_port = SCTP_PORT
        self._inbound_streams_max = incoming
        self._outbound_streams_count = outgoing
        self._advertised_rwnd = RECEIVE_WINDOW
        self._rto = INITIAL_RTO_S
        self._held_chunks = 0
        self._holding: set[int] = set()  # streams that hold chunks, perhaps some more
        self._skipping = False
        self._resetting: set[int] = set()
        self._expected_resets: set[int] = set()  # the peer's answers to ours

    @property
    def is_established(self) -> bool:
        """Whether data can be sent."""
        return self._association_state == _State.ESTABLISHED

    @property
    def outgoing_streams(self) -> int:
        """On how many streams both sides let us send."""
        return self._outbound_streams_count

    # --- packets from the peer ---

    def accepts_tag(self, tag: int, chunks: list[Chunk]) -> bool:
        """Tell whether a packet's verification tag is ours, or zero with an INIT (RFC 9260 section 8.5)."""
        is_init = bool(chunks) and isinstance(chunks[0], InitChunk)
        return tag == (0 if is_init else self._local_verification_tag)

    def receive(self, chunk: Chunk) -> None:
        """Act upon a chunk, unless it makes no sense now."""
        if isinstance(chunk, InitChunk):
            if not self.is_established:  # then it is a late copy, which would turn the numbers back
                self._handle(chunk)
        elif isinstance(chunk, CookieEchoChunk):
            if self._last_received_tsn is not None:
                self._handle(chunk)
        elif self._association_state == _State.CLOSED:
            self._listener.drop("sctp_not_expected")
        elif isinstance(chunk, DataChunk):
            self._receive_data(chunk)
        elif isinstance(chunk, SackChunk):
            if is_sack_sane(chunk, self._last_sacked_tsn, (self._local_tsn - 1) & 0xFFFFFFFF):
                self._handle(chunk)
            else:
                self._listener.drop("sctp_malformed")
        elif isinstance(chunk, ForwardTsnChunk):
            self._pass_over_until(chunk)
        else:
            self._handle(chunk)

    def acknowledge(self) -> None:
        """Send the acknowledgement that is due, if one is."""
        if self._sack_needed and not self.has_ended:
            _run(self._send_sack())

    def _handle(self, chunk: Chunk) -> None:
        _run(self._receive_chunk(chunk))

    def _receive_data(self, chunk: DataChunk) -> None:
        assert self._last_received_tsn is not None  # noqa: S101 - the peer's INIT has told it
        ahead = tsn_distance(self._last_received_tsn, chunk.tsn)
        if ahead <= 0 or chunk.tsn in self._sack_misordered:
            self._handle(chunk)  # a copy: it is only acknowledged once more
            return
        if ahead > 1 and not self._has_room_behind_gap(ahead, chunk):
            self._listener.drop("sctp_window_full")  # it is not acknowledged, so it comes again
            return
        if ahead == 1:
            self._make_room(chunk)
        if self._skipping or chunk.stream_id >= self._inbound_streams_max:
            self._pass_over(chunk)
            return
        stream = self._get_inbound_stream(chunk.stream_id)
        before = len(stream.reassembly)
        self._holding.add(chunk.stream_id)
        self._handle(chunk)
        if self._inbound_streams.get(chunk.stream_id) is not stream:
            return  # the stream has begun anew
        self._held_chunks += len(stream.reassembly) - before
        if not stream.reassembly:
            self._holding.discard(chunk.stream_id)

    def _has_room_behind_gap(self, ahead: int, chunk: DataChunk) -> bool:
        held = RECEIVE_WINDOW - self._advertised_rwnd + len(chunk.user_data)
        return ahead <= MAX_TSN_AHEAD and not self._skipping and held <= RECEIVE_WINDOW - SCTP_MAX_MESSAGE_BYTES

    def _make_room(self, chunk: DataChunk) -> None:
        """Give up a message that has grown too large, of which this is the next chunk.

        The chunks of a message have consecutive numbers. So what is held before a gap is the beginning of one
        message; what is held behind it never takes the last of the window, so that such a beginning has filled it.
        """
        if chunk.flags & SCTP_DATA_FIRST_FRAG:
            self._skipping = False
        held = RECEIVE_WINDOW - self._advertised_rwnd + len(chunk.user_data)
        most = RECEIVE_WINDOW if self._sack_misordered else SCTP_MAX_MESSAGE_BYTES
        if held <= most and self._held_chunks < MAX_HELD_CHUNKS:
            return
        self._listener.drop("sctp_message_too_large")
        for stream_id in self._holding:
            self._inbound_streams[stream_id].reassembly.clear()
        self._holding.clear()
        self._sack_misordered.clear()
        self._advertised_rwnd = RECEIVE_WINDOW
        self._held_chunks = 0
        self._skipping = not chunk.flags & SCTP_DATA_FIRST_FRAG

    def _pass_over(self, chunk: DataChunk) -> None:
        """Acknowledge a chunk without taking it."""
        self._sack_needed = True
        self._mark_received(chunk.tsn)
        if self._skipping and chunk.flags & SCTP_DATA_LAST_FRAG:
            self._skipping = False
            stream = self._inbound_streams.get(chunk.stream_id)
            if stream is not None and not chunk.flags & SCTP_DATA_UNORDERED:
                stream.sequence_number = uint16_add(chunk.stream_seq, 1)
        _run(self._reset_deferred_streams())

    def _pass_over_until(self, chunk: ForwardTsnChunk) -> None:
        """Do without what the peer gives up (RFC 3758 section 3.6). aiortc looks at every stream there is."""
        assert self._last_received_tsn is not None  # noqa: S101 - the peer's INIT has told it
        self._sack_needed = True
        if tsn_distance(self._last_received_tsn, chunk.cumulative_tsn) <= 0:
            return
        self._last_received_tsn = chunk.cumulative_tsn
        self._sack_misordered = {
            tsn for tsn in self._sack_misordered if tsn_distance(chunk.cumulative_tsn, tsn) > 0
        }
        self._close_gap()
        for stream_id, sequence in chunk.streams:
            if stream_id < self._inbound_streams_max:
                self._begin_after(stream_id, sequence)
        for stream_id in tuple(self._holding):
            stream = self._inbound_streams[stream_id]
            stream.prune_chunks(chunk.cumulative_tsn)
            self._deliver_from(stream)  # what stood behind the rest of a message that is given up
        self._count_held()
        _run(self._reset_deferred_streams())

    def _begin_after(self, stream_id: int, sequence: int) -> None:
        stream = self._get_inbound_stream(stream_id)
        following = uint16_add(sequence, 1)
        if uint16_gt(following, stream.sequence_number):
            stream.sequence_number = following
        self._deliver_from(stream)

    def _deliver_from(self, stream: InboundStream) -> None:
        for message in stream.pop_messages():
            self._deliver(*message)

    def _count_held(self) -> None:
        streams = self._inbound_streams
        self._holding = {one for one in self._holding if one in streams and streams[one].reassembly}
        held = [chunk for one in self._holding for chunk in streams[one].reassembly]
        self._held_chunks = len(held)
        self._advertised_rwnd = RECEIVE_WINDOW - sum(len(chunk.user_data) for chunk in held)

    # --- messages to the peer ---

    @property
    def outstanding_chunks(self) -> int:
        """Chunks that are sent and not acknowledged, or wait for the congestion window."""
        return len(self._sent_queue) + len(self._outbound_queue)

    @property
    def has_queued(self) -> bool:
        """Whether chunks wait for the congestion window."""
        return bool(self._outbound_queue)

    @property
    def may_transmit(self) -> bool:
        """Whether chunks wait that the congestion window has room for."""
        return bool(self._outbound_queue) and self._flight_size < self._cwnd

    def queue_chunks(self, message: OutgoingMessage, most: int) -> bool:
        """Queue up to `most` further chunks of a message; whether these were the last."""
        if message.last_chunk is None and message.ordered:
            message.stream_sequence = self._outbound_stream_seq.get(message.stream_id, 0)
            self._outbound_stream_seq[message.stream_id] = uint16_add(message.stream_sequence, 1)
        elif message.last_chunk is not None and message.last_chunk._abandoned:
            return True  # the peer is told to skip what it has of it
        for _ in range(most):
            chunk = self._make_chunk(message)
            message.last_chunk = chunk
            message.position += USERDATA_MAX_LENGTH
            self._outbound_queue.append(chunk)
            if chunk.flags & SCTP_DATA_LAST_FRAG:
                return True
        return False

    def transmit(self) -> None:
        """Send a few chunks, if the congestion window lets them pass."""
        _run(self._transmit())

    def _make_chunk(self, message: OutgoingMessage) -> DataChunk:
        start, end = message.position, message.position + USERDATA_MAX_LENGTH
        chunk = DataChunk()
        chunk.flags = (
            (0 if message.ordered else SCTP_DATA_UNORDERED)
            | (SCTP_DATA_FIRST_FRAG if start == 0 else 0)
            | (SCTP_DATA_LAST_FRAG if end >= len(message.data) else 0)
        )
        chunk.tsn = self._local_tsn
        self._local_tsn = (self._local_tsn + 1) & 0xFFFFFFFF
        chunk.stream_id = message.stream_id
        chunk.stream_seq = message.stream_sequence
        chunk.protocol = message.ppid
        chunk.user_data = message.data[start:end]
        chunk._abandoned = chunk._acked = chunk._in_flight = chunk._retransmit = False
        # Each chunk is a packet of its own and counts as a full one: so the window bounds packets, not bytes.
        chunk._book_size = USERDATA_MAX_LENGTH
        chunk._expiry = message.expiry
        chunk._max_retransmits = message.max_retransmits
        chunk._misses = chunk._sent_count = 0
        chunk._sent_time = None
        return chunk

    # --- closing streams, and everything ---

    def is_resetting(self, stream_id: int) -> bool:
        """Tell whether the peer has not confirmed yet that we begin the stream anew."""
        return stream_id in self._resetting

    def reset_stream(self, stream_id: int, *, in_answer: bool) -> None:
        """Begin an outgoing stream anew, after all that was queued: its channel is closed (RFC 8831 6.7).

        The peer answers with its own reset, unless this one is the answer to that.
        """
        if not self.is_established or ReconfigChunk.type not in self._remote_extensions:
            return
        if stream_id not in self._resetting:
            self._resetting.add(stream_id)
            if not in_answer:
                self._expected_resets.add(stream_id)
            self._reconfig_queue.append(stream_id)
            _run(self._transmit_reconfig())

    def close(self) -> None:
        """Stop for good; nobody is told. Breaks the reference cycles."""
        self._listener = NOBODY
        self._pipe.send_now = ignore
        self._set_state(_State.CLOSED)
        self.has_ended = True
        self._outbound_queue.clear()
        self._sent_queue.clear()
        self._inbound_streams.clear()
        self._holding.clear()

    # --- what aiortc calls ---

    def _mark_received(self, tsn: int) -> bool:
        """Note a number; whether it was noted before. aiortc sorts, for each, all that came behind a gap."""
        assert self._last_received_tsn is not None  # noqa: S101 - the peer's INIT has told it
        if tsn_distance(self._last_received_tsn, tsn) <= 0 or tsn in self._sack_misordered:
            self._sack_duplicates.append(tsn)
            return True
        self._sack_misordered.add(tsn)
        self._close_gap()
        return False

    def _close_gap(self) -> None:
        assert self._last_received_tsn is not None  # noqa: S101 - the peer's INIT has told it
        while (following := (self._last_received_tsn + 1) & 0xFFFFFFFF) in self._sack_misordered:
            self._sack_misordered.remove(following)
            self._last_received_tsn = following

    async def _receive(self, stream_id: int, pp_id: int, data: bytes) -> None:
        self._deliver(stream_id, pp_id, data)

    def _deliver(self, stream_id: int, pp_id: int, data: bytes) -> None:
        if len(data) > SCTP_MAX_MESSAGE_BYTES:
            self._listener.drop("sctp_message_too_large")
        else:
            self._listener.message_received(stream_id, pp_id, data)

    async def _reset_deferred_streams(self) -> None:
        request = self._reconfig_deferred
        await super()._reset_deferred_streams()
        if request is not None and self._reconfig_deferred is None:
            self._count_held()
            begun = set(request.streams) - self._expected_resets
            self._expected_resets.difference_update(request.streams)
            self._listener.streams_reset(sorted(one for one in begun if one < self._outbound_streams_count))

    async def _data_channel_flush(self) -> None:
        """Do nothing: messages are fed by `queue_chunks`."""

    def _data_channel_reset(self, stream_id: int) -> None:
        self._data_channel_closed(stream_id)

    def _data_channel_closed(self, stream_id: int) -> None:
        self._data_channel_outbound_reset.discard(stream_id)
        self._resetting.discard(stream_id)

    def _update_rto(self, R: float) -> None:  # noqa: N803 - aiortc's name for it
        super()._update_rto(R)
        if self._srtt is not None and self._rttvar is not None:
            self._rto = max(MIN_RTO_S, min(self._srtt + 4 * self._rttvar, MAX_RTO_S))

    def _set_state(self, state: RTCSctpTransport.State) -> None:
        if self.has_ended or state == self._association_state:
            return
        self._association_state = state
        if state == _State.CLOSED:
            self.has_ended = True
            self._reconfig_timer_cancel()
            self._t1_cancel()
            self._t2_cancel()
            self._t3_cancel()
        if state in {_State.CLOSED, _State.ESTABLISHED}:
            self._listener.association_changed()


def _run(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    coroutine.close()
    raise AssertionError("aiortc's SCTP has begun to wait for something")
