"""Whatever somebody sends, the right error comes back, or a drop is counted, and the class goes on."""

import contextlib
import io
import json
import random
import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from pylibsrtp import Error as SrtpError

from tests.integration.conftest import Eventually
from tests.support.classmate import Classmate, classmate
from tests.support.services import Platform
from tests.support.sfu import SfuApi

pytestmark = pytest.mark.integration

TEACHER = "teacher@school.example"
STUDENT = "student@school.example"


@pytest.fixture
async def lesson(platform: Platform) -> AsyncIterator[tuple[Classmate, Classmate, Any]]:
    """A class of two in which video flows."""
    async with classmate(platform, TEACHER, "teacher") as teacher, classmate(platform, STUDENT) as student:
        await teacher.join("lesson")
        await student.join("lesson")
        consumed = await student.subscribe(await teacher.publish("video", 1000))
        await student.receives(consumed)
        yield teacher, student, consumed
        await student.receives(consumed)  # whatever the test did, the class goes on
        for someone in (student, teacher):
            await someone.socket.request("leave-room")


async def drops(sfu: SfuApi, reason: str = "") -> float:
    """Sum the workers' drops, of one reason or of all."""
    metrics: str = (await sfu.get("/metrics")).body
    lines = [
        line
        for line in metrics.splitlines()
        if line.startswith("vtp_sfu_packets_dropped_total") and reason in line
    ]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


async def test_garbage_on_the_media_port_is_counted(lesson: Any, sfu: SfuApi, eventually: Eventually) -> None:
    teacher, student, consumed = lesson
    before = await drops(sfu)
    rng = random.Random(11)  # noqa: S311 - it only has to be garbage
    check = teacher.peers["send"].binding_request()
    target = teacher.peers["send"].path.remote
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for first in range(256):
            for size in (0, 3, 19, 40, 1400):
                stranger.sendto(bytes([first]) + rng.randbytes(size), target)
        for length in range(len(check)):
            stranger.sendto(check[:length], target)
    for first in (0, 22, 128, 129, 191, 200):
        for size in (0, 8, 12, 60, 1400, 3000):
            teacher.peers["send"].send_raw(bytes([first]) + rng.randbytes(size))
            student.peers["recv"].send_raw(bytes([first, 200]) + rng.randbytes(size))
    await student.receives(consumed, packets=20)

    async def are_counted() -> bool:  # the workers are asked once a second
        return await drops(sfu) >= before + 1000

    await eventually(are_counted)


async def test_authentic_but_senseless_rtp_and_rtcp_is_dropped(
    lesson: Any, sfu: SfuApi, eventually: Eventually
) -> None:
    teacher, student, consumed = lesson
    reasons = ("rtp_malformed", "rtp_no_producer", "rtcp_malformed")
    before = {reason: await drops(sfu, reason) for reason in reasons}
    rng = random.Random(12)  # noqa: S311
    for size in (12, 13, 20, 100, 1200):
        for first in (0x80, 0x90, 0xA0, 0x8F, 0xBF):
            packet = bytes([first, rng.randrange(128)]) + rng.randbytes(size)
            for peer in (teacher.peers["send"], student.peers["recv"]):
                with contextlib.suppress(SrtpError):  # some cannot even be protected
                    peer.send_rtp(packet)
        for kind in range(192, 224):
            body = bytes([0x80 | rng.randrange(32), kind]) + rng.randbytes(2) + rng.randbytes(size // 4 * 4)
            student.peers["recv"].send_rtcp(body)
            teacher.peers["send"].send_rtcp(body)
    await student.receives(consumed, packets=20)

    async def are_counted() -> bool:
        return all([await drops(sfu, reason) > before[reason] for reason in reasons])

    await eventually(are_counted)


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/rooms/x/peers", b"{", 400, "INVALID_JSON"),
        ("/rooms/x/peers", b"[]", 400, "INVALID_INPUT"),
        ("/rooms/x/peers", b'{"peerId": 7, "userId": "u"}', 400, "INVALID_INPUT"),
        ("/rooms/x/peers", b'{"peerId": "..", "userId": "u"}', 400, "INVALID_INPUT"),
        ("/rooms/a%20b/peers", b'{"peerId": "p", "userId": "u"}', 400, "INVALID_INPUT"),
        ("/rooms/x/peers", b'{"peerId": "' + b"p" * (1 << 20) + b'"}', 413, "PAYLOAD_TOO_LARGE"),
        ("/rooms/nowhere/transports", b'{"peerId": "p", "direction": "send"}', 404, "ROOM_NOT_FOUND"),
        ("/rooms/lesson/transports", b'{"peerId": "nobody", "direction": "send"}', 404, "PEER_NOT_FOUND"),
        ("/rooms/lesson/transports", b'{"peerId": "p", "direction": "up"}', 400, "INVALID_INPUT"),
        ("/nowhere", b"{}", 404, "NOT_FOUND"),
        ("/health", b"{}", 405, "METHOD_NOT_ALLOWED"),
    ],
)
async def test_the_sfus_api_says_what_is_wrong(
    lesson: Any, sfu: SfuApi, path: str, body: bytes, status: int, code: str
) -> None:
    async with sfu.session.post(sfu.url + path, data=io.BytesIO(body)) as answer:
        assert (answer.status, (await answer.json())["code"]) == (status, code)
        assert answer.headers["X-Request-ID"]


async def test_another_rooms_ids_are_not_found(lesson: Any, sfu: SfuApi, platform: Platform) -> None:
    teacher, _, consumed = lesson
    producer_id = consumed["producerId"]
    async with classmate(platform, TEACHER, "teacher") as elsewhere:
        await elsewhere.join("elsewhere")
        refusal = await elsewhere.socket.refused("consume", producerId=producer_id, rtpCapabilities={})
        assert (refusal.status, refusal.code) == (404, "PRODUCER_NOT_FOUND")
        refusal = await elsewhere.socket.refused("close-producer", producerId=producer_id)
        assert (refusal.status, refusal.code) == (404, "PRODUCER_NOT_FOUND")
        refusal = await elsewhere.socket.refused("pause-consumer", consumerId=consumed["consumerId"])
        assert (refusal.status, refusal.code) == (404, "CONSUMER_NOT_FOUND")
        refusal = await elsewhere.socket.refused("close-transport", transportId=teacher.transports["send"])
        assert (refusal.status, refusal.code) == (404, "TRANSPORT_NOT_FOUND")
        answer = await sfu.post(f"/rooms/elsewhere/producers/{producer_id}/close")
        assert (answer.status, answer.code) == (404, "PRODUCER_NOT_FOUND")
        await elsewhere.socket.request("leave-room")


@pytest.mark.parametrize(
    ("frame", "code"),
    [("{", 1007), ("[]", 1007), ('{"request": true}', 1007), (b"\x00\x01", 1003), ("x" * (257 << 10), 1009)],
    ids=["json", "array", "no id", "binary", "huge"],
)
async def test_a_socket_that_speaks_no_protoo_is_closed(
    lesson: Any, platform: Platform, frame: str | bytes, code: int
) -> None:
    teacher, _, _ = lesson
    url = platform.backend.url + "/ws"
    headers = {"Authorization": f"Bearer {teacher.token}"}
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url, headers=headers, protocols=["protoo"]) as ws,
    ):
        await (ws.send_bytes(frame) if isinstance(frame, bytes) else ws.send_str(frame))
        closed = await ws.receive(timeout=10)
        assert closed.type in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED}
        assert ws.close_code == code


@pytest.mark.parametrize(
    ("method", "data", "status", "code"),
    [
        ("no-such-method", {}, 404, "UNKNOWN_METHOD"),
        ("join-room", {"roomId": "lesson"}, 409, "ALREADY_JOINED"),
        ("create-transport", {"direction": "sideways"}, 400, "INVALID_INPUT"),
        ("create-transport", {}, 400, "INVALID_INPUT"),
        ("connect-transport", {"transportId": 5, "dtlsParameters": []}, 400, "INVALID_INPUT"),
        ("produce", {"transportId": "none", "kind": "video", "rtpParameters": {}}, 404, "TRANSPORT_NOT_FOUND"),
        ("consume", {"producerId": "none", "rtpCapabilities": {}}, 404, "PRODUCER_NOT_FOUND"),
        ("resume-consumer", {"consumerId": None}, 400, "INVALID_INPUT"),
        ("webrtc-offer", {"to": "nobody", "sdp": "v=0"}, 404, "PARTICIPANT_NOT_FOUND"),
    ],
)
async def test_signalling_says_what_is_wrong(lesson: Any, method: str, data: Any, status: int, code: str) -> None:
    teacher, _, _ = lesson
    refusal = await teacher.socket.refused(method, data)
    assert (refusal.status, refusal.code) == (status, code), json.dumps(refusal.answer)
