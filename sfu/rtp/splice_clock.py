"""RTP timestamps over a switch: one clock that goes on, where each source has its own (RFC 3550 5.1)."""

from typing import NamedTuple

from sfu.rtp.stream_recv import ReceiveStream

MAX_DISAGREEMENT_S = 1.0
"""Sender reports that place a frame so far from where its arrival does are not believed."""

_NTP_BITS = 32


class SourceClock(NamedTuple):
    """The clock of a stream that comes in: a new one each time that its source starts anew."""

    received: ReceiveStream
    restarts: int


def clock_of(received: ReceiveStream) -> SourceClock:
    """Return the clock that the stream has at the moment."""
    return SourceClock(received, received.restarts)


def continue_clock(
    end: tuple[SourceClock, int, int, float], clock: SourceClock, timestamp: int, now: float
) -> int:
    """Return what to add to timestamps of `clock`, the first of which is `timestamp`, to go on where `end` was.

    `end` is the clock of before, what was added to it, the last timestamp with that in it, and when it came.
    Sender reports of both say how their clocks lie to each other, so that the pace of a picture that goes on and
    its sync with sound survive; without them the time of arrival has to do. Time always goes forward.
    """
    before, offset, last, last_at = end
    if clock == before:
        return offset
    elapsed = max(1, round((now - last_at) * clock.received.clock_rate))
    step = elapsed
    aligned = _aligned(before, clock, timestamp)
    if aligned is not None:
        by_reports = _signed(aligned + offset - last)
        if abs(by_reports - elapsed) <= MAX_DISAGREEMENT_S * clock.received.clock_rate:
            step = max(1, by_reports)
    return last + step - timestamp


def _aligned(before: SourceClock, clock: SourceClock, timestamp: int) -> int | None:
    """Translate a timestamp of `clock` into the one that `before` had at that moment, if both have reported."""
    theirs, ours = before.received.last_sender_report, clock.received.last_sender_report
    if theirs is None or ours is None or before.restarts != before.received.restarts:
        return None
    ticks = (ours[0] - theirs[0]) * clock.received.clock_rate >> _NTP_BITS
    return theirs[1] + ticks + _signed(timestamp - ours[1])


def _signed(difference: int) -> int:
    return (difference + 0x80000000 & 0xFFFFFFFF) - 0x80000000
