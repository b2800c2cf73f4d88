"""Several backends over one database and one SFU: a class is one class, wherever people are connected."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest

from tests.support.balancer import Balancer, running_balancer
from tests.support.classmate import PASSWORD, Classmate, classmate, sign_in, sign_up
from tests.support.services import ADMIN_EMAIL, ADMIN_PASSWORD, Platform, running_platform
from tests.support.waiting import until

pytestmark = pytest.mark.integration

TEACHER = "teacher@school.example"
STUDENT = "student@school.example"

Json = dict[str, Any]


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with running_platform({"RESUME_GRACE_S": "5", "SFU_WORKERS": "1"}, backends=3) as platform:
        yield platform


@pytest.fixture
async def balancer(platform: Platform) -> AsyncIterator[Balancer]:
    async with running_balancer([backend.url for backend in platform.backends]) as balancer:
        yield balancer


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Each request has a connection of its own, so behind a balancer each goes to another backend."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        yield session


class Class:
    """A teacher at the home of the room and a student connected elsewhere."""

    def __init__(self, teacher: Classmate, student: Classmate) -> None:
        self.teacher = teacher
        self.student = student


@pytest.fixture
async def spread(platform: Platform, request: pytest.FixtureRequest) -> AsyncIterator[Class]:
    room = request.node.name
    home, edge = platform.backends[:2]
    async with (
        classmate(platform, TEACHER, "teacher", url=home.url) as teacher,
        classmate(platform, STUDENT, url=edge.url) as student,
    ):
        await teacher.join(room)
        await student.join(room)
        yield Class(teacher, student)
        if teacher.socket.close_code is None:
            await teacher.socket.send("close-room")


async def call(
    session: aiohttp.ClientSession, method: str, url: str, token: str, body: Json | None = None
) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"}
    async with session.request(method, url, json=body, headers=headers) as answer:
        return answer.status, await answer.json() if answer.content_type == "application/json" else None


async def admin_token(session: aiohttp.ClientSession, url: str) -> str:
    return await sign_in(session, url, ADMIN_EMAIL, ADMIN_PASSWORD)


async def test_those_connected_elsewhere_are_in_the_same_class(spread: Class) -> None:
    teacher, student = spread.teacher, spread.student
    joined = await teacher.socket.notification("participant-joined")
    assert joined["participant"]["participantId"] == student.participant_id
    assert [one["participantId"] for one in student.joined["participants"]] == [teacher.participant_id]
    heard = await teacher.publish("audio", 1000)
    assert (await student.socket.notification("new-producer"))["producerId"] == heard
    await student.receives(await student.subscribe(heard))
    seen = await student.publish("video", 2000)
    assert (await teacher.socket.notification("new-producer"))["producerId"] == seen
    await teacher.receives(await teacher.subscribe(seen))


async def test_what_one_says_and_does_reaches_the_other_in_order(spread: Class) -> None:
    teacher, student = spread.teacher, spread.student
    for number in range(20):
        await student.socket.send("chat-message", text=f"{number}")
    for number in range(20):
        assert (await teacher.socket.notification("chat-message"))["text"] == f"{number}"
        assert (await student.socket.notification("chat-message"))["text"] == f"{number}"
    await student.socket.request("raise-hand", raised=True)
    assert (await teacher.socket.notification("participant-updated"))["handRaised"] is True
    answer = await student.socket.request("get-participants")
    assert answer["count"] == 2
    refusal = await student.socket.refused("no-such-method")
    assert (refusal.status, refusal.code) == (404, "UNKNOWN_METHOD")
    refusal = await student.socket.refused("join-room", roomId="elsewhere")
    assert (refusal.status, refusal.code) == (409, "ALREADY_JOINED")


async def test_moderation_reaches_those_connected_elsewhere(platform: Platform, spread: Class) -> None:
    teacher, student = spread.teacher, spread.student
    voice = await student.publish("audio", 1000)
    await teacher.socket.notification("new-producer")
    await teacher.socket.request("mute-participant", participantId=student.participant_id)
    assert (await student.socket.notification("muted"))["producerId"] == voice
    await teacher.socket.request("lock-room", locked=True)
    assert (await student.socket.notification("room-updated"))["room"]["isLocked"] is True
    async with classmate(platform, "late@school.example", url=platform.backends[2].url) as late:
        refusal = await late.socket.refused("join-room", roomId=teacher.joined["roomId"])
        assert (refusal.status, refusal.code) == (403, "ROOM_LOCKED")
        await teacher.socket.request("lock-room", locked=False)
        await late.join(teacher.joined["roomId"])
        await teacher.socket.request("kick-participant", participantId=late.participant_id)
        await late.socket.notification("kicked")
        assert await late.socket.closed() == 4000
    await teacher.socket.request("close-room")
    await student.socket.notification("room-closed")
    assert await student.socket.closed() == 4000


async def test_who_is_refused_may_join_another_room_on_the_same_socket(platform: Platform, spread: Class) -> None:
    teacher = spread.teacher
    await teacher.socket.request("lock-room", locked=True)
    async with classmate(platform, "late@school.example", url=platform.backends[2].url) as late:
        refusal = await late.socket.refused("join-room", roomId=teacher.joined["roomId"])
        assert refusal.code == "ROOM_LOCKED"
        refusal = await late.socket.refused("get-participants")
        assert refusal.code == "NOT_JOINED"
        await teacher.socket.request("lock-room", locked=False)
        await late.join(teacher.joined["roomId"])
        assert len(late.joined["participants"]) == 2
        await late.socket.request("leave-room")
        assert await late.socket.closed() == 4000


async def test_rules_changed_at_any_backend_reach_everybody(
    platform: Platform, spread: Class, session: aiohttp.ClientSession
) -> None:
    teacher, student = spread.teacher, spread.student
    for backend, name in zip(platform.backends, ("One", "Two", "Three"), strict=True):
        url = f"{backend.url}/api/v1/rooms/{teacher.joined['roomId']}"
        status, _ = await call(session, "PATCH", url, teacher.token, {"name": name})
        assert status == 200
        for someone in (teacher, student):
            assert (await someone.socket.notification("room-updated"))["room"]["name"] == name
    status, _ = await call(session, "DELETE", url, teacher.token)
    assert status == 204
    for someone in (teacher, student):
        assert (await someone.socket.notification("room-closed"))["reason"] == "deleted"
        assert await someone.socket.closed() == 4000


@pytest.mark.parametrize("home", [0, 1])
async def test_an_account_closed_at_one_backend_loses_its_seat_at_another(
    platform: Platform, session: aiohttp.ClientSession, home: int
) -> None:
    homes = [platform.backends[home].url, platform.backends[1 - home].url]
    room, email = f"closing-{home}", f"closed-{home}@school.example"
    async with (
        classmate(platform, TEACHER, "teacher", url=homes[0]) as teacher,
        classmate(platform, email, url=platform.backends[0].url) as student,
    ):
        await teacher.join(room)
        await student.join(room)
        admin = await admin_token(session, platform.backends[2].url)
        users = f"{platform.backends[2].url}/api/v1/users"
        _, found = await call(session, "GET", f"{users}?search={email}", admin)
        status, _ = await call(
            session, "PATCH", f"{users}/{found['items'][0]['user_id']}", admin, {"active": False}
        )
        assert status == 200
        assert await student.socket.closed() == 4000
        left = await teacher.socket.notification("participant-left")
        assert left["participantId"] == student.participant_id


async def test_figures_are_the_same_at_every_backend(
    platform: Platform, spread: Class, session: aiohttp.ClientSession
) -> None:
    await spread.student.publish("audio", 1000)
    token, room = spread.teacher.token, spread.teacher.joined["roomId"]
    for backend in platform.backends:
        _, found = await call(session, "GET", f"{backend.url}/api/v1/rooms/{room}", token)
        assert found["participant_count"] == 2
        _, found = await call(session, "GET", f"{backend.url}/api/v1/rooms?per_page=200", token)
        assert {one["id"]: one["participant_count"] for one in found["items"]}[room] == 2
        _, found = await call(session, "GET", f"{backend.url}/api/v1/signalling/rooms/{room}/stats", token)
        assert (found["participant_count"], found["producer_count"]) == (2, 1)
        assert len(found["participants"]) == 2
        _, found = await call(session, "GET", f"{backend.url}/api/v1/signalling/rooms/stats", token)
        assert {one["room_id"]: one["producer_count"] for one in found["rooms"]}[room] == 1
        async with session.get(f"{backend.url}/api/v1/signalling/health") as answer:
            assert (await answer.json())["participants"] >= 2


async def test_one_client_may_meet_another_backend_with_every_request(
    balancer: Balancer, session: aiohttp.ClientSession
) -> None:
    url = balancer.url
    for number in range(3):
        token = await sign_up(session, url, f"rover-{number}@school.example")
        body = {"email": f"rover-{number}@school.example", "password": PASSWORD}
        async with session.post(f"{url}/api/v1/auth/login", json=body) as answer:
            refresh = (await answer.json())["refresh_token"]
        async with session.post(f"{url}/api/v1/auth/refresh", json={"refresh_token": refresh}) as answer:
            renewed = await answer.json()
            assert answer.status == 200, renewed
        status, _ = await call(session, "GET", f"{url}/api/v1/auth/profile", renewed["access_token"])
        assert status == 200
        _, ticket = await call(session, "POST", f"{url}/api/v1/signalling/ticket", renewed["access_token"])
        async with session.ws_connect(f"{url}/ws?ticket={ticket['ticket']}", protocols=("protoo",)) as ws:
            assert not ws.closed
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(f"{url}/ws?ticket={ticket['ticket']}", protocols=("protoo",))
        body = {"refresh_token": renewed["refresh_token"]}
        status, _ = await call(session, "POST", f"{url}/api/v1/auth/logout", renewed["access_token"], body)
        assert status == 204
        status, _ = await call(session, "GET", f"{url}/api/v1/auth/profile", renewed["access_token"])
        assert status == 401
        assert token
    assert min(balancer.served.values()) > 0


async def test_a_sign_out_at_one_backend_ends_sockets_at_another(
    platform: Platform, session: aiohttp.ClientSession
) -> None:
    async with classmate(platform, "leaving@school.example", url=platform.backends[0].url) as somebody:
        url = f"{platform.backends[1].url}/api/v1/auth/logout"
        status, _ = await call(session, "POST", url, somebody.token, {"refresh_token": "none of ours"})
        assert status == 204
        assert await somebody.socket.closed() == 4000


async def test_backends_that_open_a_room_at_the_same_instant_agree_on_one_home(
    platform: Platform, session: aiohttp.ClientSession
) -> None:
    teacher = await sign_up(session, platform.backend.url, TEACHER, "teacher")
    assert teacher
    for number in range(15):
        async with AsyncExitStack() as stack:
            everybody = [
                await stack.enter_async_context(classmate(platform, TEACHER, "teacher", url=backend.url))
                for backend in platform.backends
            ]
            await asyncio.gather(*(one.join(f"instant-{number}") for one in everybody))
            counts = [(await one.socket.request("get-participants"))["count"] for one in everybody]
            assert counts == [3, 3, 3]
            await everybody[0].socket.request("chat-message", text="one class")
            for one in everybody:
                assert (await one.socket.notification("chat-message"))["text"] == "one class"
            await everybody[0].socket.request("close-room")
            for one in everybody:
                assert await one.socket.closed() == 4000


async def test_only_backends_come_in_by_the_back_door(platform: Platform, session: aiohttp.ClientSession) -> None:
    token = await sign_up(session, platform.backend.url, TEACHER, "teacher")
    for path in ("relay", "pulse", "rooms"):
        url = f"{platform.backend.url}/internal/{path}"
        async with session.get(url) as answer:
            assert answer.status == 401
        for forged in (token, "a.b.c"):
            async with session.get(url, headers={"Authorization": f"Bearer {forged}"}) as answer:
                assert answer.status == 401
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await session.ws_connect(
            f"{platform.backend.url}/internal/relay", headers={"Authorization": f"Bearer {token}"}
        )


async def test_a_flood_through_an_edge_closes_as_at_home(spread: Class) -> None:
    student = spread.student
    for number in range(1000):
        await student.socket.send("get-participants", {"number": number})
    assert await student.socket.closed() == 4008
    assert len((await spread.teacher.socket.request("get-participants"))["participants"]) == 2, "the seat waits"


async def test_a_message_that_is_too_large_closes_as_at_home(spread: Class) -> None:
    await spread.student.socket.ws.send_str('{"request":true,"id":9,"method":"x","data":"' + "x" * 300_000 + '"}')
    assert await spread.student.socket.closed() == 1009
    await until(lambda: spread.student.socket.close_code == 1009)
