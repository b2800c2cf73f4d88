"""A participant that is pymediasoup: an unmodified Device with aiortc's codecs, over our signalling."""

import asyncio
import cmath
import fractions
import math
from array import array
from statistics import median
from typing import Any

import av
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from pymediasoup import AiortcHandler, Device
from pymediasoup.rtp_parameters import RtpCapabilities, RtpParameters
from pymediasoup.sctp_parameters import SctpStreamParameters

from tests.support.protoo_client import ProtooClient

SAMPLE_RATE = 48_000
SAMPLES_PER_FRAME = 960
"""20 ms."""
FRAME_RATE = 15
WIDTH, HEIGHT = 320, 240
BAR = 16
"""Width of the bar, and how far it moves each frame."""

MEDIA_WITHIN_S = 45.0
"""Only bounds a test that hangs."""

Json = dict[str, Any]


class Tone(MediaStreamTrack):
    """A sine of one pitch, in real time."""

    kind = "audio"

    def __init__(self, pitch_hz: float) -> None:
        super().__init__()
        self._pitch_hz = pitch_hz
        self._sample = 0
        self._started: float | None = None

    async def recv(self) -> av.AudioFrame:
        """Return the next 20 ms when they are due."""
        if self.readyState != "live":
            raise MediaStreamError
        self._started = await _due(self._started, self._sample / SAMPLE_RATE)
        turn = 2 * math.pi * self._pitch_hz / SAMPLE_RATE
        steps = range(self._sample, self._sample + SAMPLES_PER_FRAME)
        frame = av.AudioFrame(format="s16", layout="mono", samples=SAMPLES_PER_FRAME)
        frame.planes[0].update(array("h", (round(12_000 * math.sin(turn * step)) for step in steps)).tobytes())
        frame.sample_rate, frame.pts = SAMPLE_RATE, self._sample
        frame.time_base = fractions.Fraction(1, SAMPLE_RATE)
        self._sample += SAMPLES_PER_FRAME
        return frame


class Bars(MediaStreamTrack):
    """A bright bar that moves over a ground of one brightness, in real time."""

    kind = "video"

    def __init__(self, ground: int) -> None:
        super().__init__()
        self._ground = ground
        self._count = 0
        self._started: float | None = None

    async def recv(self) -> av.VideoFrame:
        """Return the next frame when it is due."""
        if self.readyState != "live":
            raise MediaStreamError
        self._started = await _due(self._started, self._count / FRAME_RATE)
        row = bytearray([self._ground]) * WIDTH
        left = self._count * BAR % WIDTH
        row[left : left + BAR] = bytes([235]) * BAR
        frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
        for plane, line in zip(frame.planes, (row, b"\x80" * (WIDTH // 2), b"\x80" * (WIDTH // 2)), strict=True):
            plane.update(line.ljust(plane.line_size, b"\0") * plane.height)
        frame.pts, frame.time_base = self._count * 90_000 // FRAME_RATE, fractions.Fraction(1, 90_000)
        self._count += 1
        return frame


async def _due(started: float | None, at_s: float) -> float:
    now = asyncio.get_running_loop().time()
    started = now if started is None else started
    await asyncio.sleep(max(0.0, started + at_s - now))
    return started


class MediasoupParticipant:
    """One seat with a Device. `open` it, then `publish` and `receive`; `close` it at the end."""

    def __init__(self, client: ProtooClient) -> None:
        self.client = client
        self.joined: Json = {}
        self.failures: list[Exception] = []
        self._tracks = [Tone(440), Bars(0)]  # only their kinds matter: the Device learns what aiortc can send
        self._device = Device(handlerFactory=AiortcHandler.createFactory(tracks=self._tracks))
        self._send: Any = None
        self._recv: Any = None

    async def open(self, room_id: str) -> None:
        """Join and make both transports."""
        self.joined = await self.client.request("join-room", roomId=room_id)
        await self._device.load(RtpCapabilities(**self.joined["routerRtpCapabilities"]))
        self._send = await self._transport("send")
        self._recv = await self._transport("recv")

        @self._send.on("produce")
        async def produce(kind: str, rtp_parameters: RtpParameters, app_data: Json) -> str:
            answer = await self.client.request(
                "produce",
                transportId=self._send.id,
                kind=kind,
                rtpParameters=rtp_parameters.model_dump(mode="json"),
                appData=app_data,
            )
            producer_id: str = answer["producerId"]
            return producer_id

        @self._send.on("producedata")
        async def produce_data(
            sctpStreamParameters: Any,  # noqa: N803 - pymediasoup names it so
            label: str,
            protocol: str,
            appData: Json,  # noqa: N803
        ) -> str:
            answer = await self.client.request(
                "produce-data",
                transportId=self._send.id,
                sctpStreamParameters=sctpStreamParameters.model_dump(mode="json"),
                label=label,
                protocol=protocol,
                appData=appData,
            )
            producer_id: str = answer["dataProducerId"]
            return producer_id

    async def _transport(self, direction: str) -> Any:
        made = await self.client.request("create-transport", direction=direction, enableSctp=True)
        create = self._device.createSendTransport if direction == "send" else self._device.createRecvTransport
        transport = create(
            id=made["transportId"],
            iceParameters=made["iceParameters"],
            iceCandidates=made["iceCandidates"],
            dtlsParameters=made["dtlsParameters"],
            sctpParameters=made.get("sctpParameters"),
        )

        @transport.on("connect")
        async def connect(dtls_parameters: Any) -> None:
            await self.client.request(
                "connect-transport",
                transportId=transport.id,
                dtlsParameters=dtls_parameters.model_dump(mode="json"),
            )

        transport.on("error", self.failures.append)
        return transport

    async def publish(self, track: MediaStreamTrack) -> str:
        """Send a track; return the producer's id."""
        producer = await self._send.produce(track=track, stopTracks=False, appData={"source": track.kind})
        assert self.failures == []
        producer_id: str = producer.id
        return producer_id

    async def receive(self, producer_id: str) -> MediaStreamTrack:
        """Receive a producer; return its decoded track."""
        capabilities = self._device.recvRtpCapabilities.model_dump(mode="json")
        made = await self.client.request(
            "consume", producerId=producer_id, transportId=self._recv.id, rtpCapabilities=capabilities
        )
        consumer = await self._recv.consume(
            id=made["consumerId"],
            producerId=made["producerId"],
            kind=made["kind"],
            rtpParameters=RtpParameters(**made["rtpParameters"]),
        )
        await self.client.request("resume-consumer", consumerId=made["consumerId"])
        assert self.failures == []
        track: MediaStreamTrack = consumer.track
        return track

    async def publish_data(self, label: str, **how: Any) -> Any:
        """Send on a new channel; return pymediasoup's data producer."""
        producer = await self._send.produceData(label=label, protocol="", appData={}, **how)
        assert self.failures == []
        return producer

    async def receive_data(self, producer_id: str) -> Any:
        """Receive a channel; return pymediasoup's data consumer."""
        made = await self.client.request("consume-data", dataProducerId=producer_id, transportId=self._recv.id)
        consumer = await self._recv.consumeData(
            id=made["dataConsumerId"],
            dataProducerId=made["dataProducerId"],
            sctpStreamParameters=SctpStreamParameters(**made["sctpStreamParameters"]),
            label=made["label"],
            protocol=made["protocol"],
        )
        assert self.failures == []
        return consumer

    async def close(self) -> None:
        """Close both transports and the socket, without leaving."""
        for transport in (self._send, self._recv):
            if transport is not None:
                await transport.close()
        for track in self._tracks:
            track.stop()
        await self.client.close()


async def hears(track: MediaStreamTrack, pitch_hz: float) -> None:
    """Read decoded audio until one frame's strongest pitch is the wanted one."""
    async with asyncio.timeout(MEDIA_WITHIN_S):
        while True:
            frame = await track.recv()
            if _share_of(pitch_hz, frame) > 0.8:
                return


def _share_of(pitch_hz: float, frame: av.AudioFrame) -> float:
    """Return how much of a frame's power is at one pitch, 0 to 1; 0 when it is nearly silent."""
    channels = len(frame.layout.channels)
    wave = array("h", bytes(frame.planes[0]))[: frame.samples * channels : channels]
    power = sum(value * value for value in wave)
    if power < 1000 * 1000 * len(wave):
        return 0.0
    turn = -2j * math.pi * pitch_hz / frame.sample_rate
    amplitude = abs(sum(value * cmath.exp(turn * step) for step, value in enumerate(wave)))
    return 2 * amplitude * amplitude / (power * len(wave))


async def sees(track: MediaStreamTrack, ground: int) -> None:
    """Read decoded video until the bar has stood in five places on the wanted ground."""
    places: set[int] = set()
    async with asyncio.timeout(MEDIA_WITHIN_S):
        while len(places) < 5:
            frame = await track.recv()
            assert (frame.width, frame.height, frame.format.name) == (WIDTH, HEIGHT, "yuv420p")
            plane = frame.planes[0]
            middle = plane.line_size * (HEIGHT // 2)
            row = bytes(plane)[middle : middle + WIDTH]
            if abs(median(row) - ground) < 12 and max(row) > 200:
                places.add(row.index(max(row)) // BAR)
