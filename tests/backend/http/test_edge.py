"""What every answer has in common: error shape, request id, headers, CORS, limits, metrics."""

import json
import uuid
from asyncio import open_connection
from io import BytesIO
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pytest_aiohttp import AiohttpClient

from shared.operations import operation
from tests.support.backend import ADMIN_EMAIL, API, PASSWORD, Account, Client, error_of, make_app, settings_for

LOGIN = f"{API}/auth/login"
ORIGIN = "https://class.example"


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"NaN", b'{"email": Infinity}', b"[" * 100_000, b"1" * 5000])
async def test_a_body_that_does_not_parse(client: Client, body: bytes) -> None:
    assert await error_of(await client.post(LOGIN, data=body)) == (400, "INVALID_JSON")


@pytest.mark.parametrize("body", [[], "text", 1, None, True])
async def test_a_body_that_is_no_object(client: Client, body: Any) -> None:
    assert await error_of(await client.post(LOGIN, data=json.dumps(body))) == (400, "INVALID_INPUT")


async def test_messages_are_by_field(client: Client) -> None:
    answer = await client.post(LOGIN, json={"email": 1})
    assert await error_of(answer) == (400, "INVALID_INPUT")
    details = (await answer.json())["details"]
    assert set(details) == {"email", "password"}
    assert all(isinstance(message, str) for messages in details.values() for message in messages)


async def test_a_body_of_one_mebibyte_passes_and_a_byte_more_does_not(client: Client) -> None:
    empty = json.dumps({"email": ADMIN_EMAIL, "password": PASSWORD, "filler": ""})
    room = (1 << 20) - len(empty)
    largest = empty.replace('"filler": "', '"filler": "' + "x" * room)
    assert (await client.post(LOGIN, data=BytesIO(largest.encode()))).status == 200
    too_large = await client.post(LOGIN, data=BytesIO(largest.encode() + b" "))
    assert await error_of(too_large) == (413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize(
    "path", ["/nope", "/api", f"{API}/", f"{API}/nope", f"{API}/rooms/a/b", "/nope.txt", "/%00"]
)
async def test_an_unknown_address(client: Client, path: str) -> None:
    assert await error_of(await client.get(path)) == (404, "NOT_FOUND")


async def test_an_unknown_method(client: Client) -> None:
    answer = await client.put(LOGIN)
    assert await error_of(answer) == (405, "METHOD_NOT_ALLOWED")
    assert answer.headers["Allow"] == "POST"


async def test_a_bug_tells_nothing_outside(aiohttp_client: AiohttpClient, database_url: str) -> None:
    app = make_app(settings_for(database_url))

    @operation({200: None}, errors=("INTERNAL_ERROR",))
    async def broken(_request: web.Request) -> web.Response:
        """`GET /broken`: fail."""
        raise RuntimeError("SELECT secret FROM /etc/passwd")

    app.router.add_get("/broken", broken)
    client = await aiohttp_client(app)
    answer = await client.get("/broken")
    assert await error_of(answer) == (500, "INTERNAL_ERROR")
    assert "secret" not in await answer.text()
    assert "X-Request-ID" in answer.headers


@pytest.mark.parametrize("offered", ["abc", "A.b_c-9", "x" * 64])
async def test_a_request_keeps_its_id(client: Client, offered: str) -> None:
    for path in ("/health/live", "/nope"):
        answer = await client.get(path, headers={"X-Request-ID": offered})
        assert answer.headers["X-Request-ID"] == offered


@pytest.mark.parametrize("offered", [None, "", "x" * 65, "a b", "a/b", "ü"])
async def test_a_request_gets_a_new_id(client: Client, offered: str | None) -> None:
    answer = await client.get("/health/live", headers={} if offered is None else {"X-Request-ID": offered})
    assert uuid.UUID(answer.headers["X-Request-ID"]).version == 4


async def test_security_headers(client: Client) -> None:
    answer = await client.get(f"{API}/auth/profile")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert "aiohttp" not in answer.headers["Server"]


async def test_cors_for_an_allowed_origin(aiohttp_client: AiohttpClient, database_url: str) -> None:
    client = await aiohttp_client(make_app(settings_for(database_url, cors_origins=(ORIGIN,))))
    preflight = await client.options(LOGIN, headers={"Origin": ORIGIN, "Access-Control-Request-Method": "POST"})
    assert preflight.status == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
    answer = await client.get(f"{API}/rooms", headers={"Origin": ORIGIN})
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Origin" in answer.headers["Vary"]


async def test_cors_for_nobody_else(aiohttp_client: AiohttpClient, database_url: str) -> None:
    client = await aiohttp_client(make_app(settings_for(database_url, cors_origins=(ORIGIN,))))
    for origin in ("https://evil.example", "null", f"{ORIGIN}.evil.example"):
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        for answer in (await client.options(LOGIN, headers=headers), await client.get("/health", headers=headers)):
            assert "Access-Control-Allow-Origin" not in answer.headers
            assert answer.headers["Vary"] == "Origin"


async def test_metrics_count_by_route_and_never_by_path(client: Client, admin: Account) -> None:
    await admin.call("GET", "/rooms/some-room")
    await client.get("/some-stranger")
    await client.request("PROPFIND", "/health")
    text = await (await client.get("/metrics")).text()
    assert 'vtp_backend_http_requests_total{method="GET",route="/api/v1/rooms/{room_id}",status="404"} 1.0' in text
    assert 'route="unmatched",status="404"} 1.0' in text
    assert 'method="other",route="unmatched",status="405"' in text
    assert "some-room" not in text
    assert "some-stranger" not in text
    assert "vtp_backend_rooms 0.0" in text
    assert "process_resident_memory_bytes" in text


async def test_text_that_is_no_http_does_not_end_the_service(client: Client) -> None:
    server = client.server
    assert isinstance(server, TestServer)
    reader, writer = await open_connection(server.host, server.port)
    writer.write(b"\x16\x03\x01\x02\x00 garbage\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.")
    writer.close()
    await writer.wait_closed()
    assert (await client.get("/health/live")).status == 200
