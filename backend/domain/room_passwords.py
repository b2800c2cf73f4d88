"""The passwords of rooms: which ones are accepted, and checking one without letting anybody guess it.

A class comes in all at once with one password, so what has once been found right is remembered (under a key that
lives as long as this process) and costs no second slow hash. A wrong one always costs one, and is counted.
"""

import asyncio
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable
from weakref import WeakValueDictionary

from backend.domain.auth_ports import PasswordHasher
from backend.domain.passwords import MAX_PASSWORD_BYTES
from backend.domain.rate_limit import SlidingWindow
from backend.errors import InvalidInput, NotAllowed, TooManyAttempts

MIN_ROOM_PASSWORD_BYTES = 4
"""It is told to a whole class and guessed against `WRONG_PER_USER` and `WRONG_PER_ROOM`: a PIN will do."""

WRONG_PER_USER = 10
WRONG_PER_ROOM = 100
WINDOW_S = 60.0
"""Wrong passwords a minute: of one user for one room, and of everybody together for one room, since an account is
soon made. Who has used them up waits; those with an invitation still come in."""

MAX_REMEMBERED = 10_000
"""Rooms whose right password is remembered; the least recently used goes first and is hashed anew."""

WRONG_ROOM_PASSWORD = "WRONG_ROOM_PASSWORD"  # noqa: S105 -- the name of an error

_RULE = f"A room's password has {MIN_ROOM_PASSWORD_BYTES} to {MAX_PASSWORD_BYTES} bytes in UTF-8."


def is_possible(password: str) -> bool:
    """Tell whether a room can have this password: 4 to 72 bytes in UTF-8, and no zero byte."""
    try:
        size = len(password.encode())
    except UnicodeEncodeError:  # a lone surrogate, which JSON can hold and UTF-8 cannot
        return False
    return MIN_ROOM_PASSWORD_BYTES <= size <= MAX_PASSWORD_BYTES and "\0" not in password


class RoomPasswords:
    """Hashes and checks the passwords of rooms. `clock` counts seconds and never goes back."""

    def __init__(self, hasher: PasswordHasher, clock: Callable[[], float]) -> None:
        self._hasher = hasher
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._right: OrderedDict[str, bytes] = OrderedDict()
        self._of_users = SlidingWindow(WRONG_PER_USER, WINDOW_S)
        self._of_rooms = SlidingWindow(WRONG_PER_ROOM, WINDOW_S)
        self._checks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def hashed(self, password: str) -> str:
        """Return what is kept of a room's new password.

        Raises:
            InvalidInput: no room can have it.
            NotAvailable: too many passwords wait already.
        """
        if not is_possible(password):
            raise InvalidInput(_RULE, details={"password": [_RULE]})
        return await self._hasher.hash(password)

    async def require(self, password: str, password_hash: str, room_id: str, user_id: str) -> None:
        """Let pass who knows the password.

        Those of one room are checked one after the other, so that a burst of guesses cannot slip past the count.

        Raises:
            NotAllowed: `WRONG_ROOM_PASSWORD`.
            TooManyAttempts: the user, or everybody together, guessed too often.
            NotAvailable: too many passwords wait already.
        """
        guesser = f"{user_id} {room_id}"
        self._refuse_guessers(guesser, room_id)
        if self._is_known(password, password_hash):
            return
        check = self._checks.setdefault(room_id, asyncio.Lock())
        async with check:
            self._refuse_guessers(guesser, room_id)
            if not await self._matches(password, password_hash):
                now = self._clock()
                self._of_users.hit(guesser, now)
                self._of_rooms.hit(room_id, now)
                raise NotAllowed("The room's password is wrong.", WRONG_ROOM_PASSWORD)

    def _refuse_guessers(self, guesser: str, room_id: str) -> None:
        now = self._clock()
        wait_s = max(self._of_users.retry_after_s(guesser, now), self._of_rooms.retry_after_s(room_id, now))
        if wait_s:
            raise TooManyAttempts(f"Too many wrong passwords. Try again in {wait_s} s.", retry_after_s=wait_s)

    async def _matches(self, password: str, password_hash: str) -> bool:
        if not is_possible(password):
            return False
        if self._is_known(password, password_hash):  # somebody before us in the row knew it too
            return True
        if not await self._hasher.verify(password, password_hash):
            return False
        self._right[password_hash] = self._digest(password)
        if len(self._right) > MAX_REMEMBERED:
            self._right.popitem(last=False)
        return True

    def _is_known(self, password: str, password_hash: str) -> bool:
        known = self._right.get(password_hash)
        if known is None or not is_possible(password) or not hmac.compare_digest(known, self._digest(password)):
            return False
        self._right.move_to_end(password_hash)
        return True

    def _digest(self, password: str) -> bytes:
        return hmac.digest(self._key, password.encode(), hashlib.sha256)
