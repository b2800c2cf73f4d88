"""Who may do what: the whole table, and the rooms' own rules on top of it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from backend.domain.permissions import PERMISSIONS, Action, Relation, allows, require, require_somewhere
from backend.domain.rooms import (
    RoomRecord,
    may_manage,
    may_publish,
    passes_freely,
    relations_to,
    require_may_manage,
    require_unlocked,
)
from backend.domain.users import Role, User
from backend.errors import NotAllowed

S, T, A = Role.STUDENT, Role.TEACHER, Role.ADMIN
O, P, N = Relation.OWNER, Relation.PRESENT, Relation.STRANGER  # noqa: E741 -- letters of a table

MATRIX: dict[Action, dict[Role, set[Relation]]] = {
    Action.USE_OWN_ACCOUNT: {S: {O, P, N}, T: {O, P, N}, A: {O, P, N}},
    Action.MANAGE_USERS: {S: set(), T: set(), A: {O, P, N}},
    Action.CREATE_STAFF: {S: set(), T: set(), A: {O, P, N}},
    Action.READ_AUDIT_LOG: {S: set(), T: set(), A: {O, P, N}},
    Action.READ_ROOMS: {S: {O, P, N}, T: {O, P, N}, A: {O, P, N}},
    Action.CREATE_ROOM: {S: set(), T: {O, P, N}, A: {O, P, N}},
    Action.MANAGE_ROOM: {S: set(), T: {O}, A: {O, P, N}},
    Action.READ_MESSAGES: {S: {P}, T: {O, P}, A: {O, P, N}},
    Action.READ_ATTENDANCE: {S: set(), T: {O}, A: {O, P, N}},
    Action.READ_ROOM_STATS: {S: set(), T: {O, P, N}, A: {O, P, N}},
    Action.CONNECT: {S: {O, P, N}, T: {O, P, N}, A: {O, P, N}},
    Action.JOIN_ROOM: {S: {O, P, N}, T: {O, P, N}, A: {O, P, N}},
    Action.ENTER_LOCKED_ROOM: {S: set(), T: {O, P, N}, A: {O, P, N}},
    Action.TAKE_PART: {S: {P}, T: {P}, A: {P}},
    Action.PUBLISH_ANYWHERE: {S: set(), T: {O, P, N}, A: {O, P, N}},
}


def user(role: Role, user_id: str = "u1") -> User:
    return User(user_id, "u@school.example", "U", None, role, True)


def room(owner_id: str | None, *, students_may_publish: bool = True) -> RoomRecord:
    return RoomRecord("r", "R", owner_id, 10, False, students_may_publish, datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("relations", [{O}, {P}, {N}, {O, P}], ids=["owner", "present", "neither", "both"])
def test_every_role_action_and_relation(role: Role, action: Action, relations: set[Relation]) -> None:
    may = bool(MATRIX[action][role] & relations)
    assert allows(role, action, relations) == may
    if may:
        require(user(role), action, relations)
        require_somewhere(user(role), action)
    else:
        with pytest.raises(NotAllowed):
            require(user(role), action, relations)


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("role", Role)
def test_what_a_role_may_nowhere(role: Role, action: Action) -> None:
    if MATRIX[action][role]:
        require_somewhere(user(role), action)
    else:
        with pytest.raises(NotAllowed):
            require_somewhere(user(role), action)


def test_every_action_and_role_stands_in_the_table() -> None:
    assert set(PERMISSIONS) == set(Action)
    assert all(set(row) == set(Role) for row in PERMISSIONS.values())


@pytest.mark.parametrize(
    ("owner_id", "present", "relations"),
    [("u1", False, {O}), ("u1", True, {O, P}), ("u2", True, {P}), ("u2", False, {N}), (None, False, {N})],
)
def test_what_somebody_is_to_a_room(owner_id: str | None, present: bool, relations: set[Relation]) -> None:
    assert relations_to(user(S), room(owner_id), present=present) == relations


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


@pytest.mark.parametrize(
    ("role", "owner_id", "freely"), [(S, "u2", False), (S, "u1", False), (T, "u2", True), (A, None, True)]
)
def test_who_enters_a_locked_room(role: Role, owner_id: str | None, freely: bool) -> None:
    locked = replace(room(owner_id), is_locked=True)
    assert passes_freely(user(role), locked) == freely
    require_unlocked(user(role), room(owner_id))
    if freely:
        require_unlocked(user(role), locked)
    else:
        with pytest.raises(NotAllowed):
            require_unlocked(user(role), locked)
