"""One endpoint inside a load process: what it sends, what it receives, and the feedback a browser would give."""

import random
from mmap import mmap

from tests.bench.load import rtcp
from tests.bench.load.clips import Clip
from tests.bench.load.loop import Loop, now
from tests.bench.load.reception import Reception
from tests.bench.load.sent_stream import Departure, SentStream
from tests.bench.load.transport import CONSENT_EVERY_S, Transport
from tests.bench.servers.base import Track

TICK_S = 0.1
"""How often an endpoint gives transport-wide feedback; libwebrtc varies it between 50 and 250 ms."""
REPORT_EVERY_S = 1.0
KEY_FRAME_EVERY_S = 0.3
"""A request for a key frame within this time of the last one is not heeded, as libwebrtc's encoders do."""
UNDECODABLE_AGAIN_S = 0.2
"""Between the key frames asked for while video arrives that needs one, as libwebrtc's receivers have it."""
ASK_AGAIN_S = 0.5
"""How long a receiver waits for the first packet of a video before it asks for a key frame (again)."""


class Peer:
    """Ties a transport, its reception and its sent streams together."""

    def __init__(self, loop: Loop, transport: Transport, reception: Reception, *, feedback: bool) -> None:
        self.transport = transport
        self.reception = reception
        self.sent: list[SentStream] = []
        self.departure: Departure | None = None
        self.is_held = False
        self._loop = loop
        self._feedback = feedback
        self._ssrc = random.randrange(1, 1 << 31)  # noqa: S311 - the SSRC of reports, no secret
        self._next_consent = self._next_report = 0.0
        self._last_key_frame: dict[int, float] = {}
        self._asked: dict[int, float] = {}

    def connected(self) -> None:
        """Begin to take media and to give feedback."""
        srtp = self.transport.srtp
        assert srtp is not None
        self.departure = Departure(self.transport.sock, srtp)
        self.reception.srtp = srtp
        self.reception.on_rtcp = self._receive_rtcp
        self.reception.on_loss = self._ask_for_lost
        self.reception.on_undecodable = self._undecodable
        began = now()
        self._next_consent = began + random.random() * CONSENT_EVERY_S  # noqa: S311 - phases of a load
        self._next_report = began + random.random() * REPORT_EVERY_S  # noqa: S311
        self._loop.at(began + random.random() * TICK_S, self._tick)  # noqa: S311

    def send(self, track: Track, clip: Clip, sent_at: mmap, first_slot: int, phase: float) -> None:
        """Start to send a clip, at a moment of its own within the second."""
        assert self.departure is not None
        stream = SentStream(track, clip, self.departure, sent_at, first_slot)
        self.sent.append(stream)
        self._start(stream, now() + phase)

    def hold(self) -> None:
        """Send no media until `go`."""
        self.is_held = True

    def go(self) -> None:
        """Send on."""
        if self.is_held:
            self.is_held = False
            began = now()
            for stream in self.sent:
                self._start(stream, began + random.random() * 0.05)  # noqa: S311 - phases of a load

    def close(self) -> None:
        """Leave."""
        self.transport.close()

    def _start(self, stream: SentStream, when: float) -> None:
        def send_due() -> None:
            if not (self.is_held or self.transport.closed):
                self._loop.at(stream.send_due(), send_due)

        self._loop.at(stream.begin(when), send_due)

    def _send_rtcp(self, packet: bytes) -> None:
        if self.transport.srtp is not None:
            self.transport.send(self.transport.srtp.protect_rtcp(packet))

    def _receive_rtcp(self, compound: bytes, at: float) -> None:
        for kind, count, body in rtcp.packets(compound):
            if kind == rtcp.SENDER_REPORT and len(body) >= 24:
                self.reception.sender_report(body, at)
            elif kind == rtcp.TRANSPORT_FEEDBACK and count == rtcp.NACK_FORMAT:
                wanted = rtcp.nacked(body)
                for stream in self._sent_as(body[4:8]):
                    stream.resend(wanted)
            elif kind == rtcp.PAYLOAD_FEEDBACK and count == rtcp.PLI_FORMAT:
                for stream in self._sent_as(body[4:8]):
                    self._key_frame(stream)
            elif kind == rtcp.PAYLOAD_FEEDBACK and count == rtcp.FIR_FORMAT:
                for stream in self._sent_as(body[8:12]):
                    self._key_frame(stream)

    def _sent_as(self, ssrc: bytes) -> list[SentStream]:
        return [stream for stream in self.sent if stream.track.ssrc == int.from_bytes(ssrc, "big")]

    def _key_frame(self, stream: SentStream) -> None:
        at = now()
        if at - self._last_key_frame.get(stream.track.ssrc, 0.0) >= KEY_FRAME_EVERY_S:
            self._last_key_frame[stream.track.ssrc] = at
            stream.restart()

    def _tick(self) -> None:
        if self.transport.closed:
            return
        at = now()
        self._loop.at(at + TICK_S, self._tick)
        if at >= self._next_consent:
            self._next_consent = at + CONSENT_EVERY_S
            self.transport.consent()
        if at >= self._next_report:
            self._next_report = at + REPORT_EVERY_S
            self._report(at)
        self._ask_for_start(at)
        if self._feedback:
            feedback = self.reception.transport_feedback(self._ssrc)
            if feedback is not None:
                self._send_rtcp(feedback)
            if self.reception.has_missing:
                self._ask_for_lost()

    def _report(self, at: float) -> None:
        for stream in self.sent:
            if not self.is_held:
                self._send_rtcp(stream.report(at))
        if self._feedback:
            for report in rtcp.receiver_reports(self._ssrc, self.reception.blocks(at)):
                self._send_rtcp(report)

    def _ask_for_start(self, at: float) -> None:
        for stream in self.reception.silent_videos:
            ssrc = stream.track.ssrc
            if stream.highest is None and at - self._asked.setdefault(ssrc, at) >= ASK_AGAIN_S:
                self._ask_for_key_frame(ssrc, at)

    def _undecodable(self, ssrc: int) -> None:
        at = now()
        if self._feedback and at - self._asked.get(ssrc, 0.0) >= UNDECODABLE_AGAIN_S:
            self._ask_for_key_frame(ssrc, at)

    def _ask_for_key_frame(self, ssrc: int, at: float) -> None:
        self._asked[ssrc] = at
        self.reception.totals.plis += 1
        self._send_rtcp(rtcp.picture_loss(self._ssrc, ssrc))

    def _ask_for_lost(self) -> None:
        if not self._feedback:
            return
        for ssrc, wanted in self.reception.to_ask_for(now()):
            self.reception.totals.nacks += 1
            self._send_rtcp(rtcp.nack(self._ssrc, ssrc, wanted))
