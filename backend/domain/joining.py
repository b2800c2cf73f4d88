"""What somebody who joins a class says, and what comes of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from backend.domain.participants import Participant


@dataclass(frozen=True, slots=True)
class JoinWish:
    """What somebody who joins says. `resume_token` is of an earlier seat in the same room.

    `password` and `invitation` are what the room may want to see.
    """

    room_id: str
    room_name: str | None = None
    is_producer: bool = False
    resume_token: str | None = None
    password: str | None = None
    invitation: str | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """A seat taken, or taken back. `others` are in the room at this very moment."""

    me: Participant
    resume_token: str
    resumed: bool
    others: Sequence[Participant]
