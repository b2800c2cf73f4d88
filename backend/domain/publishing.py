"""A room's rule on who may publish, made to count for what is live already."""

import asyncio
from functools import partial

from backend.domain.chores import Chores
from backend.domain.classroom import Classroom
from backend.domain.data_media import DataControl
from backend.domain.media import MediaControl
from backend.domain.notices import Muted
from backend.domain.participants import Participant
from backend.domain.rooms import may_publish
from backend.errors import Conflict, NotFound


class PublishingRule:
    """Pauses what may not be sent any more, at the SFU, and closes data channels, which know no pause.

    What is paused so stays paused until its owner resumes it, which works once the rule allows it again.
    """

    def __init__(self, media: MediaControl, data: DataControl, chores: Chores) -> None:
        self._media = media
        self._data = data
        self._chores = chores

    def room_changed(self, room: Classroom) -> None:
        """Begin at once, in the background, and go on until it is done, also when the SFU is away for a while."""
        if _who_may_not(room):
            self._chores.spawn(self._chores.do(partial(self._enforce, room)))

    async def _enforce(self, room: Classroom) -> None:
        ends = await asyncio.gather(*map(self._silence, _who_may_not(room)), return_exceptions=True)
        for error in ends:
            if isinstance(error, BaseException) and not isinstance(
                error, NotFound | Conflict
            ):  # it is gone by itself
                raise error

    async def _silence(self, target: Participant) -> None:
        async with target.lock:
            pass  # what was asked before the rule changed is done now; what comes after is refused
        for producer in list(target.producers.values()):
            if _may_not(target) and await self._media.mute(target, producer):
                target.tell(Muted(producer.id, by=None))
        for channel in list(target.data_producers.values()):
            if _may_not(target):
                await self._data.end_producer(target, channel)


def _who_may_not(room: Classroom) -> list[Participant]:
    """Return who sends, or is just about to, without being allowed to."""
    return [one for one in room.participants.values() if _may_not(one) and (_sends(one) or one.lock.locked())]


def _sends(one: Participant) -> bool:
    return bool(one.data_producers) or any(not producer.paused for producer in one.producers.values())


def _may_not(participant: Participant) -> bool:
    return not may_publish(participant.user, participant.room.record)
