"""What everybody sees, whatever happens at the same time: nothing twice, nothing missing, nothing out of order.

Several people act at once on an SFU whose answers take any time. Each keeps the picture that a client would, from
the answer to its join and from what it is told since; at the end every picture is the room as it is.
"""

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from backend.domain.joining import Joined, JoinWish
from backend.domain.notices import (
    NewProducer,
    Notice,
    ParticipantJoined,
    ParticipantLeft,
    ProducerEnded,
    ProducerSwitched,
    SfuRestarted,
)
from backend.domain.ports import Identity
from backend.domain.sfu_port import SwitchAction
from backend.domain.users import User
from backend.errors import VtpError
from tests.support.live_class import NotedOutbox, School, a_user

ACTS = (
    "produce",
    "produce",
    "pause",
    "resume",
    "close",
    "leave",
    "drop",
    "resume-seat",
    "watch",
    "restart",
    "join",
)


class Picture(NotedOutbox):
    """What one client knows of the others: their ids, and their producers with whether they are paused."""

    def __init__(self) -> None:
        super().__init__()
        self.participants: set[str] = set()
        self.producers: dict[str, bool] = {}
        self.seen_since_restart: set[str] = set()
        self.answered = False

    def answer(self, joined: Joined) -> None:
        """Take the answer to join."""
        self.answered = True
        self.participants = {other.id for other in joined.others}
        self.producers = {one.id: one.paused for other in joined.others for one in other.producers.values()}
        self.seen_since_restart = set(self.producers)

    def tell(self, notice: Notice) -> None:
        """Take a notice, and refuse what a client could not make sense of."""
        assert self.answered, f"{notice} came before the answer"
        match notice:
            case ParticipantJoined():
                assert notice.participant.id not in self.participants
                assert notice.participant.producers == {}
                self.participants.add(notice.participant.id)
            case ParticipantLeft():
                self.participants.remove(notice.participant_id)
            case NewProducer():
                assert notice.producer.owner.id in self.participants
                assert notice.producer.id not in self.seen_since_restart
                self.seen_since_restart.add(notice.producer.id)
                self.producers[notice.producer.id] = notice.producer.paused
            case ProducerSwitched():
                assert self.producers[notice.producer_id] is not notice.paused
                self.producers[notice.producer_id] = notice.paused
            case ProducerEnded():
                del self.producers[notice.producer_id]
            case SfuRestarted():
                self.producers.clear()
                self.seen_since_restart.clear()


@dataclass
class Actor:
    """Somebody who acts, one act after the other."""

    school: School
    user: User = field(default_factory=a_user)
    picture: Picture = field(default_factory=Picture)
    joined: Joined | None = None

    async def act(self, act: str) -> None:
        with suppress(VtpError):  # a refusal is an answer like any other
            await self._act(act)

    async def _act(self, act: str) -> None:
        if act in {"join", "resume-seat"}:
            if self.joined is None or act == "resume-seat":
                await self._join()
            return
        if act == "restart":
            self.school.sfu.forget_everything()
            self.school.watch.sfu_connected(restarted=True, missed_events=False)
        if self.joined is None:
            return
        me = self.joined.me
        producer_id = next(iter(me.producers), None)
        if act == "produce":
            await self.school.produce(me)
        elif act == "leave":
            self.joined = None
            await self.school.classes.leave(me)
        elif act == "drop":
            self.school.classes.dropped(me, self.picture)
        elif act == "watch" and me.room.producers:
            await self.school.consume(me, next(iter(me.room.producers)))
        elif producer_id is not None and act in {"pause", "resume", "close"}:
            await self.school.media.switch_producer(me, producer_id, SwitchAction(act))

    async def _join(self) -> None:
        """Take a seat, or one's seat back with a new socket, whose picture begins anew."""
        picture = Picture()
        token = self.joined.resume_token if self.joined is not None else None
        wish = JoinWish("physics", resume_token=token)
        joined = await self.school.classes.join(Identity(self.user, "session"), wish, picture)
        picture.answer(joined)
        self.joined, self.picture = joined, picture
        self.school.classes.catch_up(joined.me)


async def play(scripts: list[list[str]], seed: int) -> None:
    school = School()
    chance = random.Random(seed)  # noqa: S311 - it guards nothing
    school.watch._met = True  # there is nothing from before our start
    school.sfu.slowness = lambda: chance.randrange(6)
    actors = [Actor(school) for _ in scripts]

    async def run(actor: Actor, script: list[str]) -> None:
        await actor.act("join")
        for act in script:
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
            await actor.act(act)

    await asyncio.gather(*(run(actor, script) for actor, script in zip(actors, scripts, strict=True)))
    while school.chores._running:
        await asyncio.gather(*school.chores._running)
    check(school, actors)
    await clear(school, actors)


def check(school: School, actors: list[Actor]) -> None:
    room = school.classes.rooms.get("physics")
    everybody: dict[str, Any] = dict(room.participants) if room is not None else {}
    for actor in actors:
        if actor.joined is None or actor.joined.me.outbox is None:
            continue
        me = actor.joined.me
        others = [one for one in everybody.values() if one is not me]
        assert actor.picture.participants == {one.id for one in others}
        expected = {producer.id: producer.paused for one in others for producer in one.producers.values()}
        assert actor.picture.producers == expected
    held = {producer_id for one in everybody.values() for producer_id in one.producers}
    assert held == set(room.producers if room is not None else ())
    at_sfu = school.sfu.rooms.get("physics", {})
    assert held == {producer_id for peer in at_sfu.values() for producer_id in peer.producers}
    # A join that was on its way when the SFU restarted may have reached the new one; the next one finds it there.
    assert {one.id for one in everybody.values() if one.has_peer} <= set(at_sfu) <= set(everybody)


async def clear(school: School, actors: list[Actor]) -> None:
    """After everybody left or timed out nothing is left anywhere."""
    for actor in actors:
        if actor.joined is not None and actor.joined.me.outbox is not None:
            await school.classes.leave(actor.joined.me)
    school.classes.handle_timeout(school.now + 1000)
    while school.chores._running:
        await asyncio.gather(*school.chores._running)
    assert school.classes.rooms == {}
    assert school.classes._seats_of == {}
    assert len(school.classes.waiting) == 0
    assert school.sfu.rooms == {}
    assert school.seats.taken.keys() == school.seats.left.keys()


@settings(max_examples=250, deadline=None)
@given(
    scripts=st.lists(st.lists(st.sampled_from(ACTS), max_size=8), min_size=2, max_size=5),
    seed=st.integers(0, 2**32),
)
@example(  # a room is compared with the SFU while a close is on its way
    scripts=[
        ["produce", "drop", "pause", "close", "pause"],
        ["produce", "produce", "pause", "leave"],
        ["produce", "watch", "close"],
        [],
        [],
    ],
    seed=5,
)
def test_every_picture_is_the_room_as_it_is(scripts: list[list[str]], seed: int) -> None:
    asyncio.run(play(scripts, seed))
