"""What is said in a class: kept, told to all in the order it is kept, bounded, and neither lost nor doubled."""

import asyncio
from typing import Any

import pytest

from backend import keys
from backend.domain import chat
from backend.domain.chores import Chores
from backend.domain.history_ports import ChatMessage
from backend.domain.users import Role
from backend.errors import DatabaseUnavailable, TooManyAttempts
from backend.storage.history import PostgresMessages
from tests.support.database import shut_out
from tests.support.live_backend import LiveBackend, Seat

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAGE = "/rooms/physics/messages"


async def kept(backend: LiveBackend, query: str = "?per_page=200") -> list[dict[str, Any]]:
    """What is kept of the room, read by its owner."""
    status, body = await backend.call("GET", PAGE + query, await backend.token("teacher"))
    assert status == 200, body
    items: list[dict[str, Any]] = body["items"]
    return items


def heard(seat: Seat) -> list[dict[str, Any]]:
    return [data for method, data in seat.client.notified() if method == "chat-message"]


async def test_a_message_is_kept_and_told_to_all(backend: LiveBackend, teacher: Seat, student: Seat) -> None:
    text = "Xin chào, was ist 2 + 2?\n\t🎓"
    answer = await student.client.request("chat-message", text=text)
    assert set(answer) == {"id", "sentAt"}
    wanted = {"participantId": student.id, "fullName": "Student", "text": text, **answer}
    for seat in (teacher, student):
        assert await seat.client.notification("chat-message") == wanted
    (item,) = await kept(backend)
    assert set(item) == {"id", "participant_id", "user_id", "full_name", "text", "sent_at"}
    assert (item["id"], item["participant_id"], item["text"]) == (answer["id"], student.id, text)
    assert item["user_id"] in {one["userId"] for one in teacher.joined["participants"] + [student.joined["self"]]}
    assert item["sent_at"].endswith("Z")


@pytest.mark.parametrize(
    "data",
    [{}, {"text": ""}, {"text": None}, {"text": 1}, {"text": "x" * 4001}, {"text": "a\0b"}, {"text": "\ud800"}],
)
async def test_what_is_no_message_is_refused(teacher: Seat, data: dict[str, Any]) -> None:
    refusal = await teacher.client.refused("chat-message", data)
    assert (refusal.status, refusal.code) == (400, "INVALID_INPUT")
    assert set(refusal.answer["details"]) == {"text"}


async def test_the_longest_message_is_taken(backend: LiveBackend, teacher: Seat) -> None:
    await teacher.client.request("chat-message", text="🎓" * 4000)
    assert [item["text"] for item in await kept(backend)] == ["🎓" * 4000]


async def test_everybody_hears_the_one_order_that_is_kept(backend: LiveBackend, teacher: Seat) -> None:
    seats = [teacher, *[await backend.joined(f"student-{n}") for n in range(5)]]
    said = await asyncio.gather(
        *[
            await seat.client.send("chat-message", text=f"{n}.{m}")
            for m in range(20)
            for n, seat in enumerate(seats)
        ]
    )
    order = [item["id"] for item in await kept(backend)]
    assert sorted(order) == sorted(one["id"] for one in said)
    for seat in seats:
        assert [one["id"] for one in heard(seat)] == order
    for n in range(len(seats)):
        own = [one["text"] for one in heard(teacher) if one["text"].startswith(f"{n}.")]
        assert own == [f"{n}.{m}" for m in range(20)]


async def test_the_history_comes_in_pages_from_either_end(backend: LiveBackend, teacher: Seat) -> None:
    for n in range(5):
        await teacher.client.request("chat-message", text=str(n))
    assert [one["text"] for one in await kept(backend, "?page=2&per_page=2")] == ["2", "3"]
    assert [one["text"] for one in await kept(backend, "?order=newest&per_page=2")] == ["4", "3"]
    assert [one["text"] for one in await kept(backend, "?order=newest&per_page=2&page=3")] == ["0"]
    _, body = await backend.call("GET", f"{PAGE}?page=9&per_page=2", await backend.token("teacher"))
    assert body == {"items": [], "total": 5, "page": 9, "per_page": 2}
    status, body = await backend.call("GET", f"{PAGE}?order=loudest", await backend.token("teacher"))
    assert (status, body["code"]) == (400, "INVALID_INPUT")


async def test_history_is_for_who_is_in_the_room_and_who_runs_it(backend: LiveBackend, teacher: Seat) -> None:
    seat = await backend.joined("student")
    for name, role, wanted in (
        ("student", Role.STUDENT, 200),
        ("admin", Role.ADMIN, 200),
        ("other", Role.STUDENT, 403),
        ("other-teacher", Role.TEACHER, 403),
    ):
        assert (await backend.call("GET", PAGE, await backend.token(name, role)))[0] == wanted, name
    await seat.client.request("leave-room")
    assert (await backend.call("GET", PAGE, await backend.token("student")))[0] == 403
    status, body = await backend.call("GET", "/rooms/absent/messages", await backend.token("student"))
    assert (status, body["code"]) == (404, "ROOM_NOT_FOUND")


async def test_who_writes_too_fast_is_told_when_to_go_on(
    backend: LiveBackend, teacher: Seat, student: Seat
) -> None:
    answers = [await student.client.send("chat-message", text="!") for _ in range(chat.MESSAGES_PER_USER + 1)]
    *_, last = await asyncio.gather(*answers, return_exceptions=True)
    assert (last.status, last.code) == (429, "TOO_MANY_MESSAGES")  # type: ignore[union-attr] # it is a refusal
    assert 1 <= last.answer["retryAfter"] <= chat.WINDOW_S  # type: ignore[union-attr]
    await teacher.client.request("chat-message", text="slowly")
    assert len(await kept(backend)) == chat.MESSAGES_PER_USER + 1


async def test_a_room_as_a_whole_is_bounded(
    backend: LiveBackend, teacher: Seat, student: Seat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat, "MESSAGES_PER_ROOM", 3)
    messages = PostgresMessages(backend.server.app[keys.DATABASE])  # type: ignore[arg-type] # it is the real one
    speech = chat.Chat(messages, Chores(), clock=lambda: 1.0)
    seats = list(backend.presence._classes.rooms["physics"].participants.values())
    for seat in (*seats, seats[0]):
        await speech.say(seat, "hello")
    with pytest.raises(TooManyAttempts):
        await speech.say(seats[1], "hello")
    assert len(await kept(backend)) == 3


async def test_what_cannot_be_kept_is_told_to_nobody(
    backend: LiveBackend, teacher: Seat, student: Seat, database_url: str
) -> None:
    await teacher.client.request("chat-message", text="before")
    with shut_out(database_url):
        asked = [await seat.client.send("chat-message", text="meanwhile") for seat in (teacher, student)]
        for refused in await asyncio.gather(*asked, return_exceptions=True):
            assert (refused.status, refused.code) == (503, "DATABASE_UNAVAILABLE")  # type: ignore[union-attr]
            assert refused.answer["retryAfter"] >= 1  # type: ignore[union-attr]
    await teacher.client.request("chat-message", text="after")
    assert [one["text"] for one in await kept(backend)] == ["before", "after"]
    for seat in (teacher, student):
        await seat.client.notification("chat-message", text="after")
        assert [one["text"] for one in heard(seat)] == ["before", "after"]


async def test_a_message_whose_answer_was_lost_is_taken_back(
    backend: LiveBackend, teacher: Seat, monkeypatch: pytest.MonkeyPatch
) -> None:
    add, remove, removed = PostgresMessages.add, PostgresMessages.remove, asyncio.Event()

    async def add_and_lose(self: PostgresMessages, message: ChatMessage) -> None:
        await add(self, message)
        raise DatabaseUnavailable

    async def remove_and_say(self: PostgresMessages, message_id: str) -> None:
        await remove(self, message_id)
        removed.set()

    monkeypatch.setattr(PostgresMessages, "remove", remove_and_say)
    with monkeypatch.context() as lossy:
        lossy.setattr(PostgresMessages, "add", add_and_lose)
        assert (await teacher.client.refused("chat-message", text="hello")).status == 503
    async with asyncio.timeout(30):
        await removed.wait()
    await teacher.client.request("chat-message", text="hello")
    assert len(await kept(backend)) == 1


async def test_a_crowd_behind_a_stuck_message_is_refused_not_queued(
    backend: LiveBackend, teacher: Seat, student: Seat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat, "TURN_WITHIN_S", 0.05)
    turn = backend.presence._classes.rooms["physics"].chat_turn
    async with turn:
        assert (await student.client.refused("chat-message", text="hello")).status == 503
    await student.client.request("chat-message", text="hello")
    assert len(await kept(backend)) == 1


async def test_a_deleted_rooms_messages_are_gone(backend: LiveBackend, teacher: Seat) -> None:
    await teacher.client.request("chat-message", text="hello")
    token = await backend.token("teacher")
    await backend.call("DELETE", "/rooms/physics", token)
    await backend.joined("teacher", Role.TEACHER)
    assert await kept(backend) == []


async def test_what_an_account_said_outlives_it(backend: LiveBackend, teacher: Seat) -> None:
    seat = await backend.joined("student")
    await seat.client.request("chat-message", text="hello")
    user_id = seat.joined["self"]["userId"]
    assert (await backend.call("DELETE", f"/users/{user_id}", await backend.token("admin")))[0] == 204
    (item,) = await kept(backend)
    assert (item["user_id"], item["full_name"], item["text"]) == (None, "Student", "hello")
