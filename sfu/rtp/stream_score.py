"""How well a stream fares, from 0 (nothing comes) to 10 (nothing is lost), as mediasoup counts it.

An interval's score is the fourth power of the share of packets that were delivered. A packet that was lost and
repaired counts as delivered in part: less when many had to be repaired, and when each took several
retransmissions. The stream's score is the average over the last intervals, the newest weighing most.
"""

from collections import deque

MAX_SCORE = 10

HISTORY = 24
"""Intervals that count. They are about a second long: what was half a minute ago is no matter any more."""

_POWER = 4


class StreamScore:
    """The score of one stream; `value` is what it is now. It starts at the top, until something is known."""

    __slots__ = ("_history", "_prior", "_sum", "_weighted", "value")

    def __init__(self) -> None:
        self.value = MAX_SCORE
        self._history: deque[int] = deque(maxlen=HISTORY)
        self._prior = (0, 0, 0, 0)
        self._sum = self._weighted = 0  # of the history; the latter with weights 1, 2, ... from the oldest on

    @property
    def is_measured(self) -> bool:
        """Whether an interval has been counted since the beginning or the last `reset`."""
        return bool(self._history)

    def update(self, delivered: int, lost: int, repaired: int, retransmitted: int) -> None:
        """End an interval.

        Give totals since the stream began: packets that came (or were sent), packets that did not arrive at first,
        and how many of those were repaired by how many retransmissions.
        """
        totals = delivered, lost, repaired, retransmitted
        prior, self._prior = self._prior, totals
        if delivered > prior[0] and lost <= prior[1]:  # as mostly, nothing was lost
            score = MAX_SCORE
        else:
            score = interval_score(*[max(0, total - was) for total, was in zip(totals, prior, strict=True)])
        history = self._history
        if len(history) == HISTORY:  # all others weigh one less then
            self._weighted -= self._sum
            self._sum -= history[0]
        history.append(score)
        count = len(history)
        self._weighted += count * score
        self._sum += score
        self.value = round(self._weighted / (count * (count + 1) / 2))

    def skip(self, delivered: int, lost: int, repaired: int, retransmitted: int) -> None:
        """End an interval that says nothing: the stream is paused."""
        self._prior = delivered, lost, repaired, retransmitted

    def reset(self, value: int) -> None:
        """Forget the past: the stream has fallen silent (0) or has begun anew (`MAX_SCORE`)."""
        self._history.clear()
        self._sum = self._weighted = 0
        self.value = value


def interval_score(delivered: int, lost: int, repaired: int, retransmitted: int) -> int:
    """Return the score of one interval, by its own packets (see `StreamScore.update`)."""
    if not delivered:
        return 0 if lost else MAX_SCORE
    lost = min(lost, delivered)
    repaired = min(repaired, lost)
    missed = float(lost)
    if repaired:
        weight = (1 + repaired / delivered) ** -_POWER * repaired / max(retransmitted, repaired)
        missed -= repaired * weight
    return round(MAX_SCORE * ((delivered - missed) / delivered) ** _POWER)
