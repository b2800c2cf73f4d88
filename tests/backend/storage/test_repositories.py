"""The repositories on a real database: what many do at once, and what time does."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from backend.domain.auth_ports import ReusedToken, SessionRecord
from backend.domain.origin import Origin
from backend.domain.pages import PageRequest
from backend.domain.ports import Identity
from backend.domain.rooms import RoomChange, RoomRecord
from backend.domain.users import NewUser, ProfileChange, Role, User, UserFilter
from backend.errors import Conflict
from backend.storage import sessions as sessions_module
from backend.storage.database import Database
from backend.storage.rooms import PostgresRooms
from backend.storage.sessions import PostgresSessions, PostgresTickets
from backend.storage.users import PostgresUsers
from shared.ids import new_id

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
SECOND = timedelta(seconds=1)
HOME = Origin("192.0.2.1", "Browser 1.0")


def new_user(email: str = "a@school.example", role: Role = Role.STUDENT) -> NewUser:
    return NewUser(email, "Some Body", None, role, "hash")


def room(owner: User | None = None, room_id: str = "physics") -> RoomRecord:
    return RoomRecord(room_id, "Physics", owner.id if owner else None, 10, False, True, NOW)


async def add(database: Database, email: str = "a@school.example", role: Role = Role.STUDENT) -> User:
    return await PostgresUsers(database).add(new_user(email, role))


async def test_of_many_who_take_an_email_at_once_one_gets_it(database: Database) -> None:
    users = PostgresUsers(database)
    made = await asyncio.gather(
        *(users.add(new_user(email)) for email in ("x@a.example", "X@a.example", "x@A.example")),
        return_exceptions=True,
    )
    assert sorted(type(result).__name__ for result in made) == ["Conflict", "Conflict", "User"]
    assert (await users.list(UserFilter(), PageRequest())).total == 1


async def test_of_many_first_admins_one_is_made(database: Database) -> None:
    users = PostgresUsers(database)
    made = await asyncio.gather(*(users.add_first_admin(new_user(f"{n}@a.example", Role.ADMIN)) for n in range(4)))
    assert sum(result is not None for result in made) == 1


async def test_two_admins_cannot_remove_each_other_at_once(database: Database) -> None:
    users = PostgresUsers(database)
    first, second = await add(database, "1@a.example", Role.ADMIN), await add(database, "2@a.example", Role.ADMIN)
    results = await asyncio.gather(
        users.update(first.id, ProfileChange(role=Role.STUDENT)), users.delete(second.id), return_exceptions=True
    )
    assert sum(isinstance(result, Conflict) for result in results) == 1
    assert (await users.list(UserFilter(role=Role.ADMIN), PageRequest())).total == 1


@pytest.mark.parametrize("user_id", ["", "x", "not-a-uuid", "\ud800", "6f1b1c1e-5d0a-4c64-9c5e-0a4d7c1b2e3f"])
async def test_ids_of_nobody(database: Database, user_id: str) -> None:
    users = PostgresUsers(database)
    assert await users.get(user_id) is None
    assert await users.update(user_id, ProfileChange(full_name="X")) is None
    assert not await users.delete(user_id)
    await users.set_password_hash(user_id, "hash")
    assert await PostgresSessions(database).identity(user_id) is None


async def test_a_refresh_token_used_twice_at_once_serves_once_and_ends_the_session(database: Database) -> None:
    user, sessions = await add(database), PostgresSessions(database)
    session_id = await sessions.start(user.id, "hash", b"old", NOW, LATER, HOME)
    assert session_id is not None
    assert await sessions.identity(session_id) is not None
    results = await asyncio.gather(*(sessions.rotate(b"old", bytes([n]), NOW, LATER) for n in range(4)))
    assert sum(isinstance(result, Identity) for result in results) == 1
    assert ReusedToken(user, session_id) in results
    assert await sessions.identity(session_id) is None


async def test_an_expired_refresh_token_is_refused_and_purged(database: Database) -> None:
    user, sessions = await add(database), PostgresSessions(database)
    session_id = await sessions.start(user.id, "hash", b"token", NOW, LATER, HOME)
    assert await sessions.rotate(b"token", b"new", LATER, LATER) is None
    assert await sessions.purge(LATER - SECOND) == 0
    assert await sessions.purge(LATER) == 1
    assert session_id is not None
    assert await sessions.identity(session_id) is None


async def test_a_used_token_is_still_known_when_the_session_lives_on(database: Database) -> None:
    user, sessions = await add(database), PostgresSessions(database)
    session_id = await sessions.start(user.id, "hash", b"first", NOW, LATER, HOME)
    assert await sessions.rotate(b"first", b"second", NOW + SECOND, LATER + SECOND) is not None
    await sessions.purge(NOW + SECOND)
    assert session_id is not None
    assert await sessions.rotate(b"first", b"third", NOW + SECOND, LATER) == ReusedToken(user, session_id)
    assert await sessions.identity(session_id) is None


async def test_of_the_used_tokens_of_a_session_the_latest_are_kept(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions_module, "MAX_USED_TOKENS", 3)
    user, sessions = await add(database), PostgresSessions(database)
    session_id = await sessions.start(user.id, "hash", bytes([0]), NOW, LATER, HOME)
    for n in range(6):
        rotated = await sessions.rotate(bytes([n]), bytes([n + 1]), NOW + n * SECOND, LATER)
        assert isinstance(rotated, Identity)
    rows = await database.all("SELECT token_hash FROM refresh_tokens ORDER BY token_hash")
    assert [bytes(row["token_hash"]) for row in rows] == [bytes([n]) for n in (3, 4, 5, 6)]
    assert await sessions.rotate(bytes([0]), b"new", NOW, LATER) is None
    assert await sessions.rotate(bytes([3]), b"new", NOW, LATER) == ReusedToken(user, str(session_id))


async def test_sessions_are_listed_by_their_last_use_until_they_are_over(database: Database) -> None:
    user, other, sessions = (
        await add(database),
        await add(database, "b@school.example"),
        PostgresSessions(database),
    )
    first = await sessions.start(user.id, "hash", b"1", NOW, LATER, HOME)
    second = await sessions.start(user.id, "hash", b"2", NOW + SECOND, LATER, Origin())
    await sessions.start(other.id, "hash", b"3", NOW, LATER, HOME)
    page = await sessions.list(user.id, NOW, PageRequest())
    assert ([one.id for one in page.items], page.total) == ([second, first], 2)
    assert page.items[0].origin == Origin()
    assert page.items[1] == SessionRecord(str(first), NOW, NOW, LATER, HOME)
    await sessions.rotate(b"1", b"4", NOW + 2 * SECOND, LATER + SECOND)
    page = await sessions.list(user.id, LATER, PageRequest())
    assert [(one.id, one.last_used_at, one.expires_at) for one in page.items] == [
        (first, NOW + 2 * SECOND, LATER + SECOND)
    ]
    assert await sessions.end_own(other.id, str(first), NOW) is False
    assert await sessions.end_own(user.id, "no-uuid", NOW) is False
    assert await sessions.end_own(user.id, str(first), NOW) is True
    assert await sessions.end_own(user.id, str(first), NOW) is False
    assert (await sessions.list(user.id, LATER, PageRequest())).items == []


async def test_beyond_the_limit_the_session_unused_for_longest_ends(database: Database) -> None:
    user, sessions = await add(database), PostgresSessions(database)
    ids = [await sessions.start(user.id, "hash", bytes([n]), NOW + n * SECOND, LATER, HOME) for n in range(4)]
    await sessions.rotate(bytes([0]), b"new", NOW + 9 * SECOND, LATER)
    assert sorted(await sessions.end_surplus(user.id, NOW, 2)) == sorted(map(str, ids[1:3]))
    assert await sessions.end_surplus(user.id, NOW, 2) == []
    page = await sessions.list(user.id, NOW, PageRequest())
    assert [one.id for one in page.items] == [ids[0], ids[3]]


async def test_a_hash_is_renewed_only_while_it_is_the_passwords(database: Database) -> None:
    user, users = await add(database), PostgresUsers(database)
    assert await users.replace_password_hash(user.id, "hash", "stronger")
    await users.set_password_hash(user.id, "of another password")
    assert not await users.replace_password_hash(user.id, "stronger", "much too late")
    found = await users.credentials_by_id(user.id)
    assert found is not None
    assert found.password_hash == "of another password"


@pytest.mark.parametrize("rounds", range(5))
async def test_of_many_demotions_at_once_one_admin_is_left(database: Database, rounds: int) -> None:
    users = PostgresUsers(database)
    admins = [await add(database, f"{n}@a.example", Role.ADMIN) for n in range(4)]
    changes = [ProfileChange(role=Role.TEACHER), ProfileChange(active=False), ProfileChange(role=Role.STUDENT)]
    results = await asyncio.gather(
        *(users.update(admin.id, change) for admin, change in zip(admins, changes, strict=False)),
        users.delete(admins[3].id),
        return_exceptions=True,
    )
    assert sum(isinstance(result, Conflict) for result in results) == 1
    assert (await users.list(UserFilter(role=Role.ADMIN, active=True), PageRequest())).total == 1


async def test_a_session_starts_with_the_password_that_is_the_users_now(database: Database) -> None:
    user, users, sessions = await add(database), PostgresUsers(database), PostgresSessions(database)
    assert await sessions.start(user.id, "of another password", b"1", NOW, LATER, HOME) is None
    await users.update(user.id, ProfileChange(active=False))
    assert await sessions.start(user.id, "hash", b"2", NOW, LATER, HOME) is None
    await users.update(user.id, ProfileChange(active=True))
    assert await sessions.start(user.id, "hash", b"3", NOW, LATER, HOME) is not None


async def test_no_session_slips_past_a_change_of_the_password(database: Database) -> None:
    """Whichever comes first, no session that began with the old password is left."""
    user, users, sessions = await add(database), PostgresUsers(database), PostgresSessions(database)

    async def change() -> None:
        async with database.transaction():
            assert await users.replace_password_hash(user.id, "hash", "new")
            await sessions.end_all(user.id, NOW)

    starts = [sessions.start(user.id, "hash", bytes([n]), NOW, LATER, HOME) for n in range(20)]
    await asyncio.gather(*starts[:10], change(), *starts[10:])
    assert (await sessions.list(user.id, NOW, PageRequest())).total == 0


async def test_a_session_of_a_deleted_user_does_not_start(database: Database) -> None:
    assert await PostgresSessions(database).start(new_id(), "hash", b"token", NOW, LATER, HOME) is None


async def test_a_ticket_is_redeemed_once_however_many_try(database: Database) -> None:
    user, sessions, tickets = await add(database), PostgresSessions(database), PostgresTickets(database)
    session_id = await sessions.start(user.id, "hash", b"token", NOW, LATER, HOME)
    assert session_id is not None
    await tickets.add(b"ticket", session_id, NOW + SECOND)
    taken = await asyncio.gather(*(tickets.take(b"ticket", NOW) for _ in range(5)))
    assert [result for result in taken if result is not None] == [Identity(user, session_id)]


async def test_a_ticket_expires_and_ends_with_its_session(database: Database) -> None:
    user, sessions, tickets = await add(database), PostgresSessions(database), PostgresTickets(database)
    session_id = await sessions.start(user.id, "hash", b"token", NOW, LATER, HOME)
    assert session_id is not None
    await tickets.add(b"late", session_id, NOW + SECOND)
    assert await tickets.take(b"late", NOW + SECOND) is None
    await tickets.add(b"ended", session_id, LATER)
    await sessions.end(session_id, NOW)
    assert await tickets.take(b"ended", NOW) is None
    await tickets.add(b"of nothing", new_id(), LATER)
    assert await tickets.take(b"of nothing", NOW) is None


async def test_of_many_who_make_a_room_one_owns_it(database: Database) -> None:
    rooms = PostgresRooms(database)
    owners = [await add(database, f"{n}@a.example", Role.TEACHER) for n in range(4)]
    made = await asyncio.gather(*(rooms.create_if_absent(room(owner)) for owner in owners))
    assert sum(is_new for _, is_new in made) == 1
    assert len({kept.owner_id for kept, _ in made}) == 1


async def test_a_room_changes_in_what_is_named_only(database: Database) -> None:
    rooms = PostgresRooms(database)
    kept, _ = await rooms.create_if_absent(room())
    assert kept == room()
    changed = await rooms.update("physics", RoomChange(is_locked=True))
    assert changed is not None
    assert (changed.is_locked, changed.name, changed.max_participants) == (True, "Physics", 10)
    assert await rooms.update("absent", RoomChange(name="X")) is None
