"""A publisher at home, and who watches there and on another worker."""

from typing import Any

from sfu.rtp.rtcp import PictureLossIndication
from sfu.worker.consumer import Consumer
from sfu.worker.piped_producer import PipedProducer
from sfu.worker.producer import Producer
from sfu.worker.webrtc_transport import WebRtcTransport
from tests.support.media_rig import Forwarded
from tests.support.piped_rooms import PipedRooms


class Lecture:
    """A publisher at home, with one consumer there and one away."""

    def __init__(self, kind: str = "video", *, audio_last_n: int = 0, paused: bool = False, **fields: Any) -> None:
        self.rooms = PipedRooms(audio_last_n=audio_last_n)
        self.home, self.away = self.rooms.home, self.rooms.away
        self.publisher = self.home.transport()
        self.producer: Producer = self.home.produce(self.publisher, kind, **fields)
        self.near = self.home.transport()
        self.near_consumer: Consumer = self.home.consume(self.near, self.producer)
        self.piped: PipedProducer = self.rooms.pipe(self.producer)
        self.far = self.away.transport()
        self.consumer: Consumer = self.away.consume(self.far, self.piped, paused=paused)
        self.rooms.carry()

    def receive(self, *packets: bytes) -> None:
        self.home.receive(self.publisher, *packets)

    @property
    def carried(self) -> int:
        """Packets that went over so far."""
        return self.rooms.home_end.counters.packets_sent


def sent_by(transport: WebRtcTransport) -> list[Forwarded]:
    sent: list[Forwarded] = transport.link.sent
    return sent


def payloads(transport: WebRtcTransport) -> list[bytes]:
    return [packet.payload for packet in sent_by(transport)]


def steps(transport: WebRtcTransport) -> list[tuple[int, int]]:
    """What was sent, by its numbers and times since the first."""
    first, *_ = sent = sent_by(transport)
    return [
        (each.sequence_number - first.sequence_number & 0xFFFF, each.timestamp - first.timestamp & 0xFFFFFFFF)
        for each in sent
    ]


def plis(lecture: Lecture) -> int:
    return len(lecture.publisher.link.rtcp_of(PictureLossIndication))
