"""Shares what may be sent to a peer out over its consumers.

Audio comes first: it takes little, and a class without it is none. Then every video gets its lowest layer, in the
order of priority; then better ones, step by step: in each round a consumer of priority p may take p steps, as in
mediasoup, so that equals rise together and a high priority rises alone. A step is the next better of a consumer's
own options: consumers list them by ascending rate, so each is the cheapest there is.

Down at once, up only with headroom and some time after the last step down: a layer that comes and goes looks worse
than one that stays away.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sfu.rtp.layers import LayerOption, Layers

HEADROOM = 1.2
"""A better layer has to fit with so much to spare: rates of layers swing about, so do estimates, and it begins
with a key frame. Browsers ask for as much before they send a better one themselves."""

MIN_HOLD_S = 2.0
MAX_HOLD_S = 8.0
FLAPPING_S = 10.0
"""No step up for so long after a step down; twice as long each time that one came so soon after a step up."""

FAR_BELOW = 0.85
PATIENCE_S = 5.0
"""The first video keeps its lowest layer until the estimate has been below this share of it for so long: when an
estimate errs, it drops so far below the path's rate and is back within seconds; when it stays, no layer fits."""

MIN_RETRY_S = 10.0
MAX_RETRY_S = 30.0
RETRY_LASTS_S = 2.0
"""Where the path cannot be probed, a first video that was taken away is tried out now and then, for so long."""


class Share(NamedTuple):
    """One consumer's demand: `options` in ascending quality, none if it wants nothing at the moment."""

    consumer_id: str
    is_audio: bool
    priority: int
    options: Sequence[LayerOption]


class Allocation(NamedTuple):
    """What each consumer gets (`None`: nothing for now), and what the peer could do with.

    `used_bps` is the rate of what is given; `next_bps` the least estimate that would give somebody more, `None`
    when all have all they want; `desired_bps` what everything together takes. All in bits a second.
    """

    layers: dict[str, Layers | None]
    used_bps: int
    next_bps: int | None
    desired_bps: int


class _Memory:
    """What a consumer was given, and how it has fared."""

    __slots__ = ("hold_s", "layers", "lowered_at", "raised_at")

    def __init__(self) -> None:
        self.layers: Layers | None = None
        self.lowered_at: float | None = None
        self.raised_at: float | None = None
        self.hold_s = MIN_HOLD_S

    def may_rise(self, now: float) -> bool:
        return self.lowered_at is None or now - self.lowered_at >= self.hold_s

    def settle(self, layers: Layers | None, step: int, now: float) -> None:
        self.layers = layers
        if step > 0:
            self.raised_at = now
        elif step < 0:
            flapping = self.raised_at is not None and now - self.raised_at < FLAPPING_S
            self.hold_s = min(2 * self.hold_s, MAX_HOLD_S) if flapping else MIN_HOLD_S
            self.lowered_at = now


class _Video:
    """One video during an allocation; indices are into its options, -1 for nothing."""

    __slots__ = ("chosen", "current", "memory", "share")

    def __init__(self, share: Share, memory: _Memory, *, is_new: bool) -> None:
        self.share = share
        self.memory = memory
        self.current = _index_of(memory.layers, share.options) if not is_new else -1
        self.chosen = -1

    def cost(self, index: int) -> int:
        """What option `index` takes beyond the one below it."""
        options = self.share.options
        below = options[index - 1].bitrate_bps if index else 0
        return max(0, options[index].bitrate_bps - below)


class Allocator:
    """Allocate again and again for the consumers of one peer; what they had matters."""

    __slots__ = ("_low_since", "_memories", "_retry_at", "_retry_s", "_satisfied")

    def __init__(self) -> None:
        self._memories: dict[str, _Memory] = {}
        self._low_since: float | None = None
        self._retry_at: float | None = None
        self._retry_s = MIN_RETRY_S
        self._satisfied: dict[str, Layers | None] | None = None  # what all have who have the best there is

    def keep(self, estimate_bps: int | None, shares: Sequence[Share]) -> Allocation | None:
        """Give what `allocate` has given last, if all have still the best there is and it fits; `None` if not.

        So it mostly is, and this is a fifth of the work. Nobody's layers are others than before then.
        """
        layers = self._satisfied
        if layers is None or len(layers) != len(shares):
            return None
        desired_bps = 0
        for consumer_id, _, _, options in shares:
            if not options or layers.get(consumer_id) != options[-1].layers:
                return None
            desired_bps += options[-1].bitrate_bps
        if estimate_bps is not None and estimate_bps < desired_bps:
            return None
        self._low_since = self._retry_at = None
        self._retry_s = MIN_RETRY_S
        return Allocation(layers, desired_bps, None, desired_bps)

    def allocate(
        self, estimate_bps: int | None, shares: Sequence[Share], now: float, *, probing: bool = True
    ) -> Allocation:
        """Share an estimate out; `None` is enough for everything.

        Shares without options are left out and remembered. `probing`: the path is probed while somebody wants
        more, so nothing needs to be tried out by media.
        """
        known = self._memories
        self._memories = {share.consumer_id: known.get(share.consumer_id) or _Memory() for share in shares}
        wanting = [share for share in shares if share.options]
        layers: dict[str, Layers | None] = {
            share.consumer_id: share.options[-1].layers for share in wanting if share.is_audio
        }
        audio_bps = sum(share.options[-1].bitrate_bps for share in wanting if share.is_audio)
        videos = [
            _Video(share, self._memories[share.consumer_id], is_new=share.consumer_id not in known)
            for share in sorted(wanting, key=_by_priority)
            if not share.is_audio
        ]
        desired_bps = audio_bps + sum(video.share.options[-1].bitrate_bps for video in videos)
        if estimate_bps is None:
            estimate_bps = int(desired_bps * HEADROOM) + 1
        spare = estimate_bps - int(estimate_bps / HEADROOM)
        budget = self._give_lowest(videos, estimate_bps, audio_bps, spare, now, probing=probing)
        budget = _give_better(videos, budget, spare, now)
        for video in videos:
            chosen = video.share.options[video.chosen].layers if video.chosen >= 0 else None
            layers[video.share.consumer_id] = chosen
            video.memory.settle(chosen, video.chosen - video.current, now)
        used_bps = estimate_bps - budget
        steps = [video.cost(video.chosen + 1) for video in videos if video.chosen + 1 < len(video.share.options)]
        next_bps = int((used_bps + min(steps)) * HEADROOM) if steps else None
        self._satisfied = layers if next_bps is None and len(layers) == len(shares) else None
        return Allocation(layers, used_bps, next_bps, desired_bps)

    def _give_lowest(
        self, videos: list[_Video], estimate_bps: int, audio_bps: int, spare: int, now: float, *, probing: bool
    ) -> int:
        """Give each video its lowest layer as far as they fit; what is left."""
        budget = estimate_bps - audio_bps
        for number, video in enumerate(videos):
            lowest = video.cost(0)
            suspended = video.current < 0 and video.memory.lowered_at is not None
            kept = number == 0 and self._keeps_first(estimate_bps, audio_bps, lowest, now, probing=probing)
            if kept or lowest + (spare if suspended else 0) <= budget:
                video.chosen = 0
                budget -= lowest
        return budget

    def _keeps_first(self, estimate_bps: int, audio_bps: int, lowest: int, now: float, *, probing: bool) -> bool:
        """Tell whether the first video has its lowest layer even though the estimate is below it."""
        if estimate_bps >= audio_bps + FAR_BELOW * lowest:
            self._low_since = self._retry_at = None
            self._retry_s = MIN_RETRY_S
            return True
        if self._low_since is None:
            self._low_since = now
        if now - self._low_since < PATIENCE_S:
            return True
        if self._retry_at is None:
            self._retry_at = now + self._retry_s
            self._retry_s = min(2 * self._retry_s, MAX_RETRY_S)
        elif now >= self._retry_at and not probing:
            self._low_since, self._retry_at = now - PATIENCE_S + RETRY_LASTS_S, None
            return True
        return False


def _give_better(videos: list[_Video], budget: int, spare: int, now: float) -> int:
    rising = [video for video in videos if video.chosen >= 0]
    while rising:
        still = []
        for video in rising:
            budget, goes_on = _step_up(video, budget, spare, now)
            if goes_on:
                still.append(video)
        rising = still
    return budget


def _step_up(video: _Video, budget: int, spare: int, now: float) -> tuple[int, bool]:
    """Let a video rise by as many steps as its priority has in a round; what is left, whether it may go on."""
    for _ in range(video.share.priority):
        index = video.chosen + 1
        if index >= len(video.share.options):
            return budget, False
        cost = video.cost(index)
        rises = index > video.current
        if (rises and not video.memory.may_rise(now)) or cost + (spare if rises else 0) > budget:
            return budget, False
        video.chosen = index
        budget -= cost
    return budget, True


def _by_priority(share: Share) -> int:
    return -share.priority


def _index_of(layers: Layers | None, options: Sequence[LayerOption]) -> int:
    """Find the best option that is not above `layers`; -1 if they are none."""
    if layers is None:
        return -1
    return max((index for index, option in enumerate(options) if option.layers <= layers), default=-1)
