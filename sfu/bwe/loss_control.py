"""What the loss says of the rate (draft-ietf-rmcat-gcc-02, 6), without mistaking a lossy path for a full one.

Taken alone, the draft's rule (reduce while more than a tenth is lost) drives the rate of a path that always loses
more than that, such as bad radio, to nothing. But loss that the rate does not change is no congestion: so when a
reduction has left the loss as it was, that much is taken for the path's own, and the reduction back.
"""

import enum
import math

LOW_LOSS = 0.02
HIGH_LOSS = 0.10
"""Of the packets: up to the first the rate may rise, above the second it has to fall."""

PERIOD_S = 0.5
MIN_PACKETS = 40
"""Loss is judged when so much time has passed and so many packets have been told of: of this period and the one
before, and with the benefit of the doubt, or chance alone would often make ten percent of five."""

TELLING_APART = 0.08
"""A full path goes on delivering the same when less is sent, so it loses less; a lossy one loses the same share.
When what is to be expected of the two is so far apart, what is seen tells which it is."""

INHERENT_WEIGHT = 0.1
"""Of a period in what is taken for the path's own loss: it wanes in some seconds when the path gets better."""

MAX_INHERENT_LOSS = 0.3
"""More than this is congestion whatever it looks like: nothing useful gets through anyway."""

PROBE_AFTER_S = 5.0
"""When loss has held the rate down for so long with nothing changed by it, it may be tried whether more goes."""


class LossVerdict(enum.Enum):
    """What to do about the loss."""

    NONE = "none"
    REDUCE = "reduce"
    RESTORE = "restore"


class LossControl:
    """Watch the loss. To read: `loss`, and after a verdict `target_bps`, the rate to reduce to."""

    __slots__ = (
        "_before",
        "_confirmed",
        "_excess",
        "_expected",
        "_inherent",
        "_lost",
        "_octets",
        "_reduced_at",
        "_since",
        "_trial",
        "loss",
        "target_bps",
    )

    def __init__(self) -> None:
        self.loss = 0.0
        self.target_bps = 0.0
        self._excess = 0.0
        self._inherent = 0.0
        self._confirmed = 0.0  # the loss that was found not to depend on the rate
        self._since: float | None = None
        self._expected = 0
        self._lost = 0
        self._octets = 0
        self._before = (0, 0)  # expected and lost in the period before
        self._trial: tuple[float, float] | None = None  # rate and loss before the first of some reductions
        self._reduced_at = -math.inf

    @property
    def is_heavy(self) -> bool:
        """Whether so much is lost that the path cannot be anything but full."""
        return self._excess > MAX_INHERENT_LOSS

    @property
    def holds(self) -> bool:
        """Whether the rate is not to rise."""
        return self._excess > LOW_LOSS

    def may_probe(self, now: float) -> bool:
        """Tell whether there is little loss, or enough has been done against it in vain."""
        return self._excess <= HIGH_LOSS or now - self._reduced_at >= PROBE_AFTER_S

    def add(self, received: int, lost: int, octets: int, now: float, *, queueing: bool) -> LossVerdict:
        """Take what was told of packets, `octets` bytes in all when sent.

        `queueing`: the delay shows a queue, so its overflow may be the loss, whatever the rate was.
        """
        if self._since is None:
            self._since = now
        self._expected += received + lost
        if lost:
            self._lost += lost
        self._octets += octets
        if self._expected < MIN_PACKETS or now - self._since < PERIOD_S:
            return LossVerdict.NONE
        rate = self._octets * 8 / (now - self._since)
        lately = max(0, self._lost) / self._expected
        expected, lost = self._expected + self._before[0], max(0, self._lost + self._before[1])
        self._before = (self._expected, self._lost)
        self._since, self._expected, self._lost, self._octets = now, 0, 0, 0
        return self._judge(rate, lately, expected, min(1.0, lost / expected), now, queueing=queueing)

    def probed(self) -> None:
        """Take a probe's word that more gets through with no more loss than before."""
        if self._excess > HIGH_LOSS:
            self._take_for_inherent(self.loss)

    def _judge(
        self, rate: float, lately: float, expected: int, loss: float, now: float, *, queueing: bool
    ) -> LossVerdict:
        self.loss = loss
        self._inherent += INHERENT_WEIGHT * (min(loss, self._confirmed) - self._inherent)
        certain = loss - math.sqrt(loss * (1 - loss) / expected)
        self._excess = max(0.0, (certain - self._inherent) / (1 - self._inherent))
        if self._excess <= HIGH_LOSS or lately <= LOW_LOSS or not rate:
            if self._excess <= LOW_LOSS:
                self._trial = None
            return LossVerdict.NONE
        if not queueing and self._is_inherent(rate, lately):
            self._take_for_inherent(lately)
            return LossVerdict.RESTORE
        if self._trial is None or rate > self._trial[0]:
            self._trial = (rate, loss)
        self.target_bps = rate * (1 - (self._excess if self.is_heavy else self._excess / 2))
        self._reduced_at = now
        return LossVerdict.REDUCE

    def _is_inherent(self, rate: float, loss: float) -> bool:
        if self._trial is None:
            return False
        rate_before, loss_before = self._trial
        if_full = max(0.0, 1 - (1 - loss_before) * rate_before / rate)
        return loss_before - if_full >= TELLING_APART and loss > (loss_before + if_full) / 2

    def _take_for_inherent(self, loss: float) -> None:
        self._confirmed = self._inherent = min(loss, MAX_INHERENT_LOSS)
        self._excess = 0.0
        self._trial = None
