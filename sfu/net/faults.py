"""Exceptions that one packet's handling has raised: our own bugs, which must not cost anybody else a packet."""

from collections import Counter
from collections.abc import Callable

from shared.logging import get_logger

log = get_logger(__name__)

LOG_INTERVAL_S = 1.0
"""Least time between two log lines: a peer that has found such a bug can trip it with every packet."""


class Faults:
    """Counts exceptions by reason in `drops` and logs one of them, with its traceback, in `LOG_INTERVAL_S`."""

    def __init__(self, drops: Counter[str], clock: Callable[[], float]) -> None:
        self._drops = drops
        self._clock = clock
        self._next_log = float("-inf")
        self._unlogged = 0

    def note(self, reason: str) -> None:
        """Take note of the exception that is being handled; call it in an `except` block."""
        self._drops[reason] += 1
        now = self._clock()
        if now < self._next_log:
            self._unlogged += 1
            return
        self._next_log = now + LOG_INTERVAL_S
        log.exception(  # noqa: LOG004 - the caller's except block is around it
            "handling a packet failed", reason=reason, not_logged_before=self._unlogged
        )
        self._unlogged = 0
