"""The receiving half of an endpoint: reads datagrams in batches and counts them, decrypting one in sixteen."""

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from mmap import mmap

from tests.bench.load import datagrams, rtcp
from tests.bench.load.clips import TAIL
from tests.bench.load.datagrams import BATCH, CONTROL, CONTROL_STRIDE, DATA, STRIDE
from tests.bench.load.histogram import Histogram
from tests.bench.load.loop import now
from tests.bench.load.received_stream import ReceivedStream
from tests.bench.load.srtp import Srtp
from tests.bench.load.vp8 import begins_key_frame
from tests.bench.servers.base import Track

SAMPLE_MASK = 15
"""Of how many packets one is decrypted: a power of two, less one."""
MAX_CC_ARRIVALS = 4000

_head = struct.Struct("!BBH4xL").unpack_from
_cc = struct.Struct("!BH").unpack_from
_time = struct.Struct("@q").unpack_from
_timespec = struct.Struct("@qq").unpack_from
_SLOTS = [(n, n * STRIDE, n * CONTROL_STRIDE + 16) for n in range(BATCH)]
_FIRST = [_SLOTS[:count] for count in range(BATCH + 1)]


@dataclass(slots=True)
class Totals:
    """What all endpoints of a process have seen together, besides the counts of their streams."""

    datagrams: int = 0
    unexpected: int = 0
    rtcp: int = 0
    authentic: int = 0
    forged: int = 0
    unmatched: int = 0
    nacks: int = 0
    plis: int = 0
    feedbacks: int = 0
    latency: Histogram = field(default_factory=Histogram)


class Reception:
    """Counts what arrives on one socket. Datagrams that are neither RTP nor RTCP go to `other`.

    `slots` maps payload tails to slots of `sent_at`, the table of send times; its group's begin at `first_slot`.
    """

    def __init__(
        self,
        fd: int,
        other: Callable[[bytes], None],
        totals: Totals,
        slots: Mapping[bytes, int],
        sent_at: mmap | None,
        first_slot: int,
    ) -> None:
        self.streams: dict[int, ReceivedStream] = {}
        self.silent_videos: list[ReceivedStream] = []
        self.srtp: Srtp | None = None
        self.totals = totals
        self.on_rtcp: Callable[[bytes, float], None] | None = None
        self.on_loss: Callable[[], None] | None = None
        self.on_undecodable: Callable[[int], None] | None = None
        self._fd = fd
        self._other = other
        self._slots = slots
        self._sent_at = sent_at
        self._first_slot = first_slot
        self._begun: dict[int, ReceivedStream] = {}
        self._rtx: dict[int, ReceivedStream] = {}
        self._cc_id = 0
        self._cc_last = 0
        self._cc_count = 0
        self._cc_numbers: list[int] = []
        self._cc_times: list[int] = []
        self._sample = 0

    def expect(self, tracks: list[Track]) -> None:
        """Make room for streams to come."""
        for track in tracks:
            stream = self.streams[track.ssrc] = ReceivedStream(track)
            if track.rtx_ssrc is not None:
                self._rtx[track.rtx_ssrc] = stream
            if track.kind == "video":
                self.silent_videos.append(stream)
            self._cc_id = stream.cc_id or self._cc_id

    def read(self) -> None:
        """Read one batch. What is left makes the socket readable again, so that no socket starves another."""
        count = datagrams.receive(self._fd)
        if count <= 0:
            return
        totals, streams = self.totals, self._begun
        totals.datagrams += count
        lost = False
        for n, at, clock in _FIRST[count]:
            _, second, sequence, ssrc = _head(DATA, at)
            stream = streams.get(ssrc)
            if stream is None or second & 0x60 != 0x60:
                self._odd(n, at)
                continue
            highest = stream.highest
            if highest is not None and sequence == highest + 1 & 0xFFFF:
                stream.highest = highest + 1
                stream.received += 1
            else:
                lost |= stream.count(sequence, now())
                self._sample = SAMPLE_MASK
            if second & 0x80:
                stream.frames += 1
            if stream.cc_id:
                found, number = _cc(DATA, at + stream.cc_at)
                if found == stream.cc_id << 4 | 1 and stream.cc_at:
                    self._cc_numbers.append(number)
                    seconds, ns = _timespec(CONTROL, clock)
                    self._cc_times.append(seconds * 1_000_000 + ns // 1000)
                else:
                    stream.cc_at = self._find_cc(n, at, stream.cc_id)
            self._sample += 1
            if self._sample > SAMPLE_MASK:
                self._sample = 0
                self._measure(n, at)
        if lost and self.on_loss is not None:
            self.on_loss()

    def _find_cc(self, n: int, at: int, wanted: int) -> int:
        """Note a packet's transport-wide number; return where it stands, as the next packet has it there too."""
        if not DATA[at] & 0x10:
            return 0
        place = at + 12 + 4 * (DATA[at] & 15)
        if DATA[place] != 0xBE or DATA[place + 1] != 0xDE:
            return 0
        end = place + 4 + 4 * int.from_bytes(DATA[place + 2 : place + 4], "big")
        place += 4
        while place < end:
            element = DATA[place]
            if element >> 4 == wanted:
                self._cc_numbers.append(int.from_bytes(DATA[place + 1 : place + 3], "big"))
                self._cc_times.append(datagrams.arrival_ns(n) // 1000)
                return place - at
            place += 1 if element == 0 else 2 + (element & 15)
        return 0

    def _odd(self, n: int, at: int) -> None:
        """Take what is no packet of a stream that has begun."""
        first, second = DATA[at], DATA[at + 1]
        if not 128 <= first <= 191:
            self._other(bytes(DATA[at : at + datagrams.size(n)]))
        elif self.srtp is None:
            self.totals.unexpected += 1
        elif 192 <= second <= 223:
            self._take_rtcp(bytes(DATA[at : at + datagrams.size(n)]))
        else:
            if self._cc_id:
                self._find_cc(n, at, self._cc_id)
            stream = self.streams.get(int.from_bytes(DATA[at + 8 : at + 12], "big"))
            if stream is None:
                self._take_rtx(bytes(DATA[at : at + datagrams.size(n)]))
            elif second & 0x7F == stream.track.payload_type:
                self._begin(stream, n, at)

    def _begin(self, stream: ReceivedStream, n: int, at: int) -> None:
        """Take a packet of a stream that cannot be decoded yet: an audio's first, a video's up to a key frame."""
        _, second, sequence, ssrc = _head(DATA, at)
        arrived = datagrams.arrival_ns(n)
        stream.first_ns = stream.first_ns or arrived
        stream.frames += second >> 7
        if stream.count(sequence, now()) and self.on_loss is not None:
            self.on_loss()
        payload = self._measure(n, at)
        if stream.track.kind == "audio" or begins_key_frame(payload):
            stream.decodable_ns = arrived
            self._begun[ssrc] = stream
        elif self.on_undecodable is not None:
            self.on_undecodable(ssrc)

    def _take_rtcp(self, data: bytes) -> None:
        assert self.srtp is not None
        plain = self.srtp.unprotect_rtcp(data)
        if plain is None:
            self.totals.forged += 1
            return
        self.totals.rtcp += 1
        if self.on_rtcp is not None:
            self.on_rtcp(bytes(plain), now())

    def _take_rtx(self, data: bytes) -> None:
        assert self.srtp is not None
        stream = self._rtx.get(int.from_bytes(data[8:12], "big"))
        if stream is None:
            self.totals.unexpected += 1
            return
        plain = self.srtp.unprotect(data)
        if plain is None:
            self.totals.forged += 1
            return
        begins, ends = payload_of(plain)
        if ends - begins > 2:
            stream.recover(int.from_bytes(plain[begins : begins + 2], "big"))

    def _measure(self, n: int, at: int) -> bytes | memoryview:
        """Decrypt a packet, and find out how long it was under way; return its payload, nothing if forged."""
        if self.srtp is None:
            return b""
        plain = self.srtp.unprotect(DATA[at : at + datagrams.size(n)])
        if plain is None:
            self.totals.forged += 1
            return b""
        self.totals.authentic += 1
        begins, ends = payload_of(plain)
        slot = self._slots.get(bytes(plain[ends - TAIL : ends]))
        if slot is None or self._sent_at is None:
            self.totals.unmatched += 1
            return plain[begins:ends]
        (sent,) = _time(self._sent_at, (self._first_slot + slot) * 8)
        self.totals.latency.add((datagrams.arrival_ns(n) - sent) // 1000)
        return plain[begins:ends]

    def sender_report(self, body: bytes, at: float) -> None:
        """Remember a sender report for the next receiver report."""
        stream = self.streams.get(int.from_bytes(body[:4], "big"))
        if stream is not None:
            stream.last_sr = int.from_bytes(body[6:10], "big")
            stream.last_sr_at = at

    def blocks(self, at: float) -> list[rtcp.Block]:
        """Report on all streams that have begun."""
        return [stream.block(at) for stream in self.streams.values() if stream.highest is not None]

    def transport_feedback(self, sender: int) -> bytes | None:
        """Build the feedback on what came since the last call; None if nothing did."""
        numbers, times = self._cc_numbers, self._cc_times
        if not numbers:
            return None
        self._cc_numbers, self._cc_times = [], []
        last, arrivals = self._cc_last, []
        for number, time_us in zip(numbers[:MAX_CC_ARRIVALS], times, strict=False):
            unwrapped = last + (number - last + 0x8000 & 0xFFFF) - 0x8000
            if unwrapped > last or not self._cc_count:
                arrivals.append((unwrapped, time_us))
                last = unwrapped
        if not arrivals:
            return None
        self._cc_last = last
        self._cc_count += 1
        self.totals.feedbacks += 1
        media = next(iter(self.streams), 0)
        return rtcp.transport_feedback(sender, media, self._cc_count, arrivals)

    @property
    def has_missing(self) -> bool:
        """Tell whether a loss is still to be repaired."""
        return any(stream.missing for stream in self.streams.values())

    def to_ask_for(self, at: float) -> Iterator[tuple[int, list[int]]]:
        """Yield what each stream that negotiated RTX, or is a video, has to ask for: SSRC and numbers."""
        for ssrc, stream in self.streams.items():
            if stream.missing:
                wanted = stream.to_ask_for(at)
                if wanted and stream.track.kind == "video":
                    yield ssrc, wanted


def payload_of(plain: memoryview) -> tuple[int, int]:
    """Return where the payload of an RTP packet begins and ends, without its padding (RFC 3550 section 5.1)."""
    begins = 12 + 4 * (plain[0] & 15)
    if plain[0] & 0x10:
        begins += 4 + 4 * int.from_bytes(plain[begins + 2 : begins + 4], "big")
    ends = len(plain) - (plain[-1] if plain[0] & 0x20 else 0)
    return begins, ends
