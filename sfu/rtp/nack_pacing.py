"""How long to wait until a missing packet is asked for, and asked for again, by what the path has shown."""

REORDER_DELAY_S = 0.010
"""How long a gap may be mere reordering before its packets are asked for, while nothing else is known."""

MAX_REORDER_DELAY_S = 0.1
"""A packet that is later than this is asked for, however many such there are: waiting would cost more."""

MIN_RETRY_S = 0.005
"""Least time between two requests for one packet, when the round trip is measured as shorter."""

MAX_RETRY_S = 1.0
"""Longest time between two requests, whatever was measured."""

_SELF_FILLED_ENOUGH = 0.5
_LATENESS_MARGIN = 1.25
_REORDER_WEIGHT = 1 / 16
_LATENESS_DECAY = 1 / 64
_ANSWER_WEIGHT = 1 / 8
_DEVIATION_WEIGHT = 1 / 4
_DEVIATIONS = 2
_ANSWER_AT_LEAST = 0.5


class NackPacing:
    """Learns from each gap that was filled whether by reordering or by an answer, and after how long.

    Waiting out the reordering saves requests for packets that come anyway, and delays those that are lost. So it
    is done when more gaps than not have filled themselves lately; libwebrtc waits for the median of what it saw.
    """

    __slots__ = ("_answer_s", "_deviation_s", "_lateness_s", "_rtt_s", "_self_filled", "reorder_delay_s")

    def __init__(self) -> None:
        self.reorder_delay_s = REORDER_DELAY_S
        self._self_filled = 0.0  # share of the gaps
        self._lateness_s = 0.0
        self._rtt_s = 0.0
        self._answer_s: float | None = None
        self._deviation_s = 0.0

    def reordered(self, lateness_s: float) -> None:
        """Note that a gap has filled itself, so long after it was noticed."""
        self._lateness_s = max(lateness_s, self._lateness_s * (1 - _LATENESS_DECAY))
        self._self_filled += (1 - self._self_filled) * _REORDER_WEIGHT
        self._update()

    def answered(self, waited_s: float | None) -> None:
        """Note that a packet has come because it was asked for; how long after, where that is certain."""
        self._self_filled -= self._self_filled * _REORDER_WEIGHT
        self._update()
        if waited_s is None:
            return
        if self._answer_s is None:
            self._answer_s, self._deviation_s = waited_s, waited_s / 4
            return
        self._deviation_s += (abs(waited_s - self._answer_s) - self._deviation_s) * _DEVIATION_WEIGHT
        self._answer_s += (waited_s - self._answer_s) * _ANSWER_WEIGHT

    def may_be_answer(self, waited_s: float) -> bool:
        """Tell whether a packet that came in its own stream, so long after the request, may be its answer."""
        return waited_s >= _ANSWER_AT_LEAST * (self._answer_s or self._rtt_s)

    def retry_after(self, rtt_s: float) -> float:
        """Return how long to wait for an answer. `rtt_s` serves until answers have been seen."""
        self._rtt_s = rtt_s
        expected = rtt_s if self._answer_s is None else self._answer_s + _DEVIATIONS * self._deviation_s
        return min(max(expected, MIN_RETRY_S), MAX_RETRY_S)

    def _update(self) -> None:
        if self._self_filled < _SELF_FILLED_ENOUGH:
            self.reorder_delay_s = REORDER_DELAY_S
        else:
            wanted = _LATENESS_MARGIN * self._lateness_s
            self.reorder_delay_s = min(max(wanted, REORDER_DELAY_S), MAX_REORDER_DELAY_S)
