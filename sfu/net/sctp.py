"""The data channels of one transport: SCTP over DTLS (RFC 8261), a little at a time so that media never waits."""

import asyncio
import enum
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from sfu.net.sctp_core import SctpCore
from sfu.net.sctp_guard import read_packet
from sfu.net.sctp_queue import OutgoingMessage, OutgoingQueue
from shared.logging import get_logger
from shared.transport_parameters import SCTP_PORT

if TYPE_CHECKING:
    from aiortc.rtcsctptransport import Chunk

    from sfu.net.dtls import HandshakePacer

log = get_logger(__name__)

CHUNKS_A_STEP = 4
"""Chunks from the peer that are acted upon in one step."""

STEP_BUDGET_S = 0.0003
"""After this no further chunk is begun in the step: each may be a message for everybody in the room."""

MADE_A_STEP = 8
"""Chunks made of a message in one step. A step sends four at most, for that is SCTP's burst."""

CHUNK_RATE_HZ = 2500
"""Chunks a second that a peer may send: 23 Mbit/s of large messages, or a quarter of a core. What exceeds it is
lost as on a narrow link, so that the peer's SCTP slows down and repeats it: nothing reliable is harmed."""

CHUNK_BURST = 1000
"""Chunks that may come at once: somewhat more than the receive window has room for."""

RECEIVERS_A_CHUNK = 50
"""To hand a message to so many costs what a chunk does: who sends to a thousand may send 120 messages a second."""

MAX_WAITING_CHUNKS = 512
"""Chunks from the peer that wait for their step; more are lost, as above."""

MAX_OUTSTANDING_CHUNKS = 256
"""Chunks that are sent and not acknowledged, before a further message is begun: 300 kB in a round trip. aiortc
looks at all of them again and again."""


class SctpState(enum.Enum):
    """mediasoup's SctpState."""

    NEW = "new"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    FAILED = "failed"
    CLOSED = "closed"


class DataListener(Protocol):
    """Whom an association tells what came in."""

    def on_message(self, stream_id: int, ppid: int, data: bytes) -> int:
        """Take a whole message; `ppid` tells text from bytes (RFC 8831 section 8). Returns how many it goes to."""

    def on_data_state(self, state: str) -> None:
        """Take note of a new state, a value of `SctpState`."""


class _Nobody:
    def on_message(self, stream_id: int, ppid: int, data: bytes) -> int:
        """See `DataListener`."""
        return 0

    def on_data_state(self, state: str) -> None:
        """See `DataListener`."""


class SctpAssociation:
    """Sends and receives messages on streams.

    Args:
        outgoing, incoming: how many streams we want to use, and serve.
        send: takes a packet to the peer.
        pacer: has turns with all others that have something to do.
        drops: where what is dropped is counted, by reason.
    """

    def __init__(
        self,
        outgoing: int,
        incoming: int,
        *,
        send: Callable[[bytes], object],
        pacer: "HandshakePacer",
        drops: Counter[str],
    ) -> None:
        self.state = SctpState.NEW
        self.listener: DataListener = _NOBODY
        self._core = SctpCore(outgoing, incoming, send, self)
        self._pacer = pacer
        self._drops = drops
        self._time = asyncio.get_running_loop().time
        self._tokens = float(CHUNK_BURST)
        self._filled_at = self._time()
        self._chunks: deque[Chunk] = deque()  # not longer than MAX_WAITING_CHUNKS
        self._queue = OutgoingQueue()
        self._to_reset: dict[int, bool] = {}  # once its message is through; whether in answer to the peer
        self._scheduled = False

    # --- what the worker calls ---

    @property
    def connected(self) -> bool:
        """Whether messages can be sent."""
        return self.state is SctpState.CONNECTED

    @property
    def outgoing_streams(self) -> int:
        """On how many streams both sides let us send, as far as the peer has said so."""
        return self._core.outgoing_streams

    def send(
        self,
        stream_id: int,
        ppid: int,
        data: bytes,
        *,
        ordered: bool,
        lifetime_ms: int | None,
        max_retransmits: int | None,
    ) -> bool:
        """Queue a message of one byte at least; `False` if too much waits already.

        It is lost if the association is not connected: who joins later has no claim to it.
        """
        if self.state is not SctpState.CONNECTED:
            return True
        expiry = None if lifetime_ms is None else time.time() + lifetime_ms / 1000
        accepted = self._queue.add(OutgoingMessage(stream_id, ppid, data, ordered, expiry, max_retransmits))
        if accepted:
            self._schedule()
        return accepted

    def buffered(self, stream_id: int) -> int:
        """Bytes of messages on a stream that SCTP has not taken yet."""
        return self._queue.buffered(stream_id)

    def is_resetting(self, stream_id: int) -> bool:
        """Tell whether a stream cannot be used for a new channel yet."""
        return stream_id in self._to_reset or self._core.is_resetting(stream_id)

    def reset_stream(self, stream_id: int) -> None:
        """Drop what waits for an outgoing stream and begin it anew: its channel is closed."""
        self._reset(stream_id, in_answer=False)

    # --- what the endpoint calls ---

    def open(self) -> None:
        """Be ready for the peer: DTLS is connected."""
        if self.state is SctpState.NEW:
            self._become(SctpState.CONNECTING)

    def receive(self, packet: bytes) -> None:
        """Take an SCTP packet from the peer; it is acted upon in turn with others."""
        if self.state in {SctpState.CLOSED, SctpState.FAILED}:
            return
        try:
            port, tag, chunks = read_packet(packet)
        except ValueError:
            self.drop("sctp_malformed")
            return
        if port != SCTP_PORT or not self._core.accepts_tag(tag, chunks):
            self.drop("sctp_not_expected")
        elif not self._allows(len(chunks)) or len(self._chunks) + len(chunks) > MAX_WAITING_CHUNKS:
            self.drop("sctp_flood")
        else:
            self._chunks.extend(chunks)
            self._schedule()

    def close(self) -> None:
        """Free everything at once; safe to call twice."""
        if self.state not in {SctpState.CLOSED, SctpState.FAILED}:
            self._become(SctpState.CLOSED)
        self.listener = _NOBODY
        self._core.close()
        self._forget()

    # --- for the core ---

    def message_received(self, stream_id: int, ppid: int, data: bytes) -> None:
        """See `CoreListener`."""
        receivers = self.listener.on_message(stream_id, ppid, data)
        self._tokens = max(-CHUNK_BURST, self._tokens - receivers / RECEIVERS_A_CHUNK)

    def streams_reset(self, stream_ids: list[int]) -> None:
        """See `CoreListener`. A channel is closed when both directions have begun anew (RFC 8831 section 6.7)."""
        for stream_id in stream_ids:
            self._reset(stream_id, in_answer=True)

    def association_changed(self) -> None:
        """See `CoreListener`."""
        if not self._core.has_ended:
            self._become(SctpState.CONNECTED)
        elif self.state not in {SctpState.CLOSED, SctpState.FAILED}:
            self._forget()
            self._become(SctpState.CLOSED)

    def drop(self, reason: str) -> None:
        """See `CoreListener`."""
        self._drops[reason] += 1

    def _reset(self, stream_id: int, *, in_answer: bool) -> None:
        if self._queue.drop(stream_id):  # a message is begun; the peer has to get the rest of it first
            self._to_reset[stream_id] = in_answer or self._to_reset.get(stream_id, False)
        else:
            self._core.reset_stream(stream_id, in_answer=in_answer)

    # --- turns ---

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._pacer.submit(self._step)

    def _step(self) -> bool:
        """Do a little of what is to be done; whether there is more."""
        try:
            self._take_chunks()
            self._send_some()
        except Exception:  # a bug of ours, or of aiortc's, that this peer has found
            log.exception("data channels failed")
            self.drop("sctp_fault")
            self._fail()
        self._scheduled = bool(self._chunks) or self._can_send
        return self._scheduled

    def _take_chunks(self) -> None:
        until = time.perf_counter() + STEP_BUDGET_S
        for _ in range(CHUNKS_A_STEP):
            if not self._chunks:  # also when what has just been taken ended the association
                break
            self._core.receive(self._chunks.popleft())
            if time.perf_counter() >= until:
                break
        self._core.acknowledge()

    @property
    def _can_send(self) -> bool:
        core = self._core
        if core.has_queued:
            return core.may_transmit
        return bool(self._queue) and core.outstanding_chunks < MAX_OUTSTANDING_CHUNKS and core.is_established

    def _send_some(self) -> None:
        core = self._core
        if not self._can_send:
            return
        if not core.has_queued:
            self._feed()
        core.transmit()

    def _feed(self) -> None:
        """Make chunks of the message that is in turn."""
        message = self._queue.next(time.time())
        if message is None or not self._core.queue_chunks(message, MADE_A_STEP):
            return
        self._queue.finish()
        in_answer = self._to_reset.pop(message.stream_id, None)
        if in_answer is not None:
            self._core.reset_stream(message.stream_id, in_answer=in_answer)

    def _allows(self, count: int) -> bool:
        now = self._time()
        self._tokens = min(CHUNK_BURST, self._tokens + (now - self._filled_at) * CHUNK_RATE_HZ)
        self._filled_at = now
        if self._tokens < count:
            return False
        self._tokens -= count
        return True

    def _fail(self) -> None:
        self._core.close()
        self._forget()
        if self.state is not SctpState.CLOSED:
            self._become(SctpState.FAILED)

    def _forget(self) -> None:
        self._chunks.clear()
        self._to_reset.clear()
        self._queue.clear()

    def _become(self, state: SctpState) -> None:
        self.state = state
        self.listener.on_data_state(state.value)


_NOBODY = _Nobody()
