"""Seats: who may take one back, and for how long it waits for a participant whose socket is gone."""

import hashlib
import hmac
import itertools
import secrets
from collections.abc import Hashable
from typing import Generic, TypeVar

RESUME_TOKEN_BYTES = 32
"""256 random bits: beyond guessing for as long as a seat lives."""

S = TypeVar("S", bound=Hashable)


def new_resume_token() -> str:
    """Make a resume token, URL-safe text. The client keeps it; we keep only its hash."""
    return secrets.token_urlsafe(RESUME_TOKEN_BYTES)


def resume_token_hash(token: str) -> bytes:
    """Return what is kept of a resume token: SHA-256, which is enough for a random secret."""
    return hashlib.sha256(token.encode(errors="replace")).digest()


def fits(token: str, kept_hash: bytes) -> bool:
    """Tell in constant time whether the token is the one with this hash."""
    return hmac.compare_digest(resume_token_hash(token), kept_hash)


class WaitingSeats(Generic[S]):
    """The seats whose sockets are gone, each kept for `grace_s` seconds.

    Owns no timer: call `handle_timeout(now)` when `next_timeout()` is reached.
    """

    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        # Insertion order is deadline order, since the grace is one for all and time does not run backwards.
        self._deadlines: dict[S, float] = {}

    def __len__(self) -> int:
        return len(self._deadlines)

    def start_waiting(self, seat: S, now: float) -> None:
        """The seat's socket is gone; keep the seat until `now` + grace."""
        self._deadlines.pop(seat, None)
        self._deadlines[seat] = now + self._grace_s

    def stop_waiting(self, seat: S) -> None:
        """The seat was taken back or freed; no matter if it was not waiting."""
        self._deadlines.pop(seat, None)

    def next_timeout(self) -> float | None:
        """Return when the next seat's grace ends; None while no seat waits."""
        return next(iter(self._deadlines.values()), None)

    def handle_timeout(self, now: float) -> list[S]:
        """Return the seats whose grace is over, longest gone first; they wait no more."""
        over = list(itertools.takewhile(lambda seat: self._deadlines[seat] <= now, self._deadlines))
        for seat in over:
            del self._deadlines[seat]
        return over
