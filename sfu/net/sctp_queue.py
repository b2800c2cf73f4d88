"""The messages that wait for one peer: bounded, and each stream in its turn, so that none waits for another's."""

from collections import deque
from dataclasses import dataclass, field

import aiortc.rtcdatachannel  # noqa: F401 - the two import each other, and work only in this order
from aiortc.rtcsctptransport import DataChunk

from shared.transport_parameters import SCTP_MAX_MESSAGE_BYTES

MAX_BUFFERED_BYTES = 4 * SCTP_MAX_MESSAGE_BYTES
"""Of messages that wait on one stream: more than a reader who keeps up ever lets come together."""

MAX_BUFFERED_MESSAGES = 4096
"""Messages that wait on one stream; small ones cost more than their bytes."""

MAX_TOTAL_BUFFERED_BYTES = 8 * MAX_BUFFERED_BYTES
"""Of messages that wait on all streams of one peer, with what each costs beside its content."""

SURE_BYTES = SCTP_MAX_MESSAGE_BYTES // 16
"""Room that a stream has whatever waits on others, or whoever floods a few could have all others closed. That of
a thousand streams is twice the total."""

MESSAGE_COST_BYTES = 200
"""What a waiting message takes beside its content."""

LOOKED_AT_A_STEP = 64
"""Messages looked at in one step, of which all but the last may have outlived their time."""


@dataclass(slots=True, eq=False)
class OutgoingMessage:
    """A message and how far it has gone. `expiry` is Unix time: what is not through by then is given up."""

    stream_id: int
    ppid: int
    data: bytes
    ordered: bool
    expiry: float | None
    max_retransmits: int | None
    position: int = 0
    stream_sequence: int = 0
    last_chunk: DataChunk | None = None

    @property
    def is_begun(self) -> bool:
        """Whether the peer may have got some of it, and has to get the rest."""
        return self.last_chunk is not None


@dataclass(slots=True, eq=False)
class _Stream:
    messages: deque[OutgoingMessage] = field(default_factory=deque)  # never empty between two calls
    size: int = 0  # bytes

    @property
    def cost(self) -> int:
        return self.size + MESSAGE_COST_BYTES * len(self.messages)


class OutgoingQueue:
    """Messages by stream. The streams take turns, a message a turn (RFC 8260 section 3.2)."""

    def __init__(self) -> None:
        self._streams: dict[int, _Stream] = {}  # the next in turn comes first
        self._cost = 0

    def __bool__(self) -> bool:
        return bool(self._streams)

    @property
    def total_cost(self) -> int:
        """Bytes that all messages take, with what they cost beside their content."""
        return self._cost

    def buffered(self, stream_id: int) -> int:
        """Bytes of the messages on a stream."""
        stream = self._streams.get(stream_id)
        return 0 if stream is None else stream.size

    def add(self, message: OutgoingMessage) -> bool:
        """Queue a message; `False` if too much waits already."""
        stream = self._streams.get(message.stream_id)
        size = len(message.data)
        cost = size + MESSAGE_COST_BYTES
        on_stream = cost if stream is None else stream.cost + cost
        if on_stream > SURE_BYTES and self._cost + cost > MAX_TOTAL_BUFFERED_BYTES:
            return False
        if stream is None:
            stream = self._streams[message.stream_id] = _Stream()
        elif stream.size + size > MAX_BUFFERED_BYTES or len(stream.messages) >= MAX_BUFFERED_MESSAGES:
            return False
        stream.messages.append(message)
        stream.size += size
        self._cost += cost
        return True

    def next(self, now: float) -> OutgoingMessage | None:
        """Return the message that is in turn until `finish`; `None` if there is none, or not in this step.

        Those whose time was over before they were begun are dropped on the way; `now` is Unix time.
        """
        for _ in range(LOOKED_AT_A_STEP):
            if not self._streams:
                break
            message = next(iter(self._streams.values())).messages[0]
            if message.is_begun or message.expiry is None or message.expiry >= now:
                return message
            self.finish()
        return None

    def finish(self) -> None:
        """Let go of the message that is in turn; the other streams come before its own again."""
        stream_id = next(iter(self._streams))
        stream = self._streams.pop(stream_id)
        self._forget(stream, stream.messages.popleft())
        if stream.messages:
            self._streams[stream_id] = stream

    def drop(self, stream_id: int) -> bool:
        """Drop the messages of a stream; whether one of them is begun, and stays until it is finished."""
        stream = self._streams.get(stream_id)
        if stream is None:
            return False
        self._cost -= stream.cost
        if not stream.messages[0].is_begun:
            del self._streams[stream_id]
            return False
        first = stream.messages[0]
        stream.messages = deque((first,))
        stream.size = len(first.data)
        self._cost += stream.cost
        return True

    def clear(self) -> None:
        """Drop everything."""
        self._streams.clear()
        self._cost = 0

    def _forget(self, stream: _Stream, message: OutgoingMessage) -> None:
        stream.size -= len(message.data)
        self._cost -= len(message.data) + MESSAGE_COST_BYTES
