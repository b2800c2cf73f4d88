"""How often something may happen: a bucket of tokens that fills with time."""


class RateLimit:
    """Allow `rate_hz` events a second on average, and at most one second's at once."""

    __slots__ = ("_at", "_tokens", "rate_hz")

    def __init__(self, rate_hz: float, now: float) -> None:
        self.rate_hz = rate_hz
        self._tokens = rate_hz
        self._at = now

    def allows(self, now: float) -> bool:
        """Tell whether one more may happen now, and take it for happened if so."""
        self._tokens = min(self.rate_hz, self._tokens + (now - self._at) * self.rate_hz)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
