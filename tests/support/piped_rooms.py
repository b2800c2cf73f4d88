"""Two workers' routers without sockets, and pipes between them: one room on both."""

from collections import Counter, deque
from typing import Any

from sfu.worker.pipe_inlet import PipeInlet
from sfu.worker.pipe_link import PipeCounters, PipeLink
from sfu.worker.pipe_outlet import PipeOutlet
from sfu.worker.piped_producer import PipedProducer
from sfu.worker.producer import Producer
from sfu.worker.webrtc_transport import WebRtcTransport
from tests.support.media_rig import MediaRig

STEP_S = 0.01
"""Records are carried over at least so often while time passes."""


class WiredSocket:
    """A socket that keeps records until they are carried over; `is_full` has no room for media."""

    def __init__(self) -> None:
        self.records: deque[bytes] = deque()
        self.sent = 0
        self.is_full = False
        self.closed = False

    def send(self, record: bytes | bytearray) -> bool:
        if self.is_full:
            return False
        self.records.append(bytes(record))
        self.sent += 1
        return True

    def post(self, record: bytes) -> bool:
        self.records.append(record)
        self.sent += 1
        return True

    def close(self) -> None:
        self.closed = True


class End:
    """One worker's end of the link."""

    def __init__(self) -> None:
        self.counters = PipeCounters()
        self.drops: Counter[str] = Counter()
        self.socket = WiredSocket()
        self.link = PipeLink(self)
        self.link.socket = self.socket

    def dropped(self, reason: str, count: int = 1) -> None:
        self.drops[reason] += count


class HomeRig(MediaRig):
    """The home of a room, with which the other part lives: what happens here is carried over at once."""

    def __init__(self, rooms: "PipedRooms", *, audio_last_n: int) -> None:
        super().__init__(audio_last_n=audio_last_n)
        self._rooms = rooms

    def receive(self, transport: WebRtcTransport, *packets: bytes) -> None:
        super().receive(transport, *packets)
        self._rooms.carry()

    def receive_rtcp(self, transport: WebRtcTransport, *packets: Any) -> None:
        super().receive_rtcp(transport, *packets)
        self._rooms.carry()

    def advance(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            step = min(STEP_S, end - self.now)
            super().advance(step)
            self._rooms.away.advance(step)
            self._rooms.away.now = self.now
            self._rooms.carry()


class PipedRooms:
    """A room with its `home` on one worker and a part `away` on another, which share a clock."""

    def __init__(self, *, audio_last_n: int = 0) -> None:
        self.away = MediaRig(audio_last_n=audio_last_n)
        self.home = HomeRig(self, audio_last_n=audio_last_n)
        self.home_end, self.away_end = End(), End()
        self._pipes = 0

    def pipe(self, producer: Producer) -> PipedProducer:
        """Bring a producer from home to where consumers are."""
        self._pipes += 1
        inlet = PipeInlet(self._pipes, self.away_end.link, self.away)
        piped = self.away.piped(self.home, producer, inlet)
        self.away_end.link.add_inlet(inlet)
        self.home_end.link.add_outlet(PipeOutlet(self._pipes, producer, self.home_end.link))
        self.carry()
        return piped

    def carry(self) -> None:
        """Carry over what waits, in both directions, until nothing does."""
        while self.home_end.socket.records or self.away_end.socket.records:
            for source, target, rig in (
                (self.home_end, self.away_end, self.away),
                (self.away_end, self.home_end, self.home),
            ):
                while source.socket.records:
                    target.link.on_record(memoryview(source.socket.records.popleft()), rig.now)
