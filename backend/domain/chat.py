"""What is said in a class: kept first, then told to everybody, in one order."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from backend.domain.chores import Chores
from backend.domain.classroom import Classroom
from backend.domain.history_ports import ChatMessage, MessageRepository
from backend.domain.media import not_joined
from backend.domain.notices import MessageSaid
from backend.domain.participants import Participant
from backend.domain.rate_limit import SlidingWindow
from backend.errors import DatabaseUnavailable, TooManyAttempts
from shared.ids import new_id

MAX_MESSAGE_CHARACTERS = 4000

WINDOW_S = 10.0
MESSAGES_PER_USER = 50
"""In `WINDOW_S`, in all rooms together: as fast as anybody types for a moment, far below what fills a screen."""

MESSAGES_PER_ROOM = 500
"""In `WINDOW_S`: a whole class that answers at once. Every message goes to everybody, and who reads slowly still
keeps up."""

TURN_WITHIN_S = 5.0
"""How long a message may wait for those before it, longer than the database takes to say that it is away. So a
crowd behind a database that is gone is refused at once, not one after the other."""

TOO_MANY_MESSAGES = "TOO_MANY_MESSAGES"


class Chat:
    """Says things in rooms. `clock` counts seconds and never goes back; `now` is the time in UTC."""

    def __init__(
        self,
        messages: MessageRepository,
        chores: Chores,
        clock: Callable[[], float],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._messages = messages
        self._chores = chores
        self._clock = clock
        self._now = now
        self._of_users = SlidingWindow(MESSAGES_PER_USER, WINDOW_S)
        self._of_rooms = SlidingWindow(MESSAGES_PER_ROOM, WINDOW_S)

    async def say(self, me: Participant, text: str) -> ChatMessage:
        """Keep a message and tell everybody in the room, oneself too; who is told first is told of what is kept.

        Raises:
            TooManyAttempts: `TOO_MANY_MESSAGES`, of this user or of the whole room.
            DatabaseUnavailable: it is not kept, and nobody was told.
            NotFound: `ROOM_NOT_FOUND`, the room has just been deleted.
        """
        self._count(me)
        async with _turn(me.room):
            if me.gone:
                raise not_joined()
            message = ChatMessage(
                id=new_id(),
                room_id=me.room.id,
                participant_id=me.id,
                user_id=me.user.id,
                full_name=me.user.full_name,
                text=text,
                sent_at=self._now(),
            )
            await self._keep(message)
            me.room.tell(MessageSaid(message))
            return message

    def _count(self, me: Participant) -> None:
        now = self._clock()
        wait_s = max(self._of_users.retry_after_s(me.user.id, now), self._of_rooms.retry_after_s(me.room.id, now))
        if wait_s:
            sentence = f"Too many messages. Try again in {wait_s} s."
            raise TooManyAttempts(sentence, TOO_MANY_MESSAGES, retry_after_s=wait_s)
        self._of_users.hit(me.user.id, now)
        self._of_rooms.hit(me.room.id, now)

    async def _keep(self, message: ChatMessage) -> None:
        """Keep it for sure or not at all: where the answer was lost, it may be kept all the same."""
        try:
            await self._messages.add(message)
        except DatabaseUnavailable:
            self._chores.spawn(self._chores.do(lambda: self._messages.remove(message.id)))
            raise


@asynccontextmanager
async def _turn(room: Classroom) -> AsyncIterator[None]:
    """Wait until the messages said before are told, so that the order told is the order kept."""
    try:
        async with asyncio.timeout(TURN_WITHIN_S):
            await room.chat_turn.acquire()
    except TimeoutError:
        raise DatabaseUnavailable from None
    try:
        yield
    finally:
        room.chat_turn.release()
