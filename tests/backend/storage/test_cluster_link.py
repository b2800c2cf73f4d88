"""The link to the cluster on a real PostgreSQL: life, locks and news."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg

from backend.domain.news import News, NewsKind
from backend.domain.origin import Origin
from backend.domain.rooms import RoomChange
from backend.domain.users import NewUser, ProfileChange, Role
from backend.storage.cluster_link import ClusterLink
from backend.storage.database import Database
from backend.storage.homes import PostgresHomes
from backend.storage.rooms import PostgresRooms
from backend.storage.sessions import PostgresSessions
from backend.storage.users import PostgresUsers
from shared.ids import new_id
from tests.support.rooms import a_room
from tests.support.waiting import until


class Listener:
    def __init__(self) -> None:
        self.opened: list[bool] = []
        self.news: list[News] = []
        self.beats = 0

    def link_opened(self, *, buried: bool) -> None:
        self.opened.append(buried)

    def news_came(self, news: News) -> None:
        self.news.append(news)

    def link_beat(self) -> None:
        self.beats += 1


class Member:
    """A backend as far as the database sees it."""

    def __init__(self, database: Database) -> None:
        self.id = new_id()
        self.listener = Listener()
        self.link = ClusterLink(database, self.id, lambda address: f"http://{address}:1", self.listener)


@asynccontextmanager
async def member_of(database: Database) -> AsyncIterator[Member]:
    member = Member(database)
    await member.link.open()
    try:
        yield member
    finally:
        await member.link.close()


async def has_lock(database: Database, member: Member) -> bool:
    others = await PostgresHomes(database).others(new_id())
    return any(one.backend_id == member.id and one.has_lock for one in others)


async def cut_links(database: Database) -> None:
    """End all connections that listen, as a restart of the database would."""
    await database.run(
        """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')
        """
    )


async def test_a_member_holds_its_lock_and_leaves_nothing_behind(database: Database) -> None:
    async with member_of(database) as one, member_of(database) as other:
        assert await has_lock(database, one)
        assert await has_lock(database, other)
        assert [home.url for home in await PostgresHomes(database).others(one.id)] == ["http://127.0.0.1:1"]
        assert not await PostgresHomes(database).bury(other.id), "it lives"
    assert await PostgresHomes(database).others(new_id()) == []


async def test_a_lost_link_is_made_anew_with_its_lock_and_nobody_loses_a_home(database: Database) -> None:
    homes = PostgresHomes(database)
    room = await a_room(database)
    async with member_of(database) as one:
        claim = new_id()
        assert await homes.claim(room.id, one.id, claim)
        await cut_links(database)
        await until(lambda: len(one.listener.opened) == 2)
        assert one.listener.opened == [False, False]
        await until(lambda: has_lock(database, one))
        assert await homes.held_by(one.id) == {room.id: claim}
        await PostgresRooms(database).update(room.id, RoomChange(name="Chemistry"))
        await until(lambda: News(NewsKind.ROOM_CHANGED, room.id) in one.listener.news)


async def test_who_was_given_up_learns_it_and_signs_in_anew(database: Database) -> None:
    homes = PostgresHomes(database)
    room = await a_room(database)
    async with member_of(database) as one:
        assert await homes.claim(room.id, one.id, new_id())
        await database.run("DELETE FROM backends WHERE id = %s", [one.id])
        await until(lambda: len(one.listener.opened) == 2)
        assert one.listener.opened == [False, True]
        assert await homes.held_by(one.id) == {}
        assert await has_lock(database, one)


async def test_news_tell_what_was_changed_and_only_when_it_is_committed(
    database: Database, database_url: str
) -> None:
    users, sessions = PostgresUsers(database), PostgresSessions(database)
    room = await a_room(database)
    user = await users.add(NewUser("ada@school.example", "Ada", None, Role.TEACHER, "x"))
    session = await sessions.start(user.id, "x", b"hash", room.created_at, room.created_at, Origin())
    assert session is not None
    async with member_of(database) as one:
        async with await psycopg.AsyncConnection.connect(database_url) as connection:
            await connection.execute("UPDATE rooms SET name = 'Never'")
            await connection.rollback()
        await users.update(user.id, ProfileChange(role=Role.STUDENT))
        await users.set_password_hash(user.id, "y")
        await sessions.end(session, room.created_at)
        await sessions.end(session, room.created_at)
        await users.delete(user.id)
        await PostgresRooms(database).delete(room.id)
        expected = [
            News(NewsKind.USER_CHANGED, user.id),
            News(NewsKind.SESSION_ENDED, session),
            News(NewsKind.USER_CHANGED, user.id),
            News(NewsKind.ROOM_CHANGED, room.id),
        ]
        await until(lambda: len(one.listener.news) >= len(expected))
        assert one.listener.news == expected


async def test_what_others_publish_on_the_channel_breaks_nothing(database: Database) -> None:
    room = await a_room(database)
    async with member_of(database) as one:
        for payload in ("", "no json", "[]", '{"kind":"room-changed"}', '{"kind":"of-tomorrow","id":"1"}'):
            await database.run("SELECT pg_notify('vtp_news', %s)", [payload])
        await PostgresRooms(database).update(room.id, RoomChange(name="Chemistry"))
        await until(lambda: bool(one.listener.news))
        assert one.listener.news == [News(NewsKind.ROOM_CHANGED, room.id)]
        assert one.listener.opened == [False]
