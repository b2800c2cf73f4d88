"""Who may do what: one table, role by action. Ownership of a room is the rooms' own rule on top of it."""

import enum

from backend.domain.users import Role, User
from backend.errors import NotAllowed


class Action(enum.Enum):
    """Something that not everybody may do."""

    READ_ROOMS = enum.auto()
    CREATE_ROOM = enum.auto()
    MANAGE_OWN_ROOM = enum.auto()
    MANAGE_ANY_ROOM = enum.auto()
    ENTER_LOCKED_ROOM = enum.auto()
    PUBLISH_ANYWHERE = enum.auto()
    READ_ROOM_STATS = enum.auto()
    MANAGE_USERS = enum.auto()
    CREATE_STAFF = enum.auto()
    READ_AUDIT_LOG = enum.auto()


_STUDENT = frozenset({Action.READ_ROOMS})
_TEACHER = _STUDENT | {
    Action.CREATE_ROOM,
    Action.MANAGE_OWN_ROOM,
    Action.ENTER_LOCKED_ROOM,
    Action.PUBLISH_ANYWHERE,
    Action.READ_ROOM_STATS,
}
_ADMIN = _TEACHER | {Action.MANAGE_ANY_ROOM, Action.MANAGE_USERS, Action.CREATE_STAFF, Action.READ_AUDIT_LOG}

PERMISSIONS: dict[Role, frozenset[Action]] = {
    Role.STUDENT: _STUDENT,
    Role.TEACHER: _TEACHER,
    Role.ADMIN: _ADMIN,
}


def allows(role: Role, action: Action) -> bool:
    """Tell whether the role may do the action."""
    return action in PERMISSIONS[role]


def require(user: User, action: Action) -> None:
    """Let pass who may do the action.

    Raises:
        NotAllowed: the user's role does not allow it.
    """
    if not allows(user.role, action):
        raise NotAllowed("Your role does not allow this.")
