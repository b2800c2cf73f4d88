"""A room as it is kept: its name, owner and rules. Who sits in it right now is not here."""

from dataclasses import dataclass, field
from datetime import datetime

from backend.domain.permissions import STRANGER, Action, Relation, Relations, allows
from backend.domain.users import User
from backend.errors import NotAllowed, NotFound

DEFAULT_MAX_PARTICIPANTS = 100
"""A large class, and what one media worker forwards with ease."""

LARGEST_MAX_PARTICIPANTS = 500
"""More than this in one room has not been measured."""

MAX_ROOM_NAME_LENGTH = 200
"""As long as a title gets."""

ROOM_NOT_FOUND = "ROOM_NOT_FOUND"


@dataclass(frozen=True, slots=True)
class RoomRecord:
    """A room's lasting part. `id` is a UUID, or what its maker chose by `shared.ids.is_client_id`.

    `owner_id` is the user who made it (`created_by` on the wire); None when that account is gone.
    `created_at` is in UTC. `version` grows with each change. A password stands in no record: only whether there is
    one.
    """

    id: str
    name: str
    owner_id: str | None
    max_participants: int
    is_locked: bool
    students_may_publish: bool
    created_at: datetime
    waiting_room: bool = False
    has_password: bool = False
    invitation_required: bool = False
    one_seat_per_user: bool = False
    version: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class RoomChange:
    """What to change of a room; None leaves a field as it is, an empty `password_hash` removes the password."""

    name: str | None = None
    max_participants: int | None = None
    is_locked: bool | None = None
    students_may_publish: bool | None = None
    waiting_room: bool | None = None
    invitation_required: bool | None = None
    one_seat_per_user: bool | None = None
    password_hash: str | None = None


def room_not_found() -> NotFound:
    """Make the error for an id that no room has."""
    return NotFound("There is no such room.", ROOM_NOT_FOUND)


def relations_to(user: User, room: RoomRecord, *, present: bool = False) -> Relations:
    """Return what the user is to the room; `present` tells whether the user is in it now."""
    held = ((Relation.OWNER, room.owner_id == user.id), (Relation.PRESENT, present))
    return frozenset(relation for relation, holds in held if holds) or STRANGER


def may_manage(user: User, room: RoomRecord) -> bool:
    """Tell whether the user runs the room: its owner, if no student, or an admin."""
    return allows(user.role, Action.MANAGE_ROOM, relations_to(user, room))


def require_may_manage(user: User, room: RoomRecord) -> None:
    """Let pass who runs the room.

    Raises:
        NotAllowed: the user is neither its owner nor an admin.
    """
    if not may_manage(user, room):
        raise NotAllowed("Only the room's owner or an admin may do this.")


def may_publish(user: User, room: RoomRecord) -> bool:
    """Tell whether the user may send audio and video here: always, but for students where the room forbids it."""
    return room.students_may_publish or allows(user.role, Action.PUBLISH_ANYWHERE) or may_manage(user, room)


def require_may_publish(user: User, room: RoomRecord) -> None:
    """Let pass who may publish here. Raises: NotAllowed."""
    if not may_publish(user, room):
        raise NotAllowed("Students may not publish in this room.")


def passes_freely(user: User, room: RoomRecord) -> bool:
    """Tell whether the user needs neither an open room nor a secret nor anybody's leave to come in."""
    return allows(user.role, Action.ENTER_LOCKED_ROOM) or may_manage(user, room)


def require_unlocked(user: User, room: RoomRecord) -> None:
    """Let pass who may come in now. Raises: NotAllowed `ROOM_LOCKED`."""
    if room.is_locked and not passes_freely(user, room):
        raise NotAllowed("The room is locked.", "ROOM_LOCKED")
