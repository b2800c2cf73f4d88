import asyncio
import json
from typing import Any

import pytest

from shared.errors import MAX_BODY_BYTES
from tests.support.sfu import RunningSfu

pytestmark = pytest.mark.asyncio(loop_scope="session")

BODIES = ("peers", "transports", "producers", "consumers")


@pytest.mark.parametrize("route", BODIES)
@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"nul",
        b"{'peerId': 'anna'}",
        b'{"peerId": NaN}',
        b'{"peerId": Infinity}',
        b'\xff\xfe{"peerId": "anna"}',
        b"\x00",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"1" * 5_000,
        b'{"peerId": "anna"} trailing',
    ],
    ids=range(11),
)
async def test_bodies_that_do_not_parse(sfu: RunningSfu, room: str, route: str, raw: bytes) -> None:
    await sfu.join(room, "anna")
    answer = await sfu.post(f"/rooms/{room}/{route}", data=raw)
    assert (answer.status, answer.code) == (400, "INVALID_JSON")
    assert set(answer.body) == {"error", "code"}


@pytest.mark.parametrize("route", BODIES)
@pytest.mark.parametrize("raw", [b"", b"  ", b"{}", b"[]", b"null", b'"text"', b"7", b"[{}]"])
async def test_bodies_of_the_wrong_type(sfu: RunningSfu, room: str, route: str, raw: bytes) -> None:
    await sfu.join(room, "anna")
    answer = await sfu.post(f"/rooms/{room}/{route}", data=raw)
    assert (answer.status, answer.code) == (400, "INVALID_INPUT")
    assert answer.body["details"]


@pytest.mark.parametrize(
    "room_id", ["a%20b", "a%2Fb", "%C3%A4", "x" * 129, "a:b", "%00", "a@b", "{a}", "%2E%2E%2Fx"]
)
@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
async def test_room_ids_in_paths_have_their_form(sfu: RunningSfu, room_id: str, method: str) -> None:
    suffix = "/peers" if method == "POST" else ""
    body = {"peerId": "anna", "userId": "u"} if method == "POST" else None
    raw = json.dumps(body).encode() if body else b""
    answer = await raw_request(sfu, method, f"/rooms/{room_id}{suffix}", raw)
    assert answer[0] == 400
    assert answer[1]["code"] == "INVALID_INPUT"
    assert list(answer[1]["details"]) == ["roomId"]


@pytest.mark.parametrize("path", ["/rooms/.", "/rooms/..", "/rooms/%2e", "/rooms/%2e%2e", "/rooms//", "//rooms"])
async def test_dots_are_no_room(sfu: RunningSfu, path: str) -> None:
    status, body = await raw_request(sfu, "GET", path)
    assert (status, body["code"]) in {(400, "INVALID_INPUT"), (404, "NOT_FOUND")}


async def test_peer_ids_in_paths_have_their_form(sfu: RunningSfu, room: str) -> None:
    await sfu.join(room, "anna")
    answer = await sfu.post(f"/rooms/{room}/peers/a%3Ab/leave")
    assert (answer.status, answer.code, list(answer.body["details"])) == (400, "INVALID_INPUT", ["peerId"])


@pytest.mark.parametrize("room_id", ["a", "A-z_0.9~", "x" * 128, "...", "-"])
async def test_room_ids_that_are_fine(sfu: RunningSfu, room_id: str) -> None:
    assert (await sfu.join(room_id, "...")).ok()["roomId"] == room_id
    (await sfu.leave(room_id, "...")).ok()


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "NOT_FOUND"),
        ("GET", "/room", 404, "NOT_FOUND"),
        ("GET", "/rooms/", 404, "NOT_FOUND"),
        ("POST", "/rooms/x/transports/y/restart-it", 404, "NOT_FOUND"),
        ("POST", "/rooms", 405, "METHOD_NOT_ALLOWED"),
        ("DELETE", "/health", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/rooms/x/peers", 405, "METHOD_NOT_ALLOWED"),
        ("PATCH", "/rooms/x", 405, "METHOD_NOT_ALLOWED"),
        ("PROPFIND", "/rooms", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/events", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/events", 400, "INVALID_INPUT"),
    ],
)
async def test_routes_and_methods(sfu: RunningSfu, method: str, path: str, status: int, code: str) -> None:
    answer = await sfu.call(method, path)
    assert (answer.status, answer.code) == (status, code)
    assert ("Allow" in answer.headers) == (status == 405)
    assert answer.headers["X-Request-ID"]


async def test_a_body_over_the_limit(sfu: RunningSfu, room: str) -> None:
    largest = json.dumps({"peerId": "anna", "userId": "u", "pad": ""})
    padding = "x" * (MAX_BODY_BYTES - len(largest))
    (await sfu.join(room, "anna", userId="u", pad=padding)).ok()
    answer = await sfu.join(room, "bela", userId="u", pad=padding + "x")
    assert (answer.status, answer.code) == (413, "PAYLOAD_TOO_LARGE")
    assert answer.headers["X-Request-ID"]


async def test_an_endless_body_is_cut_off(sfu: RunningSfu, room: str) -> None:
    async def endless() -> Any:
        for _ in range(64):
            yield b" " * 65536

    answer = await sfu.post(f"/rooms/{room}/peers", data=endless())
    assert (answer.status, answer.code) == (413, "PAYLOAD_TOO_LARGE")


async def test_a_compressed_body_counts_unpacked(sfu: RunningSfu, room: str) -> None:
    import zlib

    bomb = zlib.compress(b" " * (8 * MAX_BODY_BYTES))
    answer = await sfu.post(f"/rooms/{room}/peers", data=bomb, headers={"Content-Encoding": "deflate"})
    assert answer.status in {400, 413}
    assert sfu.rooms.rooms == []


async def test_any_content_type_will_do(sfu: RunningSfu, room: str) -> None:
    for number, content_type in enumerate(("application/json", "text/plain", "application/x-www-form-urlencoded")):
        body = json.dumps({"peerId": f"peer-{number}", "userId": "u"}).encode()
        headers = {"Content-Type": content_type}
        (await sfu.post(f"/rooms/{room}/peers", data=body, headers=headers)).ok()
    assert (await sfu.get(f"/rooms/{room}")).ok()["peerCount"] == 3


async def test_every_bad_field_is_named(sfu: RunningSfu, room: str) -> None:
    answer = await sfu.post(f"/rooms/{room}/peers", {"peerId": "a b", "userId": 7, "isProducer": "yes"})
    assert (answer.status, answer.code) == (400, "INVALID_INPUT")
    assert set(answer.body["details"]) == {"peerId", "userId", "isProducer"}
    assert all(isinstance(messages, list) for messages in answer.body["details"].values())
    assert sfu.rooms.rooms == []


async def test_unknown_fields_and_nulls_are_ignored(sfu: RunningSfu, room: str) -> None:
    (await sfu.join(room, "anna", email=None, colour="red", nested={"deep": [1]})).ok()
    body = {"peerId": "anna", "direction": "send", "enableSctp": None, "x": 1}
    (await sfu.post(f"/rooms/{room}/transports", body)).ok()
    (await sfu.produce(room, "anna", transportId=None, paused=None, appData=None)).ok()
    [anna] = (await sfu.get(f"/rooms/{room}?detail=1")).ok()["peers"]
    assert (anna["email"], anna["producers"][0]["paused"], anna["producers"][0]["appData"]) == (None, False, {})
    assert "colour" not in anna


async def test_request_ids_are_kept_or_made(sfu: RunningSfu) -> None:
    kept = await sfu.get("/rooms", headers={"X-Request-ID": "trace-1.2_3"})
    assert kept.headers["X-Request-ID"] == "trace-1.2_3"
    made = [
        (await sfu.get("/rooms", headers={"X-Request-ID": bad})).headers["X-Request-ID"]
        for bad in ("a b", "x" * 65, "é")
    ]
    assert len({*made, (await sfu.get("/rooms")).headers["X-Request-ID"]}) == 4
    assert not {"a b", "x" * 65} & set(made)


async def test_web_pages_are_refused(sfu: RunningSfu, room: str) -> None:
    headers = {"Origin": "https://evil.example"}
    answer = await sfu.post(f"/rooms/{room}/peers", {"peerId": "a", "userId": "u"}, headers=headers)
    assert (answer.status, answer.code) == (403, "ORIGIN_NOT_ALLOWED")
    assert (await sfu.get("/events", headers=headers)).status == 403
    assert (await sfu.get("/health", headers=headers)).status == 200


async def test_a_client_that_hangs_up_in_mid_body_harms_nobody(sfu: RunningSfu, room: str) -> None:
    host, port = sfu.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"POST /rooms/{room}/peers HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{".encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    (await sfu.get("/health")).ok()
    assert sfu.rooms.rooms == []


async def raw_request(sfu: RunningSfu, method: str, path: str, body: bytes = b"") -> tuple[int, Any]:
    """Send a request whose path no client library has tidied up."""
    host, port = sfu.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    header, _, text = answer.partition(b"\r\n\r\n")
    return int(header.split()[1]), json.loads(text)
