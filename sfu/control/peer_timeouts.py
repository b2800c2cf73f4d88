"""When a silent peer is to be removed. Sans-IO: time comes in as an argument, nothing here runs a timer.

A peer that never connected a transport goes after the idle timeout. One that had a live transport goes when none
has heard an authenticated STUN request for the peer timeout, counted from the last one. The media worker is who
notices, by RFC 7675 section 5.1; it tells after the consent timeout, which is part of the peer timeout.
"""

from collections.abc import Hashable
from typing import Generic, Literal, TypeVar

Key = TypeVar("Key", bound=Hashable)

RemovalReason = Literal["timeout", "idle"]

CONSENT_TIMEOUT_S = 30.0
"""RFC 7675 section 5.1: consent expires 30 seconds after the last valid answer or request."""


class FixedDelayQueue(Generic[Key]):
    """Keys that come due a fixed time after they were added. As time only grows, the oldest is always first."""

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s
        self._due: dict[Key, float] = {}

    def __len__(self) -> int:
        return len(self._due)

    def add(self, key: Key, now: float) -> None:
        """Start, or start anew, the key's delay."""
        self._due.pop(key, None)
        self._due[key] = now + self.delay_s

    def discard(self, key: Key) -> None:
        """Forget the key."""
        self._due.pop(key, None)

    def next_due(self) -> float | None:
        """Return when the next key comes due."""
        return next(iter(self._due.values()), None)

    def pop_due(self, now: float) -> list[Key]:
        """Take out the keys that are due."""
        due: list[Key] = []
        for key, when in self._due.items():
            if when > now:
                break
            due.append(key)
        for key in due:
            del self._due[key]
        return due


class PeerTimeouts(Generic[Key]):
    """Deadlines of all peers. Ask `next_timeout()` after every change and call `handle_timeout(now)` then."""

    def __init__(
        self, timeout_s: float, idle_timeout_s: float, consent_timeout_s: float = CONSENT_TIMEOUT_S
    ) -> None:
        self.consent_timeout_s = min(consent_timeout_s, timeout_s)
        self._idle = FixedDelayQueue[Key](idle_timeout_s)
        self._silent = FixedDelayQueue[Key](timeout_s - self.consent_timeout_s)
        self._closed = FixedDelayQueue[Key](timeout_s)

    def joined(self, key: Key, now: float) -> None:
        """Note a new peer, which has no connected transport yet."""
        self._idle.add(key, now)

    def connected(self, key: Key) -> None:
        """Note that a transport of the peer is live: no deadline any more."""
        self.left(key)

    def disconnected(self, key: Key, now: float) -> None:
        """Note that its last live transport lost consent, `consent_timeout_s` after the last it heard."""
        self.left(key)
        self._silent.add(key, now)

    def closed_transports(self, key: Key, now: float) -> None:
        """Note that its last live transport was closed, alive until now."""
        self.left(key)
        self._closed.add(key, now)

    def left(self, key: Key) -> None:
        """Forget the peer."""
        for queue in (self._idle, self._silent, self._closed):
            queue.discard(key)

    def next_timeout(self) -> float | None:
        """Return when `handle_timeout` has something to do, if ever."""
        times = [queue.next_due() for queue in (self._idle, self._silent, self._closed)]
        return min((when for when in times if when is not None), default=None)

    def handle_timeout(self, now: float) -> list[tuple[Key, RemovalReason]]:
        """Return the peers that are due for removal, and forget them."""
        due: list[tuple[Key, RemovalReason]] = [(key, "timeout") for key in self._silent.pop_due(now)]
        due += [(key, "timeout") for key in self._closed.pop_due(now)]
        due += [(key, "idle") for key in self._idle.pop_due(now)]
        return due
