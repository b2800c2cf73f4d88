"""Many clients do everything at once: each one's picture stays right, and in the end all pictures are the room."""

import asyncio
import itertools
import json
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from backend import keys
from tests.support.live_backend import LiveBackend, Seat
from tests.support.protoo_client import ProtooClient, RequestError
from tests.support.room_view import RoomView, as_told_to, is_told_in_one_piece
from tests.support.sfu import RunningSfu

pytestmark = pytest.mark.asyncio(loop_scope="module")

CLIENTS = 10
STEPS = 24
ROOM = "physics"

_ssrcs = itertools.count(10_000, 10)


@dataclass
class Actor:
    """Somebody who does things at random. `pieces` are what each socket was told, with whose seat it was."""

    backend: LiveBackend
    name: str
    dice: random.Random
    seat: Seat | None = None
    view: RoomView = field(default_factory=RoomView)
    transport_id: str | None = None
    producers: list[str] = field(default_factory=list)
    pieces: list[tuple[str, list[str]]] = field(default_factory=list)
    _taken: int = 0

    async def live(self) -> None:
        """Do so many things, then be in the room."""
        for _ in range(STEPS):
            step = self.dice.choices(list(self._steps()), list(self._steps().values()))[0]
            try:
                await step()
            except RequestError as refusal:
                # What somebody wanted to see may just have ended, or be one thing too many.
                if refusal.code not in {"PRODUCER_NOT_FOUND", "LIMIT_REACHED"}:
                    raise
        if self.seat is None:
            await self.join()

    def look(self) -> None:
        """Take in what came since the last look."""
        if self.seat is not None:
            messages = self.seat.client.messages
            for message in messages[self._taken :]:
                self.view.take(message)
            self._taken = len(messages)

    async def settle(self) -> None:
        """Take in all that was told before now."""
        if self.seat is not None:
            await self.seat.client.request("get-participants")
        self.look()

    def _steps(self) -> dict[Callable[[], Awaitable[Any]], int]:
        if self.seat is None:
            return {self.join: 1}
        return {
            self.produce: 6,
            self.switch: 6,
            self.close_producer: 3,
            self.close_transport: 1,
            self.say: 3,
            self.raise_hand: 2,
            self.consume: 4,
            self.leave: 2,
            self.come_back: 2,
        }

    async def join(self, token: str | None = None) -> None:
        client = await self.backend.socket(self.name)
        self._taken = 0
        wish = {"roomId": ROOM, **({"resumeToken": token} if token else {})}
        self.seat = Seat(client, await client.request("join-room", wish))
        assert self.seat.joined["resumed"] is (token is not None)
        if token is None:
            self.transport_id, self.producers = None, []
        else:
            assert [one["producerId"] for one in self.seat.joined["self"]["producers"]] == self.producers

    async def produce(self) -> None:
        seat = self._here
        self.transport_id = self.transport_id or await seat.transport()
        paused = self.dice.random() < 0.3
        produced = await seat.produce(
            self.dice.choice(["audio", "video"]), ssrc=next(_ssrcs), transportId=self.transport_id, paused=paused
        )
        self.producers.append(produced)

    async def switch(self) -> None:
        if self.producers:
            method = self.dice.choice(["pause-producer", "resume-producer"])
            await self._here.client.request(method, producerId=self.dice.choice(self.producers))

    async def close_producer(self) -> None:
        if self.producers:
            producer_id = self.producers.pop(self.dice.randrange(len(self.producers)))
            await self._here.client.request("close-producer", producerId=producer_id)

    async def close_transport(self) -> None:
        if self.transport_id is not None:
            closed, self.transport_id, self.producers = self.transport_id, None, []
            await self._here.client.request("close-transport", transportId=closed)

    async def consume(self) -> None:
        self.look()
        if producers := list(self.view.producers()):
            await self._here.consume(self.dice.choice(producers))

    async def say(self) -> None:
        await self._here.client.request("chat-message", text=f"{self.name} says {self.dice.random()}")

    async def raise_hand(self) -> None:
        await self._here.client.request("raise-hand", raised=self.dice.random() < 0.5)

    async def leave(self) -> None:
        client = self._here.client
        await client.request("leave-room")
        assert await client.closed() == 4000
        self._close_the_piece()
        self.seat, self.view = None, RoomView()

    async def come_back(self) -> None:
        """Lose the connection, or take the seat over while the older one is still there."""
        seat = self._here
        if self.dice.random() < 0.5:
            await seat.client.vanish()
            self._close_the_piece()
            await self.join(seat.joined["resumeToken"])
        else:
            await self._take_over(seat)

    async def _take_over(self, seat: Seat) -> None:
        older: ProtooClient = seat.client
        newer = await self.backend.socket(self.name)
        answer = await newer.request("join-room", roomId=ROOM, resumeToken=seat.joined["resumeToken"])
        assert await older.closed() == 4000
        self._close_the_piece()
        self.seat, self._taken = Seat(newer, answer), 0
        assert answer["resumed"] is True

    def _close_the_piece(self) -> None:
        self.look()
        self.pieces.append((self.view.me, list(self.view.told)))

    @property
    def _here(self) -> Seat:
        assert self.seat is not None
        return self.seat


def dice(seed: int, name: str) -> random.Random:
    """Make the same chances at every run."""
    return random.Random(f"{seed} {name}")  # noqa: S311 -- it picks steps, it guards nothing


@pytest.mark.parametrize("seed", range(4))
async def test_everybodys_picture_is_the_room(
    backend: LiveBackend, teacher: Seat, sfu: RunningSfu, seed: int
) -> None:
    onlooker = Actor(backend, "teacher", dice(seed, "teacher"), seat=teacher)
    actors = [Actor(backend, name, dice(seed, name)) for name in (f"student-{n}" for n in range(CLIENTS))]
    await asyncio.gather(*(actor.live() for actor in actors))
    for actor in [*actors, onlooker]:
        await actor.settle()

    everything = onlooker.view.told
    for actor in actors:
        for me, told in [*actor.pieces, (actor.view.me, actor.view.told)]:
            assert is_told_in_one_piece(told, as_told_to(me, everything)), actor.name
        whole = as_told_to(actor.view.me, everything)
        assert actor.view.told == whole[len(whole) - len(actor.view.told) :], actor.name

    await _compare_with_the_room(teacher, [*actors, onlooker], sfu)
    said = [one for one in everything if one.startswith('["chat-message"')]
    status, page = await backend.call(
        "GET", f"/rooms/{ROOM}/messages?per_page=200", await backend.token("teacher")
    )
    assert status == 200
    assert [one["text"] for one in page["items"]] == [json_text(one) for one in said]
    await _all_leave(backend, [*actors, onlooker], sfu)


async def _compare_with_the_room(teacher: Seat, actors: list[Actor], sfu: RunningSfu) -> None:
    everybody = (await teacher.client.request("get-participants"))["participants"]
    room = {
        one["participantId"]: {
            "producers": {each["producerId"]: each["paused"] for each in one["producers"]},
            "hand": one["handRaisedAt"],
        }
        for one in everybody
    }
    assert set(room) == {actor.view.me for actor in actors}
    for actor in actors:
        assert actor.view.participants == {key: value for key, value in room.items() if key != actor.view.me}
        if actor.producers:
            assert list(room[actor.view.me]["producers"]) == actor.producers
    peers = (await sfu.get(f"/rooms/{ROOM}?detail=1")).ok()["peers"]
    at_the_sfu = {peer["peerId"]: {one["id"]: one["paused"] for one in peer["producers"]} for peer in peers}
    assert at_the_sfu == {key: value["producers"] for key, value in room.items()}


async def _all_leave(backend: LiveBackend, actors: list[Actor], sfu: RunningSfu) -> None:
    await asyncio.gather(*(actor.leave() for actor in actors))
    assert (await sfu.get("/rooms")).ok()["totalRooms"] == 0
    assert await backend.server.app[keys.ATTENDANCE].open_seats() == []
    assert backend.presence.live_room_ids() == []


def json_text(told: str) -> str:
    text: str = json.loads(told)[1]["text"]
    return text
