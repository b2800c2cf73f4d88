"""What a handler works with: whose request it is, their seat, and the rules."""

from collections.abc import Callable
from dataclasses import dataclass

from backend.domain.chat import Chat
from backend.domain.data_media import DataControl
from backend.domain.live_classes import LiveClasses
from backend.domain.media import MediaControl, not_joined
from backend.domain.moderation import Moderation
from backend.domain.participants import Outbox, Participant
from backend.domain.users import User
from backend.signalling.protoo import JsonObject


@dataclass(frozen=True, slots=True)
class Rules:
    """The domain's services, the same for all clients. `ice_servers` renders what a user may use."""

    classes: LiveClasses
    media: MediaControl
    data: DataControl
    moderation: Moderation
    chat: Chat
    ice_servers: Callable[[User], list[JsonObject]]


@dataclass(slots=True)
class Client:
    """One connection's user and, after `join-room`, the seat."""

    user: User
    outbox: Outbox
    rules: Rules
    participant: Participant | None = None

    @property
    def me(self) -> Participant:
        """The seat. Raises: Conflict `NOT_JOINED`."""
        if self.participant is None or self.participant.gone:
            raise not_joined()
        return self.participant

    def gone(self) -> None:
        """The socket is of no use any more: let the seat wait."""
        if self.participant is not None:
            self.rules.classes.dropped(self.participant, self.outbox)
