"""Ticket, ICE servers, health of signalling and figures of rooms over HTTP."""

import base64
import hashlib
import hmac
import time

import pytest
from pytest_aiohttp import AiohttpClient

from backend import keys
from backend.settings import TurnSettings
from tests.support.backend import (
    ADMIN_EMAIL,
    API,
    Account,
    Client,
    QuietRooms,
    error_of,
    make_app,
    settings_for,
    sign_in,
)


async def test_a_ticket_lets_its_owner_in_once(client: Client, student: Account) -> None:
    body = await (await student.call("POST", "/signalling/ticket")).json()
    assert set(body) == {"ticket", "expires_in"}
    assert body["expires_in"] == 30
    tickets = client.app[keys.TICKETS]
    identity = await tickets.redeem(body["ticket"])
    assert identity is not None
    assert identity.user.id == student.id
    assert await tickets.redeem(body["ticket"]) is None


async def test_no_ice_servers_unless_configured(student: Account) -> None:
    assert await (await student.call("GET", "/ice-servers")).json() == {"ice_servers": []}


async def test_turn_credentials_expire(aiohttp_client: AiohttpClient, database_url: str) -> None:
    turn = TurnSettings(("stun:s.example:3478",), ("turn:t.example:3478",), "turn secret", 600)
    client = await aiohttp_client(make_app(settings_for(database_url, turn=turn)))
    account = await sign_in(client, ADMIN_EMAIL)
    stun, relay = (await (await account.call("GET", "/ice-servers")).json())["ice_servers"]
    assert stun == {"urls": ["stun:s.example:3478"]}
    assert relay["urls"] == ["turn:t.example:3478"]
    expiry, user_id = relay["username"].split(":")
    assert user_id == account.id
    assert 0 < int(expiry) - time.time() <= 600
    digest = hmac.digest(b"turn secret", relay["username"].encode(), hashlib.sha1)
    assert relay["credential"] == base64.b64encode(digest).decode()


async def test_signalling_health_is_open(client: Client, presence: QuietRooms) -> None:
    presence.counts.update({"a": 2, "b": 3})
    answer = await client.get(f"{API}/signalling/health")
    assert await answer.json() == {"status": "ok", "rooms": 2, "participants": 5, "sfu": "ok"}


async def test_room_stats_are_for_staff(teacher: Account, student: Account, presence: QuietRooms) -> None:
    room = await (await teacher.call("POST", "/rooms", {"name": "Physics"})).json()
    presence.counts[room["id"]] = 2
    expected = {"room_id": room["id"], "participant_count": 2, "producer_count": 0, "participants": []}
    paths = ("/signalling/rooms/stats", f"/signalling/rooms/{room['id']}/stats")
    for path in paths:
        assert await error_of(await student.call("GET", path)) == (403, "INSUFFICIENT_PERMISSIONS")
    assert await (await teacher.call("GET", paths[0])).json() == {"rooms": [expected], "total_rooms": 1}
    assert await (await teacher.call("GET", paths[1])).json() == expected
    unknown = await teacher.call("GET", "/signalling/rooms/unknown/stats")
    assert await error_of(unknown) == (404, "ROOM_NOT_FOUND")


@pytest.mark.parametrize("sfu", [True, False])
async def test_health_is_well_without_the_sfu(client: Client, presence: QuietRooms, sfu: bool) -> None:
    presence.sfu = sfu
    answer = await client.get("/health")
    assert answer.status == 200
    assert await answer.json() == {
        "status": "ok",
        "service": "vtp-platform",
        "version": "1.0.0",
        "database": "ok",
        "sfu": "ok" if sfu else "unavailable",
    }
    for path in ("/health/live", "/health/ready"):
        assert (await client.get(path)).status == 200
