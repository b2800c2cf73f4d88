"""One router of a media worker without sockets: publishers' packets go in, what consumers get comes out."""

import struct
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from sfu.ortc import (
    DEFAULT_MEDIA_CODECS,
    fresh_ssrc,
    generate_router_rtp_capabilities,
    get_consumer_rtp_parameters,
    negotiate_producer,
)
from sfu.rtp.lanes import Lane, LaneGroups
from sfu.rtp.mapped_batch import MappedBatch, StreamNumbers
from sfu.rtp.packet import ONE_BYTE_PROFILE, parse_rtp_header
from sfu.rtp.rtcp import parse_rtcp, serialize_rtcp
from sfu.worker.consumer import Consumer
from sfu.worker.pipe_inlet import PipeInlet
from sfu.worker.piped_producer import PipedProducer
from sfu.worker.producer import Producer
from sfu.worker.router import Router
from sfu.worker.webrtc_transport import WebRtcTransport
from sfu.worker.worker import Timed
from shared.rtp_parameters import RtpMapping, RtpParameters, load_rtp_capabilities, load_rtp_parameters
from shared.transport_parameters import IceParameters, TransportTuple
from tests.support.rtp_packets import build_rtp
from tests.support.rtp_samples import producer_parameters, receiver_capabilities

VP8_KEY_FRAME = bytes([0x10, 0x00, 0x9D, 0x01, 0x2A]) + bytes(40)
VP8_DELTA_FRAME = bytes([0x10, 0x01]) + bytes(40)
AUDIO_LEVEL_ID = 1
"""Chromium's, in `producer_parameters`."""
OPUS_FRAME = b"\x78" + bytes(60)


@dataclass(frozen=True)
class Forwarded:
    """A packet as a consumer's peer would see it after decryption."""

    ssrc: int
    payload_type: int
    sequence_number: int
    timestamp: int
    mid: bytes
    transport_sequence: int | None
    payload: bytes
    size: int
    marker: bool


class RecordingLink:
    """A link whose peer is a list."""

    def __init__(self) -> None:
        self.listener: Any = None
        self.bytes_received = 0
        self.bytes_sent = 0
        self.may_repeat = True
        self.ice_parameters = IceParameters("ours", "secret")
        self.selected_tuple = TransportTuple("127.0.0.1", 40000, "127.0.0.1", 5000, "udp")
        self.consent_expired = False
        self.srtp_profile = "SRTP_AEAD_AES_128_GCM"
        self.ready = True
        self.closed = False
        self.forgotten: list[int] = []
        self.sent: list[Forwarded] = []
        self.rtcp: list[Any] = []
        self.connected_as: Any = None
        self.transport_sequence = 0
        self.fan_out_tag: int | None = 0

    @property
    def peer_address(self) -> TransportTuple:
        return self.selected_tuple

    def restart_ice(self) -> IceParameters:
        self.ice_parameters = IceParameters("ours-again", "secret-again")
        return self.ice_parameters

    def connect(self, role: str, fingerprints: list[tuple[str, str]]) -> None:
        self.connected_as = (role, fingerprints)

    def send_batch(
        self, batch: MappedBatch, numbers: StreamNumbers, first: int = 0, last: int | None = None
    ) -> bool:
        if not self.ready:
            return False
        layout = batch.layout(0)
        laid = bytearray(layout.data)
        if numbers.picture_id_offset or numbers.tl0_offset:
            layout.renumber_pictures(memoryview(laid), numbers, 0, len(layout.rows))
        for row in layout.rows[first:last]:
            data = laid[row.at : row.at + row.size]
            struct.pack_into(
                "!HHLL",
                data,
                0,
                row.first_word,
                (row.sequence_number + numbers.sequence_offset) & 0xFFFF,
                (row.timestamp + numbers.timestamp_offset) & 0xFFFFFFFF,
                numbers.ssrc,
            )
            self.bytes_sent += len(data)
            header = parse_rtp_header(data, len(data))
            sequence = None
            if batch.is_video and numbers.transport_sequence_header:
                sequence, self.transport_sequence = self.transport_sequence, self.transport_sequence + 1
            self.sent.append(
                Forwarded(
                    header.ssrc,
                    header.payload_type,
                    header.sequence_number,
                    header.timestamp,
                    numbers.mid_element.rstrip(b"\0")[1:],
                    sequence,
                    bytes(data[header.payload_start : header.payload_end]),
                    len(data),
                    header.marker,
                )
            )
        return True

    def send_rtcp(self, packet: bytes) -> bool:
        self.rtcp.extend(parse_rtcp(packet))
        return True

    def forget_stream(self, ssrc: int) -> None:
        self.forgotten.append(ssrc)

    def close(self) -> None:
        self.closed = True

    def next_timeout(self) -> float | None:
        return None

    def handle_timeout(self, now: float) -> None:
        pass

    def rtcp_of(self, kind: type) -> list[Any]:
        return [packet for packet in self.rtcp if type(packet) is kind]


class MediaRig:
    """The worker's place in the tree: a clock that stands still until it is told to go on."""

    def __init__(self, *, audio_last_n: int = 0) -> None:
        self.now = 1000.0
        self.drops: Counter[str] = Counter()
        self.capabilities = generate_router_rtp_capabilities(DEFAULT_MEDIA_CODECS)
        self.router = Router("room", self.capabilities, self, audio_last_n=audio_last_n)
        self.states: list[tuple[str, str, str]] = []
        self.notifications: list[tuple[str, dict[str, Any]]] = []
        self._touched: set[WebRtcTransport] = set()
        self._wake: dict[Timed, float] = {}
        self._names = 0
        self._consumable: dict[str, RtpParameters] = {}
        self._mappings: dict[str, RtpMapping] = {}

    # --- what a transport calls ---

    def time(self) -> float:
        return self.now

    def fault(self, reason: str) -> None:
        raise AssertionError(f"{reason}: an exception in the packet path")

    def notify(self, event: str, data: dict[str, Any]) -> None:
        self.notifications.append((event, data))

    def send_lanes(self, batch: MappedBatch, groups: LaneGroups) -> list[Lane]:
        missed = []
        for lane in [lane for group in groups.values() for lane in group]:
            link = lane.link
            number, octets = link.transport_sequence, link.bytes_sent
            if not link.send_batch(batch, lane.numbers):
                missed.append(lane)
                continue
            count, octets = link.transport_sequence - number, link.bytes_sent - octets
            lane.log.append((number, number + count, octets, self.now, 0))
        return missed

    def touched(self, transport: WebRtcTransport) -> None:
        self._touched.add(transport)

    def transport_state(self, transport: WebRtcTransport, ice: str, dtls: str) -> None:
        self.states.append((transport.id, ice, dtls))

    def wake_at(self, whom: Timed, when: float | None) -> None:
        if when is None:
            self._wake.pop(whom, None)
        else:
            self._wake[whom] = when

    @property
    def due(self) -> dict[Timed, float]:
        """Who waits for which time."""
        return dict(self._wake)

    # --- building ---

    def transport(self, *, connected: bool = True) -> WebRtcTransport:
        self._names += 1
        transport = WebRtcTransport(f"transport-{self._names}", RecordingLink(), self)
        if connected:
            transport.on_state("completed", "connected")
        return transport

    def produce(
        self, transport: WebRtcTransport, kind: str = "video", *, paused: bool = False, **fields: Any
    ) -> Producer:
        fields.setdefault("encodings", [{"ssrc": 1111, **({"rtx": {"ssrc": 1112}} if kind == "video" else {})}])
        fields.setdefault("mid", str(len(transport.producers)))
        wire = producer_parameters("chromium", kind, **fields)
        negotiated = negotiate_producer(kind, load_rtp_parameters(wire), self.capabilities)  # type: ignore[arg-type]
        self._names += 1
        producer = Producer(
            f"producer-{self._names}",
            kind,  # type: ignore[arg-type]
            negotiated.type,
            negotiated.rtp_parameters,
            negotiated.rtp_mapping,
            self.router.extension_ids,
            transport,
            paused=paused,
        )
        transport.add_producer(producer)
        self.router.add_producer(producer)
        self._consumable[producer.id] = negotiated.consumable_rtp_parameters
        self._mappings[producer.id] = negotiated.rtp_mapping
        return producer

    def piped(self, home: "MediaRig", producer: Producer, inlet: PipeInlet) -> PipedProducer:
        """Make a producer of another rig one of this, with `inlet` for a transport."""
        piped = PipedProducer(
            producer.id,
            producer.kind,
            producer.type,
            producer.parameters,
            home._mappings[producer.id],
            self.router.extension_ids,
            inlet,
            paused=producer.paused,
        )
        inlet.feed(piped)
        self.router.add_piped(piped)
        self._consumable[producer.id] = home._consumable[producer.id]
        return piped

    def consume(
        self,
        transport: WebRtcTransport,
        producer: Producer,
        *,
        paused: bool = False,
        mid: str = "7",
        capabilities: dict[str, Any] | None = None,
        ssrc: int | None = None,
    ) -> Consumer:
        """Let a Chromium consume, or who has these `capabilities`; under this SSRC, or a fresh one."""
        capabilities = capabilities or receiver_capabilities("chromium")
        parameters = get_consumer_rtp_parameters(
            self._consumable[producer.id], load_rtp_capabilities(capabilities), ssrc=lambda: ssrc or fresh_ssrc()
        )
        self._names += 1
        consumer = Consumer(
            f"consumer-{self._names}",
            producer,
            replace(parameters, mid=mid),
            self.router.extension_ids,
            transport.bandwidth.sender,
            transport,
            paused=paused,
        )
        transport.add_consumer(consumer)
        producer.consumers.append(consumer)
        consumer.start(self.now)
        return consumer

    # --- running ---

    def receive(self, transport: WebRtcTransport, *packets: bytes) -> None:
        """Let packets come in as one batch."""
        for packet in packets:
            transport.on_rtp(memoryview(bytearray(packet)), len(packet), self.now)
        touched, self._touched = self._touched, set()
        for each in touched:
            each.flush(self.now)

    def receive_rtcp(self, transport: WebRtcTransport, *packets: Any) -> None:
        transport.on_rtcp(memoryview(serialize_rtcp(packets)), self.now)

    def advance(self, seconds: float) -> None:
        """Let time pass, with every timeout at its time."""
        end = self.now + seconds
        while self._wake and min(self._wake.values()) <= end:
            soonest = min(self._wake, key=lambda each: self._wake[each])
            self.now = max(self.now, self._wake.pop(soonest))
            soonest.handle_timeout(self.now)
        self.now = end


def video(sequence_number: int, payload: bytes = VP8_DELTA_FRAME, **fields: Any) -> bytes:
    """Build a VP8 packet as Chromium numbers it, by default the whole of a frame."""
    fields.setdefault("timestamp", 90_000)
    fields.setdefault("marker", True)
    return build_rtp(
        payload=payload, payload_type=96, sequence_number=sequence_number & 0xFFFF, ssrc=1111, **fields
    )


def audio(sequence_number: int, *, dbov: int | None = None, **fields: Any) -> bytes:
    """Build an Opus packet; `dbov`, -127 to 0, is the audio level that Chromium's header extension says."""
    fields.setdefault("ssrc", 1111)
    fields.setdefault("payload", OPUS_FRAME)
    if dbov is not None:
        fields["extension"] = (ONE_BYTE_PROFILE, bytes([AUDIO_LEVEL_ID << 4, 0x80 | -dbov]))
    return build_rtp(payload_type=111, sequence_number=sequence_number & 0xFFFF, **fields)


def retransmitted(rtx_sequence: int, original_sequence: int, payload: bytes = VP8_DELTA_FRAME) -> bytes:
    """Build the RTX packet that repeats a video packet."""
    return build_rtp(
        payload=(original_sequence & 0xFFFF).to_bytes(2, "big") + payload,
        payload_type=97,
        sequence_number=rtx_sequence,
        timestamp=90_000,
        ssrc=1112,
    )
