"""What the rest of the backend may know and do about live classes."""

from collections.abc import Collection, Iterator, Sequence
from typing import Protocol

from backend.domain.classroom import all_participants
from backend.domain.figures import Figures
from backend.domain.live_classes import LiveClasses
from backend.domain.ports import Identity, PresentParticipant, RoomStats
from backend.domain.rooms import RoomRecord
from backend.domain.sfu_port import SfuPort
from backend.domain.users import User
from backend.errors import DatabaseUnavailable


class Sockets(Protocol):
    """All open connections, also those that have joined no room."""

    def end_user(self, user_id: str, reason: str) -> None:
        """End the connections of a user for good."""

    def end_session(self, session_id: str, reason: str) -> None:
        """End the connections of a sign-in for good."""

    def user_changed(self, user: User) -> None:
        """Let the connections of a user know the new name and role."""

    def identities(self) -> Iterator[Identity]:
        """Return whose the connections are."""


class LivePresence:
    """The live classes as `backend.domain.ports.Presence` has them."""

    def __init__(self, classes: LiveClasses, sfu: SfuPort, sockets: Sockets, figures: Figures) -> None:
        self._classes = classes
        self._sfu = sfu
        self._sockets = sockets
        self._figures = figures

    def participant_count(self, room_id: str) -> int:
        """Return how many sit in the room; 0 for a room nobody is in."""
        room = self._classes.rooms.get(room_id)
        return len(room.participants) if room is not None else 0

    def live_room_ids(self) -> Sequence[str]:
        """Return the ids of the rooms somebody sits in."""
        return [room.id for room in self._classes.rooms.values() if room.participants]

    def stats(self, room_id: str) -> RoomStats:
        """Return the room's live figures, zeros for a room nobody is in."""
        room = self._classes.rooms.get(room_id)
        if room is None:
            return RoomStats(room_id, 0, 0, [])
        present = [
            PresentParticipant(one.id, one.user.id, one.user.full_name, one.user.role, one.joined_at)
            for one in room.participants.values()
        ]
        return RoomStats(room_id, len(present), len(room.producers), present)

    async def totals(self) -> tuple[int, int]:
        """Return how many rooms somebody sits in, and how many sit there; only here while the database is away."""
        try:
            return await self._figures.totals()
        except DatabaseUnavailable:
            rooms = self.live_room_ids()
            return len(rooms), sum(map(self.participant_count, rooms))

    async def room_stats(self, room_id: str) -> RoomStats:
        """Return a room's live figures, wherever it is at home; zeros for a room nobody is in."""
        if room_id in self._classes.rooms:
            return self.stats(room_id)
        return await self._figures.elsewhere(room_id)

    async def all_stats(self) -> Sequence[RoomStats]:
        """Return the live figures of all rooms that somebody sits in, at all backends."""
        elsewhere = await self._figures.all_elsewhere()
        return [*(self.stats(room_id) for room_id in self.live_room_ids()), *elsewhere]

    async def room_changed(self, room: RoomRecord) -> None:
        """Take over a room's new rules and tell everybody in it."""
        await self._classes.room_changed(room)

    async def close_room(self, room_id: str, reason: str) -> None:
        """Send everybody out and free what the room holds, also at the SFU; does nothing for an empty room."""
        await self._classes.close_room(room_id, reason)

    async def end_user(self, user_id: str, reason: str) -> None:
        """Free all seats and close all connections of a user whose account was closed."""
        self._classes.end_user(user_id, reason)
        self._sockets.end_user(user_id, reason)

    async def end_session(self, session_id: str, reason: str) -> None:
        """Free all seats and close all connections that came of a sign-in which is over."""
        self._classes.end_session(session_id, reason)
        self._sockets.end_session(session_id, reason)

    async def user_changed(self, user: User) -> None:
        """Take over a user's new name and role, with what they allow, and tell everybody who sees the user."""
        self._classes.user_changed(user)
        self._sockets.user_changed(user)

    def connected_users(self) -> Collection[str]:
        """Return the ids of all users with a seat or a connection here."""
        seated = {one.user.id for one in all_participants(self._classes.rooms.values())}
        return seated | {identity.user.id for identity in self._sockets.identities()}

    def connected_sessions(self) -> Collection[str]:
        """Return the ids of all sign-ins with a seat or a connection here."""
        seated = {one.session_id for one in all_participants(self._classes.rooms.values())}
        return seated | {identity.session_id for identity in self._sockets.identities()}

    async def sfu_available(self) -> bool:
        """Tell whether the SFU answered last time, without waiting for it."""
        return self._sfu.available
