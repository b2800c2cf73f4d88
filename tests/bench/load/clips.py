"""Real media to send: short clips of VP8 and Opus that are encoded before a run, cut into RTP payloads and looped.

Every packet of a library has a slot, a number under which its sender notes when it went out; a receiver finds the
slot of a decrypted packet by the last bytes of its payload, which entropy coding makes unique.
"""

import base64
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.video.codeccontext import VideoCodecContext

from tests.bench.servers.base import Kind

Packetizer = Literal["chromium", "mtu"]
"""How a frame is cut: into packets that differ by at most a byte, or into full ones and a rest."""

AUDIO_SECONDS = 5
TAIL = 8
"""Bytes of a payload's end that identify it; shorter payloads (Opus in silence) are not looked up."""
MAX_PAYLOAD = 1160
"""What Chromium's limit of 1,200 bytes leaves after the headers."""
SPEECH_BPS = 32_000
PAN_SECONDS = 5

VIDEO_CLOCK = 90_000
AUDIO_CLOCK = 48_000
_OPUS_SAMPLES = 960


@dataclass(frozen=True, slots=True)
class Frame:
    """What leaves at once: when (seconds into the loop) and as which RTP payloads. `level`: RFC 6464, -dBov."""

    at: float
    ticks: int
    payloads: list[bytes]
    is_key: bool = False
    level: int = 127


@dataclass(frozen=True, slots=True)
class Clip:
    """A loop of `seconds`. Slots of its packets run from `first_slot`. VP8 descriptors are the sender's."""

    kind: Kind
    frames: list[Frame]
    seconds: int
    first_slot: int

    @property
    def packets(self) -> int:
        """How many packets the loop has."""
        return sum(len(frame.payloads) for frame in self.frames)


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """How a video clip is made. It has one key frame, which a publisher repeats every `seconds` or when asked."""

    bitrate_bps: int = 1_500_000
    fps: int = 30
    width: int = 640
    height: int = 360
    packetizer: Packetizer = "chromium"
    seconds: int = 20


class Library:
    """Clips that share one space of slots, one for each of `groups` rooms that send the same clips."""

    def __init__(self, groups: int = 1) -> None:
        self.groups = groups
        self.clips: list[Clip] = []

    @property
    def slots(self) -> int:
        """How many packets all clips have."""
        return sum(clip.packets for clip in self.clips)

    def add(self, kind: Kind, frames: list[Frame], seconds: int) -> int:
        """Take a clip of a length in; return its number."""
        self.clips.append(Clip(kind, frames, seconds, self.slots))
        return len(self.clips) - 1

    def slots_by_tail(self) -> dict[bytes, int]:
        """Map the ends of payloads to slots, without those that are not unique."""
        found: dict[bytes, int] = {}
        twice: set[bytes] = set()
        for clip in self.clips:
            payloads = (payload for frame in clip.frames for payload in frame.payloads)
            for slot, payload in enumerate(payloads, clip.first_slot):
                tail = payload[-TAIL:]
                if len(tail) < TAIL or found.setdefault(tail, slot) != slot:
                    twice.add(tail)
        return {tail: slot for tail, slot in found.items() if tail not in twice}

    def save(self, path: Path) -> None:
        """Write all clips to a file."""
        clips = [
            {
                "kind": clip.kind,
                "seconds": clip.seconds,
                "frames": [
                    [frame.at, frame.ticks, frame.is_key, frame.level]
                    + [base64.b64encode(payload).decode() for payload in frame.payloads]
                    for frame in clip.frames
                ],
            }
            for clip in self.clips
        ]
        path.write_text(json.dumps(clips))

    @classmethod
    def load(cls, path: Path) -> "Library":
        """Read what `save` wrote."""
        library = cls()
        for clip in json.loads(path.read_text()):
            frames = [
                Frame(at, ticks, [base64.b64decode(payload) for payload in payloads], is_key, level)
                for at, ticks, is_key, level, *payloads in clip["frames"]
            ]
            library.add(clip["kind"], frames, clip["seconds"])
        return library


def sizes_of(size: int, packetizer: Packetizer, limit: int = MAX_PAYLOAD) -> list[int]:
    """Say how a frame of a size is cut. Chromium lets the larger packets come last."""
    if packetizer == "mtu":
        return [limit] * (size // limit) + ([size % limit] if size % limit else [])
    count = -(-size // limit)
    small, larger = divmod(size, count)
    return [small] * (count - larger) + [small + 1] * larger


def cut(data: bytes, packetizer: Packetizer) -> list[bytes]:
    """Cut a frame into payloads."""
    payloads, at = [], 0
    for size in sizes_of(len(data), packetizer):
        payloads.append(data[at : at + size])
        at += size
    return payloads


def video_frames(form: VideoFormat, seed: int) -> list[Frame]:
    """Encode a loop of VP8: a key frame, then others at a constant rate, of a textured scene that pans."""
    codec = av.CodecContext.create("libvpx", "w")
    assert isinstance(codec, VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt = form.width, form.height, "yuv420p"
    codec.time_base, codec.framerate = Fraction(1, form.fps), Fraction(form.fps)
    codec.bit_rate, codec.gop_size = form.bitrate_bps, 100_000
    codec.thread_count = 1
    rate = str(form.bitrate_bps)
    codec.options = {
        "deadline": "realtime",
        "cpu-used": "8",
        "lag-in-frames": "0",
        "minrate": rate,
        "maxrate": rate,
        "bufsize": str(form.bitrate_bps // 2),
        "max-intra-rate": "400",
        "error-resilient": "1",
    }
    frames = []
    for n, picture in enumerate(_scene(form, seed)):
        picture.pts = n
        for packet in codec.encode(picture):
            payloads = cut(bytes(packet), form.packetizer)
            frames.append(Frame(n / form.fps, n * VIDEO_CLOCK // form.fps, payloads, packet.is_keyframe))
    return frames


def _scene(form: VideoFormat, seed: int) -> Iterator[av.VideoFrame]:
    random = np.random.default_rng(seed)
    coarse = random.integers(40, 216, (form.height // 8 + 1, form.width // 4), dtype=np.uint8)
    world = coarse.repeat(8, axis=0).repeat(8, axis=1)
    for n in range(form.fps * form.seconds):
        left = int((0.5 + 0.5 * math.sin(2 * math.pi * n / (form.fps * PAN_SECONDS))) * form.width)
        luma = world[: form.height, left : left + form.width].astype(np.int16)
        luma = luma + random.integers(-12, 13, luma.shape, dtype=np.int16)
        planes = np.full((form.height * 3 // 2, form.width), 128, np.uint8)
        planes[: form.height] = luma.clip(0, 255)
        yield av.VideoFrame.from_ndarray(planes, format="yuv420p")


def speech_frames(seed: int) -> list[Frame]:
    """Encode a loop of Opus, 50 packets/s: a voice's harmonics, rising and falling with its syllables."""
    random = np.random.default_rng(seed)
    t = np.arange(AUDIO_CLOCK * AUDIO_SECONDS) / AUDIO_CLOCK
    pitch = 100 + 100 * random.random()
    voice = sum(np.sin(2 * math.pi * pitch * k * t + random.random()) / k for k in range(1, 9))
    syllables = 0.35 + 0.3 * np.sin(2 * math.pi * (3 + random.random()) * t)
    sound = (voice + 0.3 * random.standard_normal(t.shape)) * syllables * 6000
    return _opus(sound.clip(-32768, 32767).astype(np.int16))


def silence_frames(seed: int) -> list[Frame]:
    """Return a loop of Opus with DTX: the comfort noise of a quiet room, every 400 ms (RFC 7587 section 3.1.3)."""
    random = np.random.default_rng(seed)
    noise = (random.standard_normal(AUDIO_CLOCK * AUDIO_SECONDS) * 3).astype(np.int16)
    return _opus(noise)[::20]


def _opus(sound: "np.ndarray[tuple[int], np.dtype[np.int16]]") -> list[Frame]:
    codec = av.CodecContext.create("libopus", "w")
    assert isinstance(codec, AudioCodecContext)
    codec.sample_rate, codec.layout, codec.format, codec.bit_rate = AUDIO_CLOCK, "mono", "s16", SPEECH_BPS
    codec.options = {"application": "voip", "frame_duration": "20"}
    frames: list[Frame] = []
    for n in range(len(sound) // _OPUS_SAMPLES):
        piece = sound[n * _OPUS_SAMPLES : (n + 1) * _OPUS_SAMPLES]
        picture = av.AudioFrame.from_ndarray(piece.reshape(1, -1), format="s16", layout="mono")
        picture.sample_rate, picture.pts = AUDIO_CLOCK, n * _OPUS_SAMPLES
        for packet in codec.encode(picture):
            at = len(frames)
            level = _level(piece)
            frames.append(Frame(at * 0.02, at * _OPUS_SAMPLES, [bytes(packet)], level=level))
    return frames


def _level(piece: "np.ndarray[tuple[int], np.dtype[np.int16]]") -> int:
    power = float(np.sqrt(np.mean(piece.astype(np.float64) ** 2))) / 32768
    return min(127, max(0, round(-20 * math.log10(power)))) if power > 0 else 127
