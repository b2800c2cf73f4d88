"""What the rules need from outside, as protocols: storage, cryptography, and the live side of the rooms.

Implemented by `backend.storage` and `backend.security` (everything but `Presence`) and by `backend.signalling`
(`Presence`). Every storage call may raise `backend.errors.DatabaseUnavailable`.
"""

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from backend.domain.pages import Page, PageRequest
from backend.domain.rooms import RoomChange, RoomRecord
from backend.domain.users import NewUser, ProfileChange, Role, User, UserFilter


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a valid access token belongs to, as the database knows the user now, and the sign-in it comes from."""

    user: User
    session_id: str


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and the hash to compare a password with."""

    user: User
    password_hash: str


@dataclass(frozen=True, slots=True)
class Ticket:
    """A one-use pass for the WebSocket; only its hash is kept on our side."""

    value: str
    expires_in_s: int


@dataclass(frozen=True, slots=True)
class AttendanceRow:
    """One seat in a room's history; `left_at` is None while it is taken."""

    participant_id: str
    room_id: str
    user_id: str | None
    full_name: str
    role: Role
    joined_at: datetime
    left_at: datetime | None


@dataclass(frozen=True, slots=True)
class RoomStats:
    """A room's live figures, for teachers and probes."""

    room_id: str
    participant_count: int
    producer_count: int
    participants: Sequence["PresentParticipant"]


@dataclass(frozen=True, slots=True)
class PresentParticipant:
    """Somebody who sits in a room now."""

    participant_id: str
    user_id: str
    full_name: str
    role: Role
    joined_at: datetime


class UserRepository(Protocol):
    """The accounts."""

    async def get(self, user_id: str) -> User | None:
        """Return the user with this id."""

    async def credentials_by_email(self, email: str) -> Credentials | None:
        """Return user and password hash by email, compared without case."""

    async def credentials_by_id(self, user_id: str) -> Credentials | None:
        """Return user and password hash by id."""

    async def add(self, user: NewUser) -> User:
        """Make an account.

        Raises:
            backend.errors.Conflict: `EMAIL_EXISTS`.
        """

    async def add_first_admin(self, user: NewUser) -> User | None:
        """Make an admin's account if there is no active admin yet; None when there is one."""

    async def update(self, user_id: str, change: ProfileChange) -> User | None:
        """Change a user; None when there is no such user.

        Raises:
            backend.errors.Conflict: `LAST_ADMIN`, it would leave no active admin.
        """

    async def set_password_hash(self, user_id: str, password_hash: str) -> None:
        """Replace the password hash."""

    async def replace_password_hash(self, user_id: str, old_hash: str, new_hash: str) -> bool:
        """Replace exactly this password hash; False when there is another one by now."""

    async def delete(self, user_id: str) -> bool:
        """Delete the account; False when there is no such user.

        Raises:
            backend.errors.Conflict: `LAST_ADMIN`, it would leave no active admin.
        """

    async def list(self, wanted: UserFilter, page: PageRequest) -> Page[User]:
        """Return one page of the users, oldest first."""


class RoomRepository(Protocol):
    """The rooms as they are kept."""

    async def get(self, room_id: str) -> RoomRecord | None:
        """Return the room with this id."""

    async def password_hash(self, room_id: str) -> str | None:
        """Return the hash of the room's password; None when it has none, or there is no such room."""

    async def create_if_absent(
        self, room: RoomRecord, password_hash: str | None = None
    ) -> tuple[RoomRecord, bool]:
        """Keep the room unless its id is taken; return what is kept now and whether that is the new one."""

    async def update(self, room_id: str, change: RoomChange) -> RoomRecord | None:
        """Change a room and return it as it is now; None when there is no such room."""

    async def delete(self, room_id: str) -> bool:
        """Delete the room and its attendance; False when there is no such room."""

    async def list(self, page: PageRequest, search: str | None = None) -> Page[RoomRecord]:
        """Return one page of the rooms, newest first; of those whose name holds `search`, without case."""


class AttendanceRepository(Protocol):
    """Who was in which room, from when to when. Written with the seats (`backend.domain.seat_ports`)."""

    async def open_seats(self, room_id: str | None = None) -> Sequence[AttendanceRow]:
        """Return the seats that nobody has freed, of one room or of all."""


class DatabaseHealth(Protocol):
    """Whether the database answers, and how busy the way to it is."""

    async def reachable(self) -> bool:
        """Tell within a second whether the database answers."""

    def pool_stats(self) -> dict[str, int]:
        """Return the connection pool's figures: `pool_size`, `pool_available`, `requests_waiting` and others."""


class Transactions(Protocol):
    """Makes several storage calls one: all of them are done, or none."""

    def transaction(self) -> AbstractAsyncContextManager[None]:
        """Return a block whose storage calls by this task are one transaction; an exception undoes them."""


class TicketService(Protocol):
    """One-use passes that let a browser open the WebSocket; any backend on the same database redeems them."""

    async def issue(self, identity: Identity) -> Ticket:
        """Make a ticket for the signed-in user."""

    async def redeem(self, ticket: str) -> Identity | None:
        """Use the ticket up and return whose it is; None when it is unknown, used, expired or of no session."""

    async def is_good(self, ticket: str) -> bool:
        """Tell whether `redeem` would return somebody now; the ticket stays unused."""


class TokenService(Protocol):
    """Access tokens."""

    async def verify_access(self, token: str) -> Identity:
        """Return whom an access token belongs to.

        Raises:
            backend.errors.Unauthorized: `INVALID_TOKEN` or `TOKEN_EXPIRED`.
        """

    async def identity(self, session_id: str) -> Identity | None:
        """Return who a session belongs to, as the database knows the user now; None when it is over."""


class Presence(Protocol):
    """The live side of the rooms: who sits in them now. Implemented by signalling."""

    def participant_count(self, room_id: str) -> int:
        """Return how many sit in the room, at home here; 0 for any other."""

    def live_room_ids(self) -> Sequence[str]:
        """Return the ids of the rooms at home here that somebody sits in."""

    def stats(self, room_id: str) -> RoomStats:
        """Return the live figures of a room at home here, zeros for any other."""

    async def totals(self) -> tuple[int, int]:
        """Return how many rooms somebody sits in, and how many sit there, at all backends."""

    async def room_stats(self, room_id: str) -> RoomStats:
        """Return a room's live figures, wherever it is at home; zeros for a room nobody is in."""

    async def all_stats(self) -> Sequence[RoomStats]:
        """Return the live figures of all rooms that somebody sits in, at all backends."""

    async def room_changed(self, room: RoomRecord) -> None:
        """Take over a room's new rules and tell everybody in it."""

    async def close_room(self, room_id: str, reason: str) -> None:
        """Send everybody out and free what the room holds, also at the SFU; does nothing for an empty room."""

    async def end_user(self, user_id: str, reason: str) -> None:
        """Free all seats and close all sockets of a user whose account was closed."""

    async def end_session(self, session_id: str, reason: str) -> None:
        """Free all seats and close all sockets that came of a sign-in which is over."""

    async def user_changed(self, user: User) -> None:
        """Take over a user's new name and role, with what they allow, and tell everybody who sees the user."""

    def connected_users(self) -> Collection[str]:
        """Return the ids of all users with a seat or a connection here."""

    def connected_sessions(self) -> Collection[str]:
        """Return the ids of all sign-ins with a seat or a connection here."""

    async def sfu_available(self) -> bool:
        """Tell whether the SFU answered last time, without waiting for it."""
