"""The seats as they are kept, so that they outlive the process in which somebody sits.

Implemented by `backend.storage.seats`. Every call may raise `backend.errors.DatabaseUnavailable`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from backend.domain.users import User


@dataclass(frozen=True, slots=True)
class KeptSeat:
    """A seat that is taken, with all that a restored participant needs.

    `session_id` is the sign-in that holds it; times are in UTC.
    """

    participant_id: str
    room_id: str
    user: User
    session_id: str
    resume_hash: bytes
    is_producer: bool
    joined_at: datetime
    hand_raised_at: datetime | None = None


class SeatRepository(Protocol):
    """Who sits in which room now. Attendance is opened and closed together with the seats."""

    async def take(self, seat: KeptSeat) -> None:
        """Keep a seat and open its attendance; again for the same seat it does nothing.

        Raises:
            backend.errors.NotFound: `ROOM_NOT_FOUND`, the room has just been deleted.
            backend.errors.NotAllowed: the user's account has just been closed.
        """

    async def free(self, participant_id: str, left_at: datetime) -> None:
        """Give a seat up and close its attendance; again or for an unknown seat it does nothing."""

    async def note(self, participant_id: str, *, session_id: str, hand_raised_at: datetime | None) -> None:
        """Keep what may change of a seat; for an unknown one it does nothing."""

    async def of_room(self, room_id: str) -> Sequence[KeptSeat]:
        """Return the seats of a room, in the order they were taken."""

    async def room_ids(self) -> Sequence[str]:
        """Return the ids of all rooms in which anybody has a seat."""

    async def kept(self, participant_ids: Collection[str]) -> Collection[str]:
        """Return those of the participants who have a seat."""

    async def counts(self, room_ids: Collection[str]) -> Mapping[str, int]:
        """Return how many seats are taken in each of these rooms; an empty room may be missing."""

    async def totals(self) -> tuple[int, int]:
        """Return in how many rooms seats are taken, and how many seats."""

    async def close_abandoned(self, left_at: datetime) -> int:
        """Close attendance that is open without a seat, as a deleted account leaves it; return how much it was."""
