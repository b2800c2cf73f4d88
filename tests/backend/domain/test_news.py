"""News on a real database: what another backend changed reaches the live side of this one."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest

from backend.domain.accounts import ACCOUNT_CLOSED
from backend.domain.news import News, NewsDesk, NewsKind, parse_news
from backend.domain.origin import Origin
from backend.domain.room_book import ROOM_DELETED
from backend.domain.rooms import RoomChange
from backend.domain.sessions import SESSION_ENDED
from backend.domain.users import NewUser, ProfileChange, Role, User
from backend.storage.database import Database
from backend.storage.facts import PostgresFacts
from backend.storage.rooms import PostgresRooms
from backend.storage.sessions import PostgresSessions
from backend.storage.users import PostgresUsers
from shared.ids import new_id
from tests.support.backend import QuietRooms
from tests.support.rooms import a_room
from tests.support.waiting import until


@dataclass
class Live(QuietRooms):
    """A presence that says who is here, and keeps what it is told."""

    users: set[str] = field(default_factory=set)
    sessions: set[str] = field(default_factory=set)

    def connected_users(self) -> list[str]:
        return list(self.users)

    def connected_sessions(self) -> list[str]:
        return list(self.sessions)


@pytest.fixture
def live() -> Live:
    return Live()


@pytest.fixture
async def desk(database: Database, live: Live) -> AsyncIterator[NewsDesk]:
    desk = NewsDesk(PostgresRooms(database), PostgresFacts(database), live)
    running = asyncio.create_task(desk.run())
    yield desk
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
async def user(database: Database, live: Live) -> User:
    user = await PostgresUsers(database).add(NewUser("ada@school.example", "Ada", None, Role.TEACHER, "x"))
    live.users.add(user.id)
    return user


def test_news_are_read_as_they_are_published() -> None:
    assert parse_news('{"kind" : "room-changed", "id" : "physics"}') == News(NewsKind.ROOM_CHANGED, "physics")
    assert parse_news('{"kind":"of-tomorrow","id":"x"}') is None
    for wrong in ("", "[]", "1", '{"kind":"room-changed"}', '{"kind":"room-changed","id":1}'):
        with pytest.raises(ValueError, match=r".+"):
            parse_news(wrong)


async def test_a_changed_room_is_read_anew_and_a_deleted_one_closed(
    database: Database, desk: NewsDesk, live: Live
) -> None:
    room = await a_room(database)
    await PostgresRooms(database).update(room.id, RoomChange(is_locked=True))
    desk.take(News(NewsKind.ROOM_CHANGED, room.id))
    await until(lambda: bool(live.changed))
    assert live.changed[0] == replace(room, is_locked=True)
    assert live.changed[0].version > room.version
    await PostgresRooms(database).delete(room.id)
    desk.take(News(NewsKind.ROOM_CHANGED, room.id))
    await until(lambda: bool(live.closed))
    assert live.closed == [(room.id, ROOM_DELETED)]


async def test_a_changed_user_is_followed_and_a_closed_account_ended(
    database: Database, desk: NewsDesk, live: Live, user: User
) -> None:
    users = PostgresUsers(database)
    await users.update(user.id, ProfileChange(role=Role.STUDENT))
    desk.take(News(NewsKind.USER_CHANGED, user.id))
    await until(lambda: bool(live.changed_users))
    assert live.changed_users[0].role is Role.STUDENT
    await users.update(user.id, ProfileChange(active=False))
    desk.take(News(NewsKind.USER_CHANGED, user.id))
    await until(lambda: bool(live.ended_users))
    assert live.ended_users == [(user.id, ACCOUNT_CLOSED)]


async def test_nobody_here_is_concerned_by_a_user_who_is_not_here(desk: NewsDesk, live: Live, user: User) -> None:
    desk.take(News(NewsKind.USER_CHANGED, new_id()))
    desk.take(News(NewsKind.USER_CHANGED, user.id))
    await until(lambda: bool(live.changed_users))
    assert [one.id for one in live.changed_users] == [user.id]
    assert live.ended_users == []


async def test_after_missed_news_everything_live_is_compared(
    database: Database, desk: NewsDesk, live: Live, user: User
) -> None:
    sessions = PostgresSessions(database)
    kept, gone = await a_room(database), await a_room(database)
    now = kept.created_at
    running = await sessions.start(user.id, "x", b"1", now, now, Origin())
    ended = await sessions.start(user.id, "x", b"2", now, now, Origin())
    assert running is not None
    assert ended is not None
    deleted = new_id()
    live.counts |= {kept.id: 1, gone.id: 1}
    live.users.add(deleted)
    live.sessions |= {running, ended}
    await PostgresRooms(database).delete(gone.id)
    await sessions.end(ended, now)
    desk.missed_some()
    await until(lambda: bool(live.ended_sessions))
    assert live.changed == [kept]
    assert live.closed == [(gone.id, ROOM_DELETED)]
    assert live.ended_users == [(deleted, ACCOUNT_CLOSED)]
    assert [one.id for one in live.changed_users] == [user.id]
    assert live.ended_sessions == [(ended, SESSION_ENDED)]


async def test_news_wait_for_a_database_that_is_away(database_url: str, live: Live) -> None:
    database = Database(pool_size=2)
    desk = NewsDesk(PostgresRooms(database), PostgresFacts(database), live)
    desk.take(News(NewsKind.ROOM_CHANGED, "physics"))
    running = asyncio.create_task(desk.run())
    for _ in range(5):  # it tries, and there is no way to the database yet
        await asyncio.sleep(0)
    assert live.closed == []
    await database.open(database_url)
    await until(lambda: bool(live.closed))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await database.close()
