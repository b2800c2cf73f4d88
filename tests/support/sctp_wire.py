"""A peer's end of an SCTP association made of single chunks, honest or not, without sockets and timers."""

import struct
from collections import Counter, deque
from collections.abc import Callable
from typing import Any, TypeVar

from aiortc.rtcsctptransport import (
    Chunk,
    CookieAckChunk,
    CookieEchoChunk,
    DataChunk,
    InitAckChunk,
    InitChunk,
    SackChunk,
    parse_packet,
    serialize_packet,
)

from sfu.net.sctp import SctpAssociation

OUR_TAG = 77
FIRST, LAST, UNORDERED = 2, 1, 4
C = TypeVar("C", bound=Chunk)


class Raw(Chunk):
    """Chunks in one packet, of types, flags and bodies that need make no sense."""

    def __init__(self, chunks: list[tuple[int, int, bytes]]) -> None:
        self.chunks = chunks

    def __bytes__(self) -> bytes:
        return b"".join(
            struct.pack("!BBH", kind, flags, len(body) + 4) + body + bytes(-len(body) % 4)
            for kind, flags, body in self.chunks
        )


class ByHand:
    """A pacer whose steps are taken when the test says so."""

    def __init__(self) -> None:
        self.waiting: deque[Callable[[], bool]] = deque()
        self.steps = 0

    def submit(self, step: Callable[[], bool]) -> None:
        self.waiting.append(step)

    def run(self) -> None:
        """Take steps until nothing is left to do."""
        while self.waiting:
            self.steps += 1
            step = self.waiting.popleft()
            if step():
                self.waiting.append(step)


class SctpWire:
    """An association of ours and all that can be put before it; `messages` and `states` are what it has told."""

    def __init__(self, outgoing: int = 16, incoming: int = 16) -> None:
        self.pacer = ByHand()
        self.drops: Counter[str] = Counter()
        self.messages: list[tuple[int, int, bytes]] = []
        self.states: list[str] = []
        self.sent: list[Chunk] = []
        self.receivers = 1
        self.tsn = 1000
        self.their_tag = 0
        pacer: Any = self.pacer
        self.association = SctpAssociation(outgoing, incoming, send=self._keep, pacer=pacer, drops=self.drops)
        self.association.listener = self
        self.association.open()

    # --- what we hear ---

    def on_message(self, stream_id: int, ppid: int, data: bytes) -> int:
        self.messages.append((stream_id, ppid, data))
        return self.receivers

    def on_data_state(self, state: str) -> None:
        self.states.append(state)

    def _keep(self, packet: bytes) -> None:
        self.sent.extend(parse_packet(packet)[3])

    def take(self, kind: type[C]) -> list[C]:
        """Return the chunks of a kind that were sent since the last time, and forget all others."""
        sent, self.sent = self.sent, []
        return [chunk for chunk in sent if isinstance(chunk, kind)]

    # --- what the peer says ---

    def raw(self, packet: bytes) -> None:
        """Put a packet before it, and let it act."""
        self.association.receive(packet)
        self.pacer.run()

    def say(self, chunk: Chunk, tag: int | None = None) -> None:
        """Put a chunk before it, and let it act."""
        tag = (0 if isinstance(chunk, InitChunk) else self.their_tag) if tag is None else tag
        self.raw(serialize_packet(5000, 5000, tag, chunk))

    def init(self, **fields: Any) -> InitChunk:
        """Make an INIT."""
        chunk = InitChunk()
        chunk.initiate_tag, chunk.advertised_rwnd, chunk.initial_tsn = OUR_TAG, 1 << 20, self.tsn
        chunk.outbound_streams = chunk.inbound_streams = 65535
        chunk.params = [(0xC000, b""), (0x8008, bytes([192, 130]))]
        for name, value in fields.items():
            setattr(chunk, name, value)
        return chunk

    def establish(self) -> "SctpWire":
        """Open the association."""
        self.say(self.init())
        (answer,) = self.take(InitAckChunk)
        self.their_tag = answer.initiate_tag
        echo = CookieEchoChunk()
        echo.body = next(value for name, value in answer.params if name == 7)
        self.say(echo)
        assert self.take(CookieAckChunk)
        assert self.states[-1] == "connected"
        return self

    def limit_nothing(self) -> None:
        """Let the peer send as fast as it likes, so that other bounds show."""
        self.association._allows = lambda _: True  # type: ignore[method-assign]

    def data(self, payload: bytes, flags: int = FIRST | LAST, *, ahead: int = 0, **fields: Any) -> DataChunk:
        """Make the next chunk of data, or one that leaves a gap of `ahead`."""
        chunk = DataChunk(flags)
        chunk.tsn = (self.tsn + ahead) & 0xFFFFFFFF
        chunk.stream_id, chunk.stream_seq, chunk.protocol, chunk.user_data = 1, 0, 53, payload
        for name, value in fields.items():
            setattr(chunk, name, value)
        self.tsn += 0 if ahead else 1
        return chunk

    def acknowledged(self) -> int:
        """Return the number up to which all was acknowledged, as a distance from the next one to send."""
        return (self.take(SackChunk)[-1].cumulative_tsn + 1 - self.tsn) & 0xFFFFFFFF
