"""The backend's application for tests of its HTTP edge: on a real database, with signalling's side told apart."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient

from backend import keys
from backend.app import create_app
from backend.domain.ports import RoomStats
from backend.domain.rooms import RoomRecord
from backend.domain.users import Role, User
from backend.settings import Settings
from tests.support.api_conformance import watch_api
from tests.support.secret_watch import WATCH

API = "/api/v1"
ADMIN_EMAIL = "admin@school.example"
PASSWORD = "Chalk-and-Board-1"
JWT_SECRET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH"

Client = TestClient[web.Request, web.Application]


@dataclass
class QuietRooms:
    """A presence for tests without sockets: the counts are given, and what it was told is kept."""

    counts: dict[str, int] = field(default_factory=dict)
    changed: list[RoomRecord] = field(default_factory=list)
    closed: list[tuple[str, str]] = field(default_factory=list)
    ended_users: list[tuple[str, str]] = field(default_factory=list)
    ended_sessions: list[tuple[str, str]] = field(default_factory=list)
    changed_users: list[User] = field(default_factory=list)
    sfu: bool = True

    def participant_count(self, room_id: str) -> int:
        return self.counts.get(room_id, 0)

    def live_room_ids(self) -> Sequence[str]:
        return list(self.counts)

    def stats(self, room_id: str) -> RoomStats:
        return RoomStats(room_id, self.participant_count(room_id), 0, ())

    async def totals(self) -> tuple[int, int]:
        return len(self.counts), sum(self.counts.values())

    async def room_stats(self, room_id: str) -> RoomStats:
        return self.stats(room_id)

    async def all_stats(self) -> Sequence[RoomStats]:
        return [self.stats(room_id) for room_id in self.counts]

    async def room_changed(self, room: RoomRecord) -> None:
        self.changed.append(room)

    async def close_room(self, room_id: str, reason: str) -> None:
        self.closed.append((room_id, reason))

    async def end_user(self, user_id: str, reason: str) -> None:
        self.ended_users.append((user_id, reason))

    async def end_session(self, session_id: str, reason: str) -> None:
        self.ended_sessions.append((session_id, reason))

    async def user_changed(self, user: User) -> None:
        self.changed_users.append(user)

    def connected_users(self) -> Sequence[str]:
        return ()

    def connected_sessions(self) -> Sequence[str]:
        return ()

    async def sfu_available(self) -> bool:
        return self.sfu


def settings_for(database_url: str, **changes: Any) -> Settings:
    """Settings for a test: cheap passwords, a known key, a first admin."""
    given: dict[str, Any] = {
        "database_url": database_url,
        "jwt_secret": JWT_SECRET,
        "bcrypt_cost": 4,
        "admin_email": ADMIN_EMAIL,
        "admin_password": PASSWORD,
    }
    WATCH.settings(given | changes)
    return Settings(**(given | changes))


def make_app(settings: Settings, presence: QuietRooms | None = None) -> web.Application:
    """Build the application without signalling."""
    rooms = presence or QuietRooms()

    def attach(app: web.Application) -> None:
        app[keys.PRESENCE] = rooms

    return watch_api(create_app(settings, signalling=attach))


@dataclass(slots=True)
class Account:
    """Somebody who has signed in over HTTP."""

    client: Client
    user: dict[str, Any]
    access_token: str
    refresh_token: str

    @property
    def id(self) -> str:
        return str(self.user["user_id"])

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access_token}"}

    async def call(self, method: str, path: str, body: Any = None) -> ClientResponse:
        """Ask the API as this account; `path` is relative to it."""
        return await self.client.request(method, API + path, json=body, headers=self.headers)


async def sign_in(client: Client, email: str, password: str = PASSWORD) -> Account:
    """Sign in and return the account."""
    answer = await client.post(f"{API}/auth/login", json={"email": email, "password": password})
    body = await answer.json()
    assert answer.status == 200, body
    return Account(client, body["user"], body["access_token"], body["refresh_token"])


async def make_account(client: Client, role: Role, email: str, full_name: str = "Somebody") -> Account:
    """Make an account of any role and sign in with it."""
    admin = await sign_in(client, ADMIN_EMAIL)
    wanted = {"email": email, "password": PASSWORD, "full_name": full_name, "role": role.value}
    answer = await admin.call("POST", "/auth/register", wanted)
    assert answer.status == 201, await answer.text()
    return await sign_in(client, email)


async def error_of(answer: ClientResponse) -> tuple[int, str]:
    """Return status and code of an error after checking its shape."""
    body = await answer.json()
    assert set(body) - {"details"} == {"error", "code"}, body
    assert body["error"].strip()
    return answer.status, body["code"]
