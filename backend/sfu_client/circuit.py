"""A circuit breaker: while the SFU does not answer, requests fail at once and do not wait for their deadlines."""

FAILURES_TO_OPEN = 3
"""So many failures in a row are no accident."""

OPEN_S = 1.0
"""How long everybody is refused before one request may try again."""


class Circuit:
    """Counts failures in a row. Time is an argument, in seconds."""

    def __init__(self, failures_to_open: int = FAILURES_TO_OPEN, open_s: float = OPEN_S) -> None:
        self._failures_to_open = failures_to_open
        self._open_s = open_s
        self._failures = 0
        self._closed_again_at = 0.0

    def lets_pass(self, now: float) -> bool:
        """Tell whether a request may be sent; after each pause exactly one may, until one succeeds."""
        if self._failures < self._failures_to_open:
            return True
        if now < self._closed_again_at:
            return False
        self._closed_again_at = now + self._open_s
        return True

    def succeeded(self) -> None:
        """The SFU answered, whatever it said."""
        self._failures = 0

    def failed(self, now: float) -> None:
        """The SFU did not answer."""
        self._failures += 1
        self._closed_again_at = now + self._open_s
