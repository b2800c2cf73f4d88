"""What the entrance of a room needs from storage."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Invitation:
    """When a room's invitation was made and until when it opens the room, in UTC."""

    created_at: datetime
    expires_at: datetime


class InvitationRepository(Protocol):
    """One invitation a room at most; its token is kept as a hash only."""

    async def put(self, room_id: str, token_hash: bytes, invitation: Invitation) -> None:
        """Keep a room's invitation in place of the former one.

        Raises:
            backend.errors.NotFound: `ROOM_NOT_FOUND`.
        """

    async def get(self, room_id: str, now: datetime) -> Invitation | None:
        """Return the room's invitation; None when there is none or it is over."""

    async def remove(self, room_id: str) -> None:
        """Forget the room's invitation, if there is one."""

    async def fits(self, room_id: str, token_hash: bytes, now: datetime) -> bool:
        """Tell whether this is the token of the room's invitation, and that is not over."""


class AdmissionRepository(Protocol):
    """Whom those who run a room let in from its waiting room. Counts as long as somebody sits in the room."""

    async def add(self, room_id: str, user_ids: Sequence[str], now: datetime) -> None:
        """Let users in; again for the same it does nothing, and for an account that is gone neither.

        Raises:
            backend.errors.NotFound: `ROOM_NOT_FOUND`.
        """

    async def remove(self, room_id: str, user_id: str) -> None:
        """Take an admission back, if there is one."""

    async def holds(self, room_id: str, user_id: str) -> bool:
        """Tell whether the user was let in and that class goes on."""
