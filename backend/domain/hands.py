"""Raised hands: one's own up and down, and down by who runs the room. Whose came first is seen by the time."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from backend.domain.classroom import Classroom
from backend.domain.participants import Participant
from backend.domain.rooms import require_may_manage

TICK = timedelta(milliseconds=1)
"""Clients see times in milliseconds; hands of one millisecond must still have an order."""


class Hands:
    """Puts hands up and down. `changed` is called with whose hand it was; `now` is the time in UTC."""

    def __init__(
        self,
        changed: Callable[[Participant], None] = lambda _whose: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._changed = changed
        self._now = now

    def raise_hand(self, me: Participant, *, raised: bool) -> None:
        """Put one's own hand up or down and tell the others. A hand that is up keeps its place."""
        if raised != me.hand_raised:
            me.room.note_hand(me, self._next_time(me.room) if raised else None, but=me)
            self._changed(me)

    def lower(self, me: Participant, participant_id: str) -> None:
        """Put somebody's hand down and tell everybody, who had it up too.

        Raises:
            NotAllowed: only who runs the room may.
            NotFound: `PARTICIPANT_NOT_FOUND`.
        """
        require_may_manage(me.user, me.room.record)
        self._lower(me.room.participant(participant_id))

    def lower_all(self, me: Participant) -> None:
        """Put all hands down, first raised first. Raises: NotAllowed, only who runs the room may."""
        require_may_manage(me.user, me.room.record)
        for participant in me.room.raised_hands():
            self._lower(participant)

    def _lower(self, participant: Participant) -> None:
        if participant.hand_raised:
            participant.room.note_hand(participant, None)
            self._changed(participant)

    def _next_time(self, room: Classroom) -> datetime:
        now = self._now()
        now = now.replace(microsecond=now.microsecond // 1000 * 1000)
        hands = room.raised_hands()
        latest = hands[-1].hand_raised_at if hands else None
        return now if latest is None else max(now, latest + TICK)
