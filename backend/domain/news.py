"""News: what one backend changed and every other must hear of, and what is done about it.

News only say that something changed; what it is now is read from the database. So it does not matter whether they
come twice or late, and after a time without news everything live is compared with the database.
"""

import asyncio
import enum
import json
from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from backend.domain.accounts import ACCOUNT_CLOSED
from backend.domain.ports import Presence, RoomRepository
from backend.domain.room_book import ROOM_DELETED
from backend.domain.sessions import SESSION_ENDED
from backend.domain.users import User
from backend.errors import NotAvailable
from shared.logging import get_logger

MAX_WAITING_NEWS = 10_000
"""News that wait while the database is slow; when there are more, comparing everything is cheaper."""

RETRY_S = 0.5
"""How long to wait when the database is away in the middle of it."""

_log = get_logger(__name__)


class NewsKind(enum.StrEnum):
    """What there may be news of. What was deleted has changed, too."""

    ROOM_CHANGED = "room-changed"
    USER_CHANGED = "user-changed"
    SESSION_ENDED = "session-ended"


@dataclass(frozen=True, slots=True)
class News:
    """Something happened to the room, user or session with this id."""

    kind: NewsKind
    id: str


def parse_news(payload: str) -> News | None:
    """Read what was published; None for what this release does not know.

    Raises:
        ValueError: it is nothing that any release publishes.
    """
    message = json.loads(payload)
    if not isinstance(message, dict) or not isinstance(message.get("id"), str):
        raise ValueError("news have a kind and an id")
    try:
        return News(NewsKind(str(message.get("kind"))), message["id"])
    except ValueError:
        return None


class Facts(Protocol):
    """What is read at once of many, to compare everything live with it. Implemented by `backend.storage`."""

    async def users(self, user_ids: Collection[str]) -> Sequence[User]:
        """Return the users with these ids, without those that are gone."""

    async def running_sessions(self, session_ids: Collection[str]) -> Collection[str]:
        """Return those of these sessions that have not ended."""


class NewsDesk:
    """Takes in news and sees to them one by one, in the order they came. `run` it beside the service."""

    def __init__(self, rooms: RoomRepository, facts: Facts, live: Presence) -> None:
        self._rooms = rooms
        self._facts = facts
        self._live = live
        self._waiting: dict[News, None] = {}
        self._compare_all = False
        self._came = asyncio.Event()

    def take(self, news: News) -> None:
        """Note some news; the same twice while the first waits counts once."""
        self._waiting[news] = None
        if len(self._waiting) > MAX_WAITING_NEWS:
            self.missed_some()
        self._came.set()

    def missed_some(self) -> None:
        """There may have been news that nobody heard: everything live is to be compared."""
        self._compare_all = True
        self._waiting.clear()
        self._came.set()

    async def run(self) -> None:
        """See to news for ever; cancel it to stop."""
        while True:
            await self._came.wait()
            self._came.clear()
            try:
                await self._see_to_all()
            except NotAvailable:
                await asyncio.sleep(RETRY_S)
                self._came.set()

    async def _see_to_all(self) -> None:
        if self._compare_all:
            self._compare_all = False
            await self._or_later(self._compare(), self.missed_some)
        while self._waiting:
            news = next(iter(self._waiting))
            del self._waiting[news]  # first: the same once more meanwhile is newer
            await self._or_later(self._act_on(news), partial(self.take, news))

    async def _or_later(self, work: Coroutine[Any, Any, None], put_back: Callable[[], None]) -> None:
        try:
            await work
        except NotAvailable:
            put_back()
            raise
        except Exception:
            _log.exception("news could not be acted on")

    async def _act_on(self, news: News) -> None:
        match news.kind:
            case NewsKind.ROOM_CHANGED:
                await self._room(news.id)
            case NewsKind.USER_CHANGED:
                await self._users([news.id])
            case NewsKind.SESSION_ENDED:
                await self._live.end_session(news.id, SESSION_ENDED)

    async def _compare(self) -> None:
        for room_id in self._live.live_room_ids():
            await self._room(room_id)
        await self._users(self._live.connected_users())
        sessions = set(self._live.connected_sessions())
        for ended in sessions - set(await self._facts.running_sessions(sessions)):
            await self._live.end_session(ended, SESSION_ENDED)

    async def _room(self, room_id: str) -> None:
        record = await self._rooms.get(room_id)
        if record is None:
            await self._live.close_room(room_id, ROOM_DELETED)
        else:
            await self._live.room_changed(record)

    async def _users(self, user_ids: Collection[str]) -> None:
        wanted = set(user_ids) & set(self._live.connected_users())
        found = {user.id: user for user in await self._facts.users(wanted)} if wanted else {}
        for user_id in wanted:
            user = found.get(user_id)
            if user is None or not user.active:
                await self._live.end_user(user_id, ACCOUNT_CLOSED)
            else:
                await self._live.user_changed(user)
