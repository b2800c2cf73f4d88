"""A call over bad networks without sockets: a publisher, the SFU and a subscriber, with a link between each two.

The publisher sends VP8 frames, answers NACKs by RTX and requests by key frames, as a browser does. The subscriber
asks for what it misses, shows each frame at its time or never, and asks for a key frame when it cannot go on.
"""

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from sfu.rtp.rtcp import (
    DelaySinceLastReceiverReference,
    ExtendedReports,
    Nack,
    PictureLossIndication,
    ReceiverReferenceTime,
    ReceiverReport,
    ReportBlock,
    SenderReport,
)
from tests.support.lossy_link import LossyLink, Troubles
from tests.support.media_rig import Forwarded, MediaRig
from tests.support.network_link import Conditions
from tests.support.rtp_packets import build_rtp

STEP_S = 0.005
FRAMES_PER_S = 30
PACKETS_PER_FRAME = 4
PACKETS_PER_KEY_FRAME = 12
PAYLOAD_BYTES = 100
MIN_HISTORY_S = 1.0
HISTORY_ROUND_TRIPS = 3
"""How long libwebrtc keeps packets for retransmission."""

SSRC, RTX_SSRC = 1111, 1112
PLI_INTERVAL_S = 0.5
_UNITS_PER_S = 65536


class Piece(NamedTuple):
    """What a payload says of itself: its frame, its place in it, and how many there are."""

    frame: int
    index: int
    count: int
    is_key: bool

    def payload(self) -> bytes:
        descriptor = b"\x10" if self.index == 0 else b"\x00"
        header = (b"\x00\x00\x00\x9d\x01\x2a" if self.is_key else b"\x01\x00\x00\x00\x00\x00") + bytes(4)
        numbers = self.frame.to_bytes(4, "big") + bytes((self.index, self.count, self.is_key))
        return (descriptor + header + numbers).ljust(PAYLOAD_BYTES, b"\0")

    @classmethod
    def parse(cls, payload: bytes) -> "Piece":
        return cls(int.from_bytes(payload[11:15], "big"), payload[15], payload[16], bool(payload[17]))


class Publisher:
    """Numbers start at `first_sequence`; `restart` begins anew as another run of the same program would."""

    def __init__(self, first_sequence: int, rtt_s: float) -> None:
        self.sent = 0
        self.retransmitted = 0
        self.key_frames = 0
        self.sent_at: dict[int, float] = {}  # by frame
        self.sent_of: dict[int, int] = {}  # packets of it
        self._history_s = max(MIN_HISTORY_S, HISTORY_ROUND_TRIPS * rtt_s)
        self._sequence = first_sequence
        self._rtx_sequence = 0
        self._frame = 0
        self._timestamp = 0
        self._wants_key = True
        self._history: dict[int, tuple[bytes, int, float, float]] = {}
        self._next_frame = 0.0
        self._next_report = 0.0
        self._clock: tuple[int, float] | None = None

    def restart(self, first_sequence: int) -> None:
        self._sequence = first_sequence
        self._timestamp += 1 << 31
        self._history.clear()
        self._wants_key = True

    def packets(self, now: float) -> list[bytes]:
        """Send the frame that is due, if one is."""
        if now < self._next_frame:
            return []
        self._next_frame = max(self._next_frame, now - 1) + 1 / FRAMES_PER_S
        is_key, self._wants_key = self._wants_key, False
        self.key_frames += is_key
        count = PACKETS_PER_KEY_FRAME if is_key else PACKETS_PER_FRAME
        self._timestamp += 90_000 // FRAMES_PER_S
        self.sent_at[self._frame] = now
        self.sent_of[self._frame] = count
        packets = []
        for index in range(count):
            payload = Piece(self._frame, index, count, is_key).payload()
            sequence = self._sequence & 0xFFFF
            self._history[sequence] = (payload, self._timestamp, now, float("-inf"))
            packets.append(self._packet(96, SSRC, sequence, payload, self._timestamp, marker=index == count - 1))
            self._sequence += 1
        self._frame += 1
        self.sent += count
        return packets

    def feedback(self, packet: Any, now: float) -> list[bytes]:
        """Act upon RTCP; return what is sent again."""
        match packet:
            case PictureLossIndication():
                self._wants_key = True
            case ExtendedReports():
                for block in packet.blocks:
                    if isinstance(block, ReceiverReferenceTime):
                        self._clock = block.ntp >> 16 & 0xFFFFFFFF, now
            case Nack():
                return [again for number in packet.lost if (again := self._again(number, now))]
            case _:
                pass
        return []

    def reports(self, now: float) -> list[Any]:
        """Send a report a second, with the SFU's clock if it has sent one."""
        if now < self._next_report:
            return []
        self._next_report = now + 1
        reports: list[Any] = [SenderReport(SSRC, int(now * (1 << 32)), self._timestamp & 0xFFFFFFFF, 0, 0)]
        if self._clock is not None:
            stamp, arrival = self._clock
            entry = (0, stamp, int((now - arrival) * _UNITS_PER_S))
            reports.append(ExtendedReports(SSRC, (DelaySinceLastReceiverReference((entry,)),)))
        return reports

    def _again(self, number: int, now: float) -> bytes | None:
        payload, timestamp, sent_at, again_at = self._history.get(number, (b"", 0, 0.0, 0.0))
        if not payload or now - sent_at > self._history_s or now - again_at < STEP_S:
            return None
        self._history[number] = payload, timestamp, sent_at, now
        self._rtx_sequence += 1
        self.retransmitted += 1
        wrapped = number.to_bytes(2, "big") + payload
        return self._packet(97, RTX_SSRC, self._rtx_sequence & 0xFFFF, wrapped, timestamp)

    @staticmethod
    def _packet(
        payload_type: int, ssrc: int, sequence: int, payload: bytes, timestamp: int, *, marker: bool = False
    ) -> bytes:
        return build_rtp(
            payload=payload,
            marker=marker,
            payload_type=payload_type,
            sequence_number=sequence,
            timestamp=timestamp & 0xFFFFFFFF,
            ssrc=ssrc,
        )


class Subscriber:
    """Shows each frame `delay_s` after it was sent, if it is whole by then and so was the one before it.

    `received` counts each of our stream's numbers that has come, by itself or by RTX.
    """

    def __init__(self, ssrc: int, rtx_ssrc: int, delay_s: float, rtt_s: float) -> None:
        self.received: Counter[int] = Counter()
        self.repeated: Counter[int] = Counter()
        self.asked = 0
        self.key_frames_asked = 0
        self.shown: list[int] = []
        self.skipped: list[int] = []
        self.in_time: Counter[int] = Counter()  # packets by frame
        self.highest = -1
        self._ssrc, self._rtx_ssrc = ssrc, rtx_ssrc
        self._delay_s, self._rtt_s = delay_s, rtt_s
        self._pieces: dict[int, set[int]] = {}
        self._whole: dict[int, tuple[int, bool]] = {}
        self._missing: dict[int, tuple[int, float]] = {}  # by number: attempts, when asked last
        self._next_frame = 0
        self._can_show = False
        self._asked_key_at = float("-inf")
        self._next_report = 0.0
        self._report: tuple[int, float] | None = None
        self._reported = (0, 0)

    def receive(self, packet: Forwarded, sent_at: dict[int, float], now: float) -> None:
        """Take a packet of media or of retransmission; anything else is a mistake of the SFU's."""
        if packet.ssrc == self._rtx_ssrc:
            number, payload = int.from_bytes(packet.payload[:2], "big"), packet.payload[2:]
            self.repeated[packet.sequence_number] += 1
        else:
            assert packet.ssrc == self._ssrc
            number, payload = packet.sequence_number, packet.payload
        number = self._unwrap(number)
        self._note(number, now)
        if self.received[number] > 1 or not payload:
            return
        piece = Piece.parse(payload)
        if now <= sent_at[piece.frame] + self._delay_s:
            self.in_time[piece.frame] += 1
        self._whole[piece.frame] = piece.count, piece.is_key
        self._pieces.setdefault(piece.frame, set()).add(piece.index)

    def show(self, sent_at: dict[int, float], now: float) -> None:
        """Show or skip the frames whose time has come."""
        while self._next_frame in sent_at and now >= sent_at[self._next_frame] + self._delay_s:
            count, is_key = self._whole.pop(self._next_frame, (-1, False))
            is_whole = len(self._pieces.pop(self._next_frame, ())) == count
            self._can_show = is_whole and (is_key or self._can_show)
            (self.shown if self._can_show else self.skipped).append(self._next_frame)
            self._next_frame += 1

    def feedback(self, now: float) -> list[Any]:
        """Ask for what is missing, for a key frame if need be, and report once a second."""
        packets: list[Any] = []
        for number in [number for number, (attempts, _) in self._missing.items() if attempts >= 8]:
            del self._missing[number]
        due = [number for number, (_, at) in self._missing.items() if now - at >= 1.1 * self._rtt_s + STEP_S]
        if due:
            for number in due:
                self._missing[number] = self._missing[number][0] + 1, now
            self.asked += len(due)
            packets.append(Nack(1, self._ssrc, tuple(number & 0xFFFF for number in due[:200])))
        if not self._can_show and self.highest >= 0 and now - self._asked_key_at > PLI_INTERVAL_S:
            self._asked_key_at = now
            self.key_frames_asked += 1
            packets.append(PictureLossIndication(1, self._ssrc))
        if now >= self._next_report and self.highest >= 0:
            self._next_report = now + 1
            packets.append(ReceiverReport(1, (self._block(now),)))
        return packets

    def sender_report(self, report: SenderReport, now: float) -> None:
        if report.ssrc == self._ssrc:
            self._report = report.ntp >> 16 & 0xFFFFFFFF, now

    def _block(self, now: float) -> ReportBlock:
        stamp, arrival = self._report or (0, now)
        delay = int((now - arrival) * _UNITS_PER_S)
        lost = self.highest - min(self.received) + 1 - len(self.received)
        return ReportBlock(self._ssrc, 0, lost, self.highest & 0xFFFFFFFF, 0, stamp, delay)

    def _unwrap(self, number: int) -> int:
        if self.highest < 0:
            return number
        return self.highest + ((number - self.highest + 0x8000) & 0xFFFF) - 0x8000

    def _note(self, number: int, now: float) -> None:
        self.received[number] += 1
        self._missing.pop(number, None)
        if number <= self.highest:
            return
        if self.highest >= 0:
            for missing in range(max(self.highest + 1, number - 1000), number):
                self._missing[missing] = 0, now - self._rtt_s  # asked for almost at once
        self.highest = number


@dataclass(frozen=True)
class Figures:
    """How a call went. Shares are of all that was sent; the rest is counted per packet that a link has lost."""

    packets_in_time: float
    frames_shown: float
    requests_per_loss: float
    retransmissions_per_loss: float
    forwarded_again_per_loss: float
    key_frames: int
    longest_freeze: int


class LossyCall:
    """Run one call; both networks have the same conditions, each way its own chance."""

    def __init__(
        self,
        seed: int,
        conditions: Conditions,
        troubles: Troubles | None = None,
        *,
        first_sequence: int = 1000,
        delay_s: float = 0.5,
    ) -> None:
        links = [LossyLink[Any](seed * 10 + n, conditions, troubles or Troubles()) for n in range(4)]
        self.up, self.up_back, self.down, self.down_back = links
        for back in (self.up_back, self.down_back):
            back.troubles = Troubles()
        self.rig = MediaRig()
        self.here, self.there = self.rig.transport(), self.rig.transport()
        self.producer = self.rig.produce(self.here)
        self.consumer = self.rig.consume(self.there, self.producer)
        assert self.consumer.sent.rtx_ssrc is not None
        rtt_s = 2 * conditions.delay_s + conditions.jitter_s
        self.publisher = Publisher(first_sequence, rtt_s)
        self.subscriber = Subscriber(self.consumer.sent.ssrc, self.consumer.sent.rtx_ssrc, delay_s, rtt_s)
        self._taken = [0, 0, 0]

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / STEP_S)):
            self.step()

    def cut(self, seconds: float, *links: LossyLink[Any]) -> None:
        """Let nothing through for some time."""
        for link in links:
            link.is_cut = True
        self.run(seconds)
        for link in links:
            link.is_cut = False

    def step(self) -> None:
        rig, now = self.rig, self.rig.now
        for packet in self.publisher.packets(now):
            self.up.send(packet, len(packet), now)
        for report in self.publisher.reports(now):
            self.up.send(report, 50, now)
        arrived = self.up.due(now)
        if packets := [item for item in arrived if isinstance(item, bytes)]:
            rig.receive(self.here, *packets)
        for item in arrived:
            if not isinstance(item, bytes):
                rig.receive_rtcp(self.here, item)
        for request in self.up_back.due(now):
            for packet in self.publisher.feedback(request, now):
                self.up.send(packet, len(packet), now)
        for item in self.down.due(now):
            if isinstance(item, Forwarded):
                self.subscriber.receive(item, self.publisher.sent_at, now)
            else:
                self.subscriber.sender_report(item, now)
        self.subscriber.show(self.publisher.sent_at, now)
        for request in self.subscriber.feedback(now):
            self.down_back.send(request, 50, now)
        for request in self.down_back.due(now):
            rig.receive_rtcp(self.there, request)
        rig.advance(STEP_S)
        self._carry()

    def _carry(self) -> None:
        now = self.rig.now
        media, to_publisher, to_subscriber = self.there.link.sent, self.here.link.rtcp, self.there.link.rtcp
        for packet in media[self._taken[0] :]:
            self.down.send(packet, PAYLOAD_BYTES, now)
        for report in to_publisher[self._taken[1] :]:
            self.up_back.send(report, 50, now)
        for report in to_subscriber[self._taken[2] :]:
            if isinstance(report, SenderReport):
                self.down.send(report, 50, now)
        self._taken = [len(media), len(to_publisher), len(to_subscriber)]

    def figures(self, settle_s: float = 2.0) -> Figures:
        """Sum up all frames but those of the first `settle_s` and those whose time has not come yet."""
        received, subscriber = self.producer.streams[0].received, self.subscriber
        first = round(settle_s * FRAMES_PER_S)
        frames = range(first, len(subscriber.shown) + len(subscriber.skipped))
        shown = [frame for frame in subscriber.shown if frame >= first]
        gaps = [after - before - 1 for before, after in pairwise([first - 1, *shown, frames.stop])]
        return Figures(
            sum(subscriber.in_time[n] for n in frames) / sum(self.publisher.sent_of[n] for n in frames),
            len(shown) / len(frames),
            received.nack_packet_count / max(1, self.up.lost),
            self.publisher.retransmitted / max(1, self.up.lost),
            self.consumer.sent.packets_retransmitted / max(1, self.down.lost),
            self.publisher.key_frames,
            max(gaps),
        )
