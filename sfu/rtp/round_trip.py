"""Round-trip time by timestamps that come back with the delay they suffered (RFC 3550 6.4.1, RFC 3611 4.5)."""

from collections import deque

_REMEMBERED = 8
"""Timestamps kept: reports go out about once a second, an answer to an older one says nothing about now."""

MAX_RECEIVERS = 8
"""Receivers whose clocks are remembered at once. A browser reports under one or two SSRCs for all it receives."""

_UNITS_PER_S = 65536
_MAX_RTT_S = 30.0
"""A longer round trip is a mistake of the peer's; ICE consent would have expired within it (RFC 7675)."""

_CLOCK_TOLERANCE_S = 0.005
"""Both delays are rounded and read at slightly different moments: a fast link may leave less than nothing."""


def middle_32_bits(ntp: int) -> int:
    """Return the middle half of a 64-bit NTP time, which is what reports carry back."""
    return ntp >> 16 & 0xFFFFFFFF


class RoundTrip:
    """Remember when which NTP time was sent, and measure when it comes back."""

    __slots__ = ("_sent", "rtt_s")

    def __init__(self) -> None:
        self.rtt_s: float | None = None
        self._sent: deque[tuple[int, float]] = deque(maxlen=_REMEMBERED)

    def sent(self, ntp: int, now: float) -> None:
        """Note that the 64-bit `ntp` goes out now."""
        self._sent.append((middle_32_bits(ntp), now))

    def returned(self, stamp: int, delay: int, now: float) -> float | None:
        """Measure: `stamp` came back `delay` (in 1/65536 s) after it arrived there.

        Return `rtt_s`, seconds, as it is from now on; a stamp we did not send, or a delay that is longer than
        the time since, leaves it as it was (None before the first).
        """
        for sent_stamp, sent_at in self._sent:
            if sent_stamp == stamp:
                rtt_s = now - sent_at - delay / _UNITS_PER_S
                if -_CLOCK_TOLERANCE_S <= rtt_s <= _MAX_RTT_S:
                    self.rtt_s = max(rtt_s, 0.0)
        return self.rtt_s


class ReferenceTimes:
    """The clocks that receivers have sent by RRTR to know their round trip, until DLRR takes them back.

    RFC 3611 4.4 and 4.5.
    """

    __slots__ = ("_times",)

    def __init__(self) -> None:
        self._times: dict[int, tuple[int, float]] = {}

    def received(self, ssrc: int, ntp: int, now: float) -> None:
        """Note the 64-bit `ntp` of receiver `ssrc`."""
        if ssrc not in self._times and len(self._times) >= MAX_RECEIVERS:
            del self._times[next(iter(self._times))]
        self._times[ssrc] = middle_32_bits(ntp), now

    def take(self, now: float) -> tuple[tuple[int, int, int], ...]:
        """Return what goes back now, an entry a receiver: `(ssrc, lrr, dlrr)`. Each clock goes back once."""
        if not self._times:
            return ()
        times, self._times = self._times, {}
        return tuple(
            (ssrc, stamp, min(0xFFFFFFFF, max(1, int((now - arrival) * _UNITS_PER_S))))
            for ssrc, (stamp, arrival) in times.items()
        )
