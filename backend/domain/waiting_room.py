"""The waiting room of one live room: who has knocked and is not let in yet, in the order they came."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from backend.domain.participants import Outbox
from backend.domain.rooms import LARGEST_MAX_PARTICIPANTS
from backend.domain.users import Role, User
from backend.errors import Conflict, NotFound
from shared.ids import new_id

MAX_WAITING = LARGEST_MAX_PARTICIPANTS
"""People who wait before one room: as many as the largest class, so that it may come in whole."""

MAX_DOORS = 8
"""Sockets with which one user may wait before one room: a person's devices."""


@dataclass(frozen=True, slots=True)
class Waiter:
    """Somebody who waits, as who runs the room is told. `since` is in UTC."""

    waiting_id: str
    user_id: str
    full_name: str
    role: Role
    since: datetime


@dataclass(slots=True, eq=False)
class Knock:
    """A user who waits, and the sockets to be told how it ends."""

    waiter: Waiter
    outboxes: list[Outbox] = field(default_factory=list)


class WaitingRoom:
    """Who waits: a user once, with one socket or several."""

    def __init__(self) -> None:
        self._knocks: dict[str, Knock] = {}

    def __len__(self) -> int:
        return len(self._knocks)

    def __iter__(self) -> Iterator[Knock]:
        return iter(list(self._knocks.values()))

    @property
    def waiters(self) -> Sequence[Waiter]:
        """Who waits, in the order they came."""
        return tuple(knock.waiter for knock in self._knocks.values())

    def knock(self, user: User, outbox: Outbox, now: datetime) -> bool:
        """Let somebody wait; tell whether the list is another now. The same socket may knock again.

        Raises:
            Conflict: `WAITING_ROOM_FULL`, or `LIMIT_REACHED` for more than `MAX_DOORS` sockets of one user.
        """
        knock = self._knocks.get(user.id)
        if knock is None:
            if len(self._knocks) >= MAX_WAITING:
                raise Conflict("Too many people wait already.", "WAITING_ROOM_FULL")
            waiter = Waiter(new_id(), user.id, user.full_name, user.role, now)
            self._knocks[user.id] = Knock(waiter, [outbox])
            return True
        if outbox not in knock.outboxes:
            if len(knock.outboxes) >= MAX_DOORS:
                raise Conflict(f"You wait {MAX_DOORS} times already.", "LIMIT_REACHED")
            knock.outboxes.append(outbox)
        return False

    def withdraw(self, outbox: Outbox) -> bool:
        """Let a socket wait no more; tell whether the list is another now."""
        for knock in self:
            if outbox in knock.outboxes:
                knock.outboxes.remove(outbox)
                if not knock.outboxes:
                    self.remove(knock)
                return not knock.outboxes
        return False

    def remove(self, knock: Knock) -> None:
        """Let a user wait no more; no matter if that is so already."""
        if self._knocks.get(knock.waiter.user_id) is knock:
            del self._knocks[knock.waiter.user_id]

    def waiting(self, waiting_id: str) -> Knock:
        """Return who waits by this id. Raises: NotFound `WAITING_NOT_FOUND`."""
        for knock in self._knocks.values():
            if knock.waiter.waiting_id == waiting_id:
                return knock
        raise NotFound("Nobody waits by this id (any more).", "WAITING_NOT_FOUND")
