"""Requests for key frames towards a publisher, merged: many consumers ask, one PLI goes out (RFC 4585 6.3.1)."""

MIN_INTERVAL_S = 0.5
"""Least time between two requests of one stream. A key frame costs its publisher several ordinary frames' bits."""

RETRY_S = 1.0
"""A key frame that has not begun to come by then was lost, or its request was. While no round trip is known."""

MIN_RETRY_S = 0.3
"""Encoders take a frame or two to begin one, and browsers none sooner than 300 ms after the last."""

RETRY_ROUND_TRIPS = 1.5


class _Stream:
    __slots__ = ("awaited", "sent_at", "wanted")

    def __init__(self, now: float) -> None:
        self.sent_at = now
        self.awaited = True  # asked for and not yet here
        self.wanted = False  # to ask for as soon as the interval allows


class KeyFrameRequests:
    """Decide when to ask which stream for a key frame. One object serves all streams of a publisher.

    `min_interval_s` is the least time between two requests of a stream, `retry_s` how long to wait for the key
    frame before asking again; it is asked for until it comes or the stream is forgotten.
    """

    __slots__ = ("_min_interval_s", "_retry_s", "_streams")

    def __init__(self, min_interval_s: float = MIN_INTERVAL_S, retry_s: float = RETRY_S) -> None:
        self._min_interval_s = min_interval_s
        self._retry_s = retry_s
        self._streams: dict[int, _Stream] = {}

    def expect_round_trip(self, rtt_s: float) -> None:
        """Repeat requests that go unanswered as soon as the way to the publisher and back allows."""
        self._retry_s = min(MIN_RETRY_S + RETRY_ROUND_TRIPS * rtt_s, RETRY_S)

    def request(self, ssrc: int, now: float) -> bool:
        """Want a key frame of `ssrc`. True: send the request now; False: one is under way, or `due` will tell."""
        stream = self._streams.get(ssrc)
        if stream is None:
            self._streams[ssrc] = _Stream(now)
            return True
        if stream.awaited:
            return False
        if now < stream.sent_at + self._min_interval_s:
            stream.wanted = True
            return False
        self._send(stream, now)
        return True

    def received(self, ssrc: int) -> None:
        """Note that a key frame of `ssrc` came: everyone who wanted one has it."""
        if (stream := self._streams.get(ssrc)) is not None:
            stream.awaited = stream.wanted = False

    def due(self, now: float) -> list[int]:
        """Return the streams to ask now: those delayed by the interval and those whose key frame did not come."""
        asked = []
        for ssrc, stream in self._streams.items():
            due_at = self._due_at(stream)
            if due_at is not None and due_at <= now:
                self._send(stream, now)
                asked.append(ssrc)
        return asked

    def next_timeout(self) -> float | None:
        """Return when `due` will next have something; None when no key frame is wanted."""
        return min((at for at in map(self._due_at, self._streams.values()) if at is not None), default=None)

    def forget(self, ssrc: int) -> None:
        """Drop what is known of a stream: it is closed, or paused so that no key frame can come."""
        self._streams.pop(ssrc, None)

    def _due_at(self, stream: _Stream) -> float | None:
        if stream.awaited:
            return stream.sent_at + self._retry_s
        return stream.sent_at + self._min_interval_s if stream.wanted else None

    @staticmethod
    def _send(stream: _Stream, now: float) -> None:
        stream.sent_at = now
        stream.awaited = True
        stream.wanted = False
