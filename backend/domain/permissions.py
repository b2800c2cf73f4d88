"""Who may do what: one table, action by role by relation to the room that it is about.

Every REST route (`backend.http.routes`) and every signalling method (`backend.signalling.methods`) names its
action, and is refused by this table before anything else of a request is looked at. Where more is to be known than
that (is the room locked, may students publish in it) the rooms have rules of their own on top of it.
"""

import enum
from collections.abc import Collection

from backend.domain.users import Role, User
from backend.errors import NotAllowed


class Relation(enum.Enum):
    """What somebody is to a room. One may own it and be in it; who does neither is a stranger to it."""

    OWNER = enum.auto()
    PRESENT = enum.auto()
    STRANGER = enum.auto()


class Action(enum.Enum):
    """Something that not everybody may do everywhere."""

    USE_OWN_ACCOUNT = enum.auto()
    MANAGE_USERS = enum.auto()
    CREATE_STAFF = enum.auto()
    READ_AUDIT_LOG = enum.auto()
    READ_ROOMS = enum.auto()
    CREATE_ROOM = enum.auto()
    MANAGE_ROOM = enum.auto()
    READ_MESSAGES = enum.auto()
    READ_ATTENDANCE = enum.auto()
    READ_ROOM_STATS = enum.auto()
    CONNECT = enum.auto()
    JOIN_ROOM = enum.auto()
    ENTER_LOCKED_ROOM = enum.auto()
    TAKE_PART = enum.auto()
    PUBLISH_ANYWHERE = enum.auto()


Relations = frozenset[Relation]

STRANGER: Relations = frozenset({Relation.STRANGER})
NEVER: Relations = frozenset()
_ALWAYS: Relations = frozenset(Relation)
_OWN: Relations = frozenset({Relation.OWNER})
_PRESENT: Relations = frozenset({Relation.PRESENT})


def _row(student: Relations, teacher: Relations, admin: Relations) -> dict[Role, Relations]:
    return {Role.STUDENT: student, Role.TEACHER: teacher, Role.ADMIN: admin}


PERMISSIONS: dict[Action, dict[Role, Relations]] = {
    Action.USE_OWN_ACCOUNT: _row(student=_ALWAYS, teacher=_ALWAYS, admin=_ALWAYS),
    Action.MANAGE_USERS: _row(student=NEVER, teacher=NEVER, admin=_ALWAYS),
    Action.CREATE_STAFF: _row(student=NEVER, teacher=NEVER, admin=_ALWAYS),
    Action.READ_AUDIT_LOG: _row(student=NEVER, teacher=NEVER, admin=_ALWAYS),
    Action.READ_ROOMS: _row(student=_ALWAYS, teacher=_ALWAYS, admin=_ALWAYS),
    Action.CREATE_ROOM: _row(student=NEVER, teacher=_ALWAYS, admin=_ALWAYS),
    Action.MANAGE_ROOM: _row(student=NEVER, teacher=_OWN, admin=_ALWAYS),
    Action.READ_MESSAGES: _row(student=_PRESENT, teacher=_OWN | _PRESENT, admin=_ALWAYS),
    Action.READ_ATTENDANCE: _row(student=NEVER, teacher=_OWN, admin=_ALWAYS),
    Action.READ_ROOM_STATS: _row(student=NEVER, teacher=_ALWAYS, admin=_ALWAYS),
    Action.CONNECT: _row(student=_ALWAYS, teacher=_ALWAYS, admin=_ALWAYS),
    Action.JOIN_ROOM: _row(student=_ALWAYS, teacher=_ALWAYS, admin=_ALWAYS),
    Action.ENTER_LOCKED_ROOM: _row(student=NEVER, teacher=_ALWAYS, admin=_ALWAYS),
    Action.TAKE_PART: _row(student=_PRESENT, teacher=_PRESENT, admin=_PRESENT),
    Action.PUBLISH_ANYWHERE: _row(student=NEVER, teacher=_ALWAYS, admin=_ALWAYS),
}
"""By action and role: as what to a room it may be done. An owner who is a student by now has no owner's rights.

An action that is about no room is done by a stranger to all of them.
"""


def allows(role: Role, action: Action, relations: Collection[Relation] = STRANGER) -> bool:
    """Tell whether the role may do the action, being this to the room that it is about."""
    return not PERMISSIONS[action][role].isdisjoint(relations)


def require(user: User, action: Action, relations: Collection[Relation] = STRANGER) -> None:
    """Let pass who may do the action, being this to the room that it is about.

    Raises:
        NotAllowed: the user may not.
    """
    if not allows(user.role, action, relations):
        raise _not_allowed(user, action)


def require_somewhere(user: User, action: Action) -> None:
    """Let pass whose role allows the action in some room at least, before it is known which one it is about.

    Raises:
        NotAllowed: the role does not allow it anywhere.
    """
    if not PERMISSIONS[action][user.role]:
        raise _not_allowed(user, action)


def _not_allowed(user: User, action: Action) -> NotAllowed:
    if PERMISSIONS[action][user.role]:
        return NotAllowed("Being what you are to this room, you may not do this.")
    return NotAllowed("Your role does not allow this.")
