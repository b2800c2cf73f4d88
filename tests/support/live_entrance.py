"""What the entrance of a room works with, in memory."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

from backend.domain.entrance_ports import Invitation
from backend.domain.seat_ports import KeptSeat
from backend.errors import DatabaseUnavailable


class MemoryInvitations:
    """Implements `InvitationRepository` over a dictionary: room id to token hash and invitation."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[bytes, Invitation]] = {}

    async def put(self, room_id: str, token_hash: bytes, invitation: Invitation) -> None:
        self.kept[room_id] = (token_hash, invitation)

    async def get(self, room_id: str, now: datetime) -> Invitation | None:
        kept = self.kept.get(room_id)
        return kept[1] if kept is not None and kept[1].expires_at > now else None

    async def remove(self, room_id: str) -> None:
        self.kept.pop(room_id, None)

    async def fits(self, room_id: str, token_hash: bytes, now: datetime) -> bool:
        await asyncio.sleep(0)
        return await self.get(room_id, now) is not None and self.kept[room_id][0] == token_hash


class MemoryAdmissions:
    """Implements `AdmissionRepository` over pairs of room and user, which count while the room has `seats`."""

    def __init__(self, seats: Mapping[str, KeptSeat]) -> None:
        self.kept: set[tuple[str, str]] = set()
        self.available = True
        self._seats = seats

    async def _call(self) -> None:
        await asyncio.sleep(0)
        if not self.available:
            raise DatabaseUnavailable

    async def add(self, room_id: str, user_ids: Sequence[str], now: datetime) -> None:
        await self._call()
        self.kept |= {(room_id, user_id) for user_id in user_ids}

    async def remove(self, room_id: str, user_id: str) -> None:
        await self._call()
        self.kept.discard((room_id, user_id))

    async def holds(self, room_id: str, user_id: str) -> bool:
        await self._call()
        return (room_id, user_id) in self.kept and any(s.room_id == room_id for s in self._seats.values())


class PlainHasher:
    """Implements `PasswordHasher` in the open and at once; `checked` counts what would have been slow."""

    def __init__(self) -> None:
        self.checked = 0

    async def hash(self, password: str) -> str:
        return f"hash of {password}"

    async def verify(self, password: str, password_hash: str | None) -> bool:
        self.checked += 1
        await asyncio.sleep(0)
        return password_hash == f"hash of {password}"
