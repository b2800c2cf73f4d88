"""What is kept of a room beyond the class: what was said, and who was there. As protocols for the storage.

Implemented by `backend.storage.history`. Every call may raise `backend.errors.DatabaseUnavailable`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from backend.domain.pages import Page, PageRequest
from backend.domain.ports import AttendanceRow


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """Something said in a room. The name is that of the time; `user_id` is None when the account is gone."""

    id: str
    room_id: str
    participant_id: str
    user_id: str | None
    full_name: str
    text: str
    sent_at: datetime


class MessageRepository(Protocol):
    """The messages of all rooms, in the order they were added."""

    async def add(self, message: ChatMessage) -> None:
        """Keep a message.

        Raises:
            backend.errors.NotFound: `ROOM_NOT_FOUND`, the room has just been deleted.
        """

    async def remove(self, message_id: str) -> None:
        """Forget a message, kept or not."""

    async def list(self, room_id: str, page: PageRequest, *, newest_first: bool) -> Page[ChatMessage]:
        """Return one page of a room's messages."""


class AttendanceHistory(Protocol):
    """Who was in a room, in the order they came."""

    async def list(self, room_id: str, page: PageRequest) -> Page[AttendanceRow]:
        """Return one page of a room's seats, oldest first."""

    async def after(self, room_id: str, last: AttendanceRow | None, limit: int) -> Sequence[AttendanceRow]:
        """Return the seats that follow `last`, or the first ones; at most `limit`."""

    async def is_in(self, room_id: str, user_id: str) -> bool:
        """Tell whether the user has a seat in the room now."""
