"""The audit log on a real database: kept once, filtered, bounded; and transactions around it."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from backend.domain.audit import AuditAction, AuditEntry, AuditFilter, Target, TargetType
from backend.domain.pages import PageRequest
from backend.domain.users import NewUser, Role, UserFilter
from backend.errors import DatabaseUnavailable
from backend.storage import audit as audit_module
from backend.storage.audit import PostgresAudit
from backend.storage.database import Database
from backend.storage.users import PostgresUsers
from shared.ids import new_id

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def entry(hours: int = 0, action: AuditAction = AuditAction.SIGN_IN, **fields: object) -> AuditEntry:
    return AuditEntry(id=new_id(), at=NOW + hours * HOUR, action=action, **fields)  # type: ignore[arg-type] # its fields


def new_user(email: str) -> NewUser:
    return NewUser(email, "Some Body", None, Role.STUDENT, "hash")


async def listed(database: Database, **wanted: object) -> list[AuditEntry]:
    page = await PostgresAudit(database).list(AuditFilter(**wanted), PageRequest())  # type: ignore[arg-type] # its fields
    assert page.total == len(page.items)
    return list(page.items)


async def test_an_entry_comes_back_as_it_was_kept_and_once(database: Database) -> None:
    audit = PostgresAudit(database)
    full = entry(
        action=AuditAction.PARTICIPANT_KICKED,
        actor_id=new_id(),
        actor_email="a@school.example",
        target=Target(TargetType.PARTICIPANT, "p1"),
        room_id="physics",
        address="2001:db8::1",
        details={"name": "Stu \u2028 Dent", "count": 2, "was": None, "muted": True},
    )
    await asyncio.gather(*(audit.add(full) for _ in range(3)))
    await audit.add(bare := entry(-1))
    assert await listed(database) == [full, bare]


async def test_every_filter(database: Database) -> None:
    audit, actor = PostgresAudit(database), new_id()
    first = entry(0, actor_id=actor)
    second = entry(1, AuditAction.ROOM_LOCKED, room_id="physics")
    third = entry(2, AuditAction.ROOM_LOCKED, room_id="maths", actor_id=actor)
    for one in (second, third, first):
        await audit.add(one)
    assert await listed(database) == [third, second, first]
    assert await listed(database, action=AuditAction.ROOM_LOCKED) == [third, second]
    assert await listed(database, actor_id=actor) == [third, first]
    assert await listed(database, actor_id="nobody") == []
    assert await listed(database, room_id="physics") == [second]
    assert await listed(database, since=NOW + HOUR) == [third, second]
    assert await listed(database, until=NOW + HOUR) == [first]
    assert await listed(database, since=NOW + HOUR, until=NOW + 2 * HOUR, room_id="physics") == [second]
    page = await audit.list(AuditFilter(), PageRequest(page=2, per_page=2))
    assert (list(page.items), page.total) == ([first], 3)


async def test_old_entries_go(database: Database) -> None:
    audit = PostgresAudit(database)
    for hours in range(3):
        await audit.add(entry(hours))
    assert await audit.purge(NOW + HOUR) == 1
    assert [one.at for one in await listed(database)] == [NOW + 2 * HOUR, NOW + HOUR]


async def test_failed_sign_ins_crowd_nothing_else_out(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_module, "MAX_FAILED_SIGN_INS", 2)
    audit = PostgresAudit(database)
    await audit.add(oldest := entry(-1, AuditAction.ROLE_CHANGED))
    for hours in range(5):
        await audit.add(entry(hours, AuditAction.SIGN_IN_FAILED))
    assert await audit.purge(NOW - 2 * HOUR) == 3
    kept = await listed(database)
    assert kept[-1] == oldest
    assert [one.at for one in kept[:-1]] == [NOW + 4 * HOUR, NOW + 3 * HOUR]


async def test_a_transaction_is_all_or_nothing(database: Database) -> None:
    users, audit = PostgresUsers(database), PostgresAudit(database)

    async def fail_after_two() -> None:
        async with database.transaction():
            await users.add(new_user("a@school.example"))
            async with database.transaction():
                await audit.add(entry())
            raise LookupError

    with pytest.raises(LookupError):
        await fail_after_two()
    assert await listed(database) == []
    assert (await users.list(UserFilter(), PageRequest())).total == 0
    async with database.transaction():
        await users.add(new_user("a@school.example"))
        await audit.add(entry())
    assert len(await listed(database)) == 1
    assert (await users.list(UserFilter(), PageRequest())).total == 1


async def test_a_transaction_is_its_own_tasks_alone(database: Database) -> None:
    users = PostgresUsers(database)
    async with database.transaction():
        await users.add(new_user("a@school.example"))
        seen = await asyncio.create_task(users.list(UserFilter(), PageRequest()))
        assert seen.total == 0
        assert (await users.list(UserFilter(), PageRequest())).total == 1
    assert (await users.list(UserFilter(), PageRequest())).total == 1


async def test_a_transaction_needs_one_connection(database_url: str) -> None:
    database = Database(pool_size=1)
    await database.open(database_url)
    async with database.transaction():
        await PostgresUsers(database).add(new_user("a@school.example"))
        await PostgresAudit(database).add(entry())
    await database.close()


async def test_a_transaction_whose_connection_is_lost_did_nothing(database: Database) -> None:
    async def lose_it() -> None:
        async with database.transaction():
            await PostgresAudit(database).add(entry())
            await database.run("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(DatabaseUnavailable):
        await lose_it()
    assert await listed(database) == []
