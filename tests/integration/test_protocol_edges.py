"""The contract's edges, seen from outside: what is no HTTP, request ids through both services, quiet logs."""

import asyncio
import json
import re
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.integration.conftest import Eventually
from tests.support.classmate import PASSWORD, Classmate, classmate
from tests.support.services import ADMIN_PASSWORD, Platform, Service, running_platform

pytestmark = pytest.mark.integration

SFU_TOKEN = "the-token-between-the-services"
TEACHER = "teacher@school.example"
STUDENT = "student@school.example"

NO_HTTP = {
    "no request line": b"GARBAGE\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "method": b"BREW /rooms HTTP/1.1\r\nHost: x\r\n\r\n",
    "header": b"GET /health HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 9000 + b"\r\n\r\n",
    "length": b"POST /rooms/a/peers HTTP/1.1\r\nHost: x\r\nContent-Length: much\r\n\r\n",
}


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    settings = {"LOG_LEVEL": "debug", "LOG_FORMAT": "json", "SFU_API_TOKEN": SFU_TOKEN}
    with running_platform({**settings, "SFU_WORKERS": "1", "RESUME_GRACE_S": "2"}) as platform:
        yield platform


def text_of(service: Service) -> str:
    return service.log_path.read_text()


def is_alarm(record: dict[str, Any]) -> bool:
    """Tell whether an operator has to look; that an ordinary user gets small socket buffers is as it should be."""
    return record["level"] not in {"debug", "info"} and "smaller socket buffer" not in record["event"]


def records(service: Service) -> list[dict[str, Any]]:
    """The log's records: every line is one."""
    lines = text_of(service).splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


@pytest.mark.parametrize("data", NO_HTTP.values(), ids=NO_HTTP)
@pytest.mark.parametrize("name", ["sfu", "backend"])
async def test_what_is_no_http_gets_an_error_of_the_one_shape(platform: Platform, name: str, data: bytes) -> None:
    url = urlsplit({"sfu": platform.sfu, "backend": platform.backend}[name].url)
    async with asyncio.timeout(30):
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        writer.write(data)
        head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
        writer.close()
        await writer.wait_closed()
    assert re.match(r"HTTP/1\.\d 400 ", head)
    assert json.loads(body).keys() == {"error", "code"}
    headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
    assert headers["Content-Type"].startswith("application/json")
    assert uuid.UUID(headers["X-Request-ID"])
    assert "aiohttp" not in headers["Server"]


async def test_a_rest_requests_id_goes_on_to_the_sfus_log(platform: Platform, eventually: Eventually) -> None:
    async with classmate(platform, TEACHER, "teacher") as teacher:
        await teacher.join("history")
        headers = {"Authorization": f"Bearer {teacher.token}", "X-Request-ID": "delete.History_1-a"}
        url = platform.backend.url + "/api/v1/rooms/history"
        async with teacher.session.delete(url, headers=headers) as answer:
            assert answer.status == 204
            assert answer.headers["X-Request-ID"] == "delete.History_1-a"
        assert await teacher.socket.closed() == 4000

    async def is_logged() -> bool:
        told = [one for one in records(platform.sfu) if one.get("request_id") == "delete.History_1-a"]
        return any(one.get("path", "").startswith("/rooms/history") for one in told)

    await eventually(is_logged)


async def test_a_signalling_requests_id_goes_on_to_the_sfus_log(
    platform: Platform, eventually: Eventually
) -> None:
    async with classmate(platform, TEACHER, "teacher") as teacher:
        await teacher.join("geography")
        await teacher.socket.request("create-transport", direction="send")
        await teacher.socket.request("close-room")

    def paths_of(method: str) -> set[str]:
        """What the SFU was asked for the sake of a method."""
        asked = [one for one in records(platform.backend) if one.get("signalling_method") == method]
        ids = {one["request_id"] for one in asked if one["outcome"] == "ok"}
        return {one["path"] for one in records(platform.sfu) if one.get("request_id") in ids and "path" in one}

    async def is_logged() -> bool:
        joined, made = "/rooms/geography/peers", "/rooms/geography/transports"
        return joined in paths_of("join-room") and made in paths_of("create-transport")

    await eventually(is_logged)
    assert "/rooms/geography/transports" not in paths_of("join-room")


async def test_a_log_line_cannot_be_forged_by_a_path(platform: Platform) -> None:
    headers = {"Authorization": f"Bearer {SFU_TOKEN}"}
    url = platform.sfu.url + "/rooms/%0Aforged%00"
    async with aiohttp.ClientSession(headers=headers) as session, session.get(url) as answer:
        assert answer.status == 400
    paths = [record.get("path") for record in records(platform.sfu)]
    assert "/rooms/%0Aforged%00" in paths


async def secrets_of(someone: Classmate, platform: Platform) -> set[str]:
    """What this class has seen that no log may hold."""
    headers = {"Authorization": f"Bearer {someone.token}"}
    async with someone.session.post(platform.backend.url + "/api/v1/signalling/ticket", headers=headers) as answer:
        ticket = (await answer.json())["ticket"]
    extra = await someone.socket.request("create-transport", direction="recv")
    async with someone.session.ws_connect(
        f"{platform.backend.url}/ws?ticket={ticket}", protocols=["protoo"]
    ) as ws:
        await ws.close()
    return {ticket, someone.token, someone.joined["resumeToken"], extra["iceParameters"]["password"]}


async def test_a_class_leaves_neither_alarms_nor_secrets_in_the_logs(platform: Platform) -> None:
    secrets = {SFU_TOKEN, PASSWORD, ADMIN_PASSWORD}
    async with classmate(platform, TEACHER, "teacher") as teacher, classmate(platform, STUDENT) as student:
        await teacher.join("physics")
        await student.join("physics")
        video = await teacher.publish("video", 1000)
        await student.receives(await student.subscribe(video))
        await student.socket.vanish()
        async with classmate(platform, STUDENT) as again:
            joined = await again.join("physics", resumeToken=student.joined["resumeToken"])
            assert joined["resumed"]
            for someone in (teacher, again):
                secrets |= await secrets_of(someone, platform)
            await teacher.socket.request("mute-participant", participantId=teacher.participant_id)
            await teacher.socket.request("kick-participant", participantId=joined["participantId"])
            assert await again.socket.closed() == 4000
        await teacher.socket.request("close-room")
        assert await teacher.socket.closed() == 4000
    for service in (platform.sfu, platform.backend):
        text = text_of(service)
        assert [record["event"] for record in records(service) if is_alarm(record)] == [], text
        assert [secret for secret in secrets if secret in text] == []
