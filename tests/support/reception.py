"""What a browser says of the media it receives, in our own words, and what can be told of several such looks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

OPUS_CLOCK_RATE = 48_000


@dataclass(frozen=True, slots=True)
class Reception:
    """One look at what is received of a participant; counters grow from the consumers' beginning.

    `at` is in seconds of the page's clock. `width` is 0 before the first frame; `protocol` and `rtt_s` are of the
    way that packets take, empty and None in samples.
    """

    at: float
    frames: int
    width: int
    freezes: int
    frozen_s: float
    video_packets: int
    video_lost: int
    nacks: int
    key_frame_requests: int
    audio_packets: int
    audio_energy: float
    concealed_s: float
    protocol: str = ""
    remote_port: int = 0
    rtt_s: float | None = None

    @classmethod
    def of(cls, seen: Mapping[str, Any]) -> "Reception":
        """Read what the probe `reception` has returned; what it lacks counts as nothing."""
        video, audio = seen["video"] or {}, seen["audio"] or {}
        pair, remote = seen.get("pair") or {}, seen.get("remote") or {}
        return cls(
            at=seen["at"],
            frames=video.get("framesDecoded", 0),
            width=video.get("frameWidth", 0),
            freezes=video.get("freezeCount", 0),
            frozen_s=video.get("totalFreezesDuration", 0.0),
            video_packets=video.get("packetsReceived", 0),
            video_lost=video.get("packetsLost", 0),
            nacks=video.get("nackCount", 0),
            key_frame_requests=video.get("pliCount", 0) + video.get("firCount", 0),
            audio_packets=audio.get("packetsReceived", 0),
            audio_energy=audio.get("totalAudioEnergy", 0.0),
            concealed_s=(audio.get("concealedSamples", 0) - audio.get("silentConcealedSamples", 0))
            / OPUS_CLOCK_RATE,
            protocol=remote.get("protocol", ""),
            remote_port=remote.get("port", 0),
            rtt_s=pair.get("currentRoundTripTime"),
        )


@dataclass(frozen=True, slots=True)
class Stretch:
    """What happened between two looks."""

    seconds: float
    frames_per_s: float
    freezes: int
    frozen_share: float
    video_packets: int
    video_lost: int
    nacks: int
    key_frame_requests: int
    audio_packets_per_s: float
    audio_energy: float
    concealed_share: float

    @classmethod
    def between(cls, before: Reception, after: Reception) -> "Stretch":
        """Return the growth of everything that grows."""
        seconds = after.at - before.at
        return cls(
            seconds=seconds,
            frames_per_s=(after.frames - before.frames) / seconds,
            freezes=after.freezes - before.freezes,
            frozen_share=(after.frozen_s - before.frozen_s) / seconds,
            video_packets=after.video_packets - before.video_packets,
            video_lost=after.video_lost - before.video_lost,
            nacks=after.nacks - before.nacks,
            key_frame_requests=after.key_frame_requests - before.key_frame_requests,
            audio_packets_per_s=(after.audio_packets - before.audio_packets) / seconds,
            audio_energy=after.audio_energy - before.audio_energy,
            concealed_share=(after.concealed_s - before.concealed_s) / seconds,
        )


def longest_gap_s(samples: Sequence[Reception], count: Callable[[Reception], int]) -> float:
    """Return the longest time for which a counter did not grow; what follows the last growth counts too."""
    grew_at, seen, longest = samples[0].at, count(samples[0]), 0.0
    for sample in samples[1:]:
        longest = max(longest, sample.at - grew_at)
        if count(sample) > seen:
            grew_at, seen = sample.at, count(sample)
    return longest
