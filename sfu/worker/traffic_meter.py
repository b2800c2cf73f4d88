"""How fast a transport receives and sends, worked out once a report interval from its byte counters."""


class TrafficMeter:
    """Bitrates between the last two measurements, in bits a second."""

    def __init__(self, now: float) -> None:
        self.received_bps = 0
        self.sent_bps = 0
        self._at = now
        self._received = 0
        self._sent = 0

    def measure(self, bytes_received: int, bytes_sent: int, now: float) -> None:
        """Take the counters as they are at `now`."""
        elapsed = now - self._at
        if elapsed <= 0:
            return
        self.received_bps = round((bytes_received - self._received) * 8 / elapsed)
        self.sent_bps = round((bytes_sent - self._sent) * 8 / elapsed)
        self._at, self._received, self._sent = now, bytes_received, bytes_sent
