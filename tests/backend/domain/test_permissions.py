"""Who may do what: the whole table, and the rooms' own rules on top of it."""

from datetime import UTC, datetime

import pytest

from backend.domain.permissions import PERMISSIONS, Action, allows, require
from backend.domain.rooms import (
    RoomRecord,
    may_enter_locked,
    may_manage,
    may_publish,
    require_may_manage,
)
from backend.domain.users import Role, User
from backend.errors import NotAllowed

S, T, A = Role.STUDENT, Role.TEACHER, Role.ADMIN

MATRIX: dict[Action, set[Role]] = {
    Action.READ_ROOMS: {S, T, A},
    Action.CREATE_ROOM: {T, A},
    Action.MANAGE_OWN_ROOM: {T, A},
    Action.MANAGE_ANY_ROOM: {A},
    Action.ENTER_LOCKED_ROOM: {T, A},
    Action.PUBLISH_ANYWHERE: {T, A},
    Action.READ_ROOM_STATS: {T, A},
    Action.MANAGE_USERS: {A},
    Action.CREATE_STAFF: {A},
    Action.READ_AUDIT_LOG: {A},
}


def user(role: Role, user_id: str = "u1") -> User:
    return User(user_id, "u@school.example", "U", None, role, True)


def room(owner_id: str | None, *, students_may_publish: bool = True) -> RoomRecord:
    return RoomRecord("r", "R", owner_id, 10, False, students_may_publish, datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("role", Role)
def test_every_role_and_action(role: Role, action: Action) -> None:
    may = role in MATRIX[action]
    assert allows(role, action) == may
    if may:
        require(user(role), action)
    else:
        with pytest.raises(NotAllowed):
            require(user(role), action)


def test_every_role_stands_in_the_table() -> None:
    assert set(PERMISSIONS) == set(Role)


@pytest.mark.parametrize(
    ("role", "owner_id", "may"),
    [(S, "u1", False), (S, "u2", False), (T, "u1", True), (T, "u2", False), (T, None, False), (A, "u2", True)],
)
def test_who_runs_a_room(role: Role, owner_id: str | None, may: bool) -> None:
    assert may_manage(user(role), room(owner_id)) == may
    if may:
        require_may_manage(user(role), room(owner_id))
    else:
        with pytest.raises(NotAllowed):
            require_may_manage(user(role), room(owner_id))


@pytest.mark.parametrize(
    ("role", "students_may_publish", "may"),
    [(S, True, True), (S, False, False), (T, False, True), (A, False, True)],
)
def test_who_may_publish(role: Role, students_may_publish: bool, may: bool) -> None:
    assert may_publish(user(role), room("u2", students_may_publish=students_may_publish)) == may


@pytest.mark.parametrize(("role", "may"), [(S, False), (T, True), (A, True)])
def test_who_enters_a_locked_room(role: Role, may: bool) -> None:
    assert may_enter_locked(user(role)) == may
