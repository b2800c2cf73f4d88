"""Who may open a socket, how it is framed, and with which code it ends."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType

from backend import keys
from backend.domain.users import Role
from backend.signalling.protoo import MAX_MESSAGE_BYTES
from tests.support.live_backend import LiveBackend, Seat
from tests.support.protoo_client import RequestError, connect

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def refusal(backend: LiveBackend, **options: Any) -> tuple[int, str]:
    """Ask for an upgrade that must be refused; return status and code."""
    headers = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "MDEyMzQ1Njc4OUFCQ0RFRg==",
        **options.pop("headers", {}),
    }
    async with backend.session.get(backend.url + "/ws", headers=headers, **options) as answer:
        body = await answer.json()
        assert set(body) == {"error", "code"}
        return answer.status, body["code"]


async def ticket(backend: LiveBackend, name: str = "student") -> str:
    status, body = await backend.call("POST", "/signalling/ticket", await backend.token(name))
    assert status == 200
    value: str = body["ticket"]
    return value


async def test_nobody_enters_without_a_token(backend: LiveBackend) -> None:
    assert await refusal(backend) == (401, "MISSING_TOKEN")
    assert await refusal(backend, headers={"Authorization": "Basic abc"}) == (401, "MISSING_TOKEN")
    assert await refusal(backend, headers={"Authorization": "Bearer abc"}) == (401, "INVALID_TOKEN")
    assert await refusal(backend, params={"ticket": "abc"}) == (401, "INVALID_TOKEN")


async def test_a_refresh_token_opens_no_socket(backend: LiveBackend) -> None:
    await backend.token("student")
    body = {"email": "student@school.example", "password": "Chalk-and-Board-1"}
    _, answer = await backend.call("POST", "/auth/login", body=body)
    headers = {"Authorization": f"Bearer {answer['refresh_token']}"}
    assert (await refusal(backend, headers=headers))[0] == 401


async def test_a_ticket_opens_one_socket(backend: LiveBackend) -> None:
    value = await ticket(backend)
    client = await connect(backend.session, backend.url, ticket=value)
    assert (await client.refused("get-participants")).code == "NOT_JOINED"
    await client.close()
    assert await refusal(backend, params={"ticket": value}) == (401, "INVALID_TOKEN")


async def test_a_plain_get_does_not_use_the_ticket_up(backend: LiveBackend) -> None:
    value = await ticket(backend)
    async with backend.session.get(backend.url + "/ws", params={"ticket": value}) as answer:
        assert answer.status == 400
        assert (await answer.json())["code"] == "UPGRADE_REQUIRED"
    await (await connect(backend.session, backend.url, ticket=value)).close()
    bearer = {"Authorization": f"Bearer {await backend.token('student')}"}
    async with backend.session.get(backend.url + "/ws", headers=bearer) as answer:
        assert answer.status == 400


@pytest.mark.parametrize(
    ("query", "header"),
    [("", None), ("", "Bearer abc"), ("ticket=", None), ("ticket=abc", None), ("ticket=" + "x" * 5000, None)],
)
async def test_a_plain_get_is_refused_as_an_upgrade_would_be(
    backend: LiveBackend, query: str, header: str | None
) -> None:
    headers = {} if header is None else {"Authorization": header}
    async with backend.session.get(f"{backend.url}/ws?{query}", headers=headers) as answer:
        assert answer.status == 401


async def test_a_used_ticket_is_refused_on_a_plain_get_too(backend: LiveBackend) -> None:
    value = await ticket(backend)
    await (await connect(backend.session, backend.url, ticket=value)).close()
    async with backend.session.get(backend.url + "/ws", params={"ticket": value}) as answer:
        assert answer.status == 401


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1", "http://[", "nonsense", ""]
)
async def test_a_foreign_origin_is_refused_and_keeps_its_ticket(backend: LiveBackend, origin: str) -> None:
    value = await ticket(backend)
    headers = {"Origin": origin}
    assert await refusal(backend, headers=headers, params={"ticket": value}) == (403, "ORIGIN_NOT_ALLOWED")
    await (await connect(backend.session, backend.url, ticket=value)).close()


async def test_our_own_origin_is_welcome(backend: LiveBackend) -> None:
    headers = {"Origin": backend.url, "Authorization": f"Bearer {await backend.token('student')}"}
    async with backend.session.ws_connect(backend.url + "/ws", headers=headers, protocols=("protoo",)) as ws:
        assert ws.protocol == "protoo"


async def raw_socket(backend: LiveBackend, name: str = "student") -> aiohttp.ClientWebSocketResponse:
    headers = {"Authorization": f"Bearer {await backend.token(name)}"}
    return await backend.session.ws_connect(backend.url + "/ws", headers=headers, protocols=("protoo",))


async def close_code(ws: aiohttp.ClientWebSocketResponse) -> int | None:
    """Read to the end."""
    async with asyncio.timeout(30):
        while not ws.closed:
            await ws.receive()
    return ws.close_code


async def test_a_binary_frame_is_closed_with_1003(backend: LiveBackend) -> None:
    ws = await raw_socket(backend)
    await ws.send_bytes(b'{"request":true,"id":1,"method":"join-room"}')
    assert await close_code(ws) == 1003


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"request":true}', '{"request":true,"id":"1","method":"m"}']
)
async def test_text_that_is_no_protoo_message_is_closed_with_1007(backend: LiveBackend, text: str) -> None:
    ws = await raw_socket(backend)
    await ws.send_str(text)
    assert await close_code(ws) == 1007


async def test_text_that_is_no_utf8_is_closed_with_1007(backend: LiveBackend) -> None:
    ws = await raw_socket(backend)
    await ws.send_frame(b'{"request":true,"id":1,"method":"\xff"}', WSMsgType.TEXT)
    assert await close_code(ws) == 1007


def request_of(size: int) -> str:
    """A request for an unknown method of so many bytes."""
    empty = json.dumps({"request": True, "id": 1, "method": "m", "data": {"x": ""}})
    return empty.replace('""', '"' + "x" * (size - len(empty)) + '"')


async def test_the_largest_message_is_answered(backend: LiveBackend) -> None:
    ws = await raw_socket(backend)
    await ws.send_str(request_of(MAX_MESSAGE_BYTES))
    assert (await ws.receive_json(timeout=30))["code"] == "UNKNOWN_METHOD"
    await ws.close()


@pytest.mark.parametrize("size", [MAX_MESSAGE_BYTES + 1, 4 * MAX_MESSAGE_BYTES, 15 * MAX_MESSAGE_BYTES])
async def test_a_larger_one_is_closed_with_1009(backend: LiveBackend, size: int) -> None:
    ws = await raw_socket(backend)
    await ws.send_str(request_of(size))
    assert await close_code(ws) == 1009


@pytest.mark.parametrize(
    "data",
    ["[]", '"text"', "1", '{"sdp":1e999}', '{"sdp":{"x":[-1e999]}}', '{"sdp":' + "[" * 100 + "]" * 100 + "}"],
    ids=range(6),
)
async def test_data_that_nobody_could_be_handed_is_refused(backend: LiveBackend, data: str) -> None:
    ws = await raw_socket(backend)
    await ws.send_str('{"request":true,"id":1,"method":"join-room","data":' + data + "}")
    answer = await ws.receive_json(timeout=30)
    assert (answer["errorCode"], answer["code"]) == (400, "INVALID_INPUT")
    await ws.close()


async def test_a_number_too_large_for_json_reaches_nobody_else(teacher: Seat, student: Seat) -> None:
    client = teacher.client
    text = (
        f'{{"request":true,"id":1000,"method":"webrtc-offer","data":{{"to":"{student.id}","sdp":{{"x":1e999}}}}}}'
    )
    refused = client.expect(1000)
    await client.ws.send_str(text)
    with pytest.raises(RequestError) as caught:
        await refused
    assert (caught.value.status, caught.value.code) == (400, "INVALID_INPUT")
    await client.request("webrtc-offer", to=student.id, sdp="v=0")
    assert (await student.client.notification("webrtc-offer"))["sdp"] == "v=0"


async def test_what_a_client_answers_or_tells_is_ignored(backend: LiveBackend) -> None:
    ws = await raw_socket(backend)
    await ws.send_json({"response": True, "id": 7, "ok": True, "data": {}})
    await ws.send_json({"notification": True, "method": "hello", "data": {}})
    await ws.send_json({"request": True, "id": 8, "method": "dance"})
    assert (await ws.receive_json(timeout=30))["id"] == 8
    await ws.close()


async def test_pings_are_answered(backend: LiveBackend) -> None:
    headers = {"Authorization": f"Bearer {await backend.token('student')}"}
    async with backend.session.ws_connect(backend.url + "/ws", headers=headers, autoping=False) as ws:
        await ws.ping(b"are you there")
        frame = await ws.receive(timeout=30)
        assert (frame.type, frame.data) == (WSMsgType.PONG, b"are you there")


async def test_a_burst_is_answered_in_full(backend: LiveBackend) -> None:
    ws = await raw_socket(backend)
    for number in range(300):
        await ws.send_json({"request": True, "id": number, "method": "dance"})
    assert [(await ws.receive_json(timeout=30))["id"] for _ in range(300)] == list(range(300))
    await ws.close()


@pytest.mark.parametrize("what", ["requests", "notifications", "pings"])
async def test_a_flood_is_closed_with_4008(backend: LiveBackend, what: str) -> None:
    ws = await raw_socket(backend)
    for number in range(3000):
        try:
            if what == "pings":
                await ws.ping()
            else:
                await ws.send_json({what.rstrip("s"): True, "id": number, "method": "dance"})
        except ConnectionError:
            break
    assert await close_code(ws) == 4008


async def test_a_reader_that_lets_its_queue_fill_is_closed_with_4008(
    backend: LiveBackend, teacher: Seat, student: Seat
) -> None:
    transport = student.client.ws._response.connection.transport  # type: ignore[union-attr] # it is connected
    transport.pause_reading()
    sdp = "v" * 60_000
    count = 0
    while student.id in {
        one["participantId"]
        for one in (await teacher.client.request("get-participants"))["participants"]
        if backend.presence._classes.rooms["physics"].participants[one["participantId"]].outbox is not None
    }:
        await asyncio.gather(
            *[await teacher.client.send("webrtc-offer", to=student.id, sdp=sdp) for _ in range(20)]
        )
        count += 20
        assert count < 2000
        await asyncio.sleep(0.11)  # stay below the sender's own limit
    transport.resume_reading()
    assert await student.client.closed() == 4008
    assert (await teacher.client.request("get-participants"))["count"] == 2


async def test_nothing_internal_is_told_when_a_method_fails(
    backend: LiveBackend, teacher: Seat, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = backend.presence._classes.rooms["physics"]
    monkeypatch.delattr(room, "participants")
    refused = await teacher.client.refused("get-participants")
    assert (refused.status, refused.code) == (500, "INTERNAL_ERROR")
    assert "participants" not in json.dumps(refused.answer)
    monkeypatch.undo()
    assert (await teacher.client.request("get-participants"))["count"] == 1


async def test_closing_an_account_ends_its_sockets(backend: LiveBackend, teacher: Seat) -> None:
    idle, seat = await backend.socket("student"), await backend.joined("student")
    user_id = (await backend.call("GET", "/auth/profile", await backend.token("student")))[1]["user_id"]
    await backend.server.app[keys.PRESENCE].end_user(user_id, "account closed")
    assert await idle.closed() == 4000
    assert await seat.client.closed() == 4000
    left = await teacher.client.notification("participant-left")
    assert left == {"participantId": seat.id, "reason": "account closed"}


async def test_a_stop_is_told_and_closed_with_1012(backend: LiveBackend, teacher: Seat, student: Seat) -> None:
    idle = await backend.socket("other-teacher", Role.TEACHER)
    await backend.server.app.shutdown()
    for seat in (teacher, student):
        assert (await seat.client.notification("server-shutdown"))["retryAfter"] > 0
        assert await seat.client.closed() == 1012
    assert await idle.closed() == 1012
    assert (await refusal(backend, headers={"Authorization": f"Bearer {await backend.token('student')}"}))[
        0
    ] == 503
