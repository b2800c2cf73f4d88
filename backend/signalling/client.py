"""What a handler works with: whose request it is, their seat, and the rules."""

from collections.abc import Callable
from dataclasses import dataclass

from backend.domain.admissions import Admissions
from backend.domain.chat import Chat
from backend.domain.data_media import DataControl
from backend.domain.hands import Hands
from backend.domain.live_classes import LiveClasses
from backend.domain.media import MediaControl, not_joined
from backend.domain.metering import Meter
from backend.domain.moderation import Moderation
from backend.domain.participants import Outbox, Participant
from backend.domain.permissions import Action, require
from backend.domain.ports import Identity
from backend.domain.rooms import relations_to
from backend.domain.users import User
from backend.signalling.far_room import FarRoom
from backend.signalling.protoo import JsonObject


@dataclass(frozen=True, slots=True)
class Rules:
    """The domain's services, the same for all clients. `ice_servers` renders what a user may use."""

    classes: LiveClasses
    media: MediaControl
    data: DataControl
    moderation: Moderation
    admissions: Admissions
    chat: Chat
    hands: Hands
    meter: Meter
    ice_servers: Callable[[User], list[JsonObject]]


@dataclass(slots=True)
class Client:
    """One connection's user and sign-in and, after `join-room`, the seat. `ended` is why the sign-in is over.

    `far` leads to rooms that are at home at other backends; None for a client that another backend pipes to here:
    what is not here is that backend's to find.
    """

    identity: Identity
    outbox: Outbox
    rules: Rules
    far: FarRoom | None = None
    participant: Participant | None = None
    ended: str | None = None

    @property
    def user(self) -> User:
        """Whose connection it is, as the database knows the user now."""
        return self.identity.user

    @property
    def me(self) -> Participant:
        """The seat. Raises: Conflict `NOT_JOINED`."""
        if self.participant is None or self.participant.gone:
            raise not_joined()
        return self.participant

    def require(self, action: Action) -> None:
        """Let pass who may do the action in the room that this connection has joined; to join, none is needed.

        Raises:
            Conflict: `NOT_JOINED`.
            NotAllowed: being what the user is to the room, it may not be done.
        """
        if action is Action.JOIN_ROOM:
            require(self.user, action)
        else:
            require(self.user, action, relations_to(self.user, self.me.room.record, present=True))

    def user_changed(self, user: User) -> None:
        """Take over the user's new name and role."""
        self.identity = Identity(user, self.identity.session_id)

    def end(self, reason: str) -> None:
        """The sign-in is over: close the connection for good, and free a seat that it is just taking."""
        self.ended = self.ended or reason
        self.outbox.end(reason)

    def gone(self) -> None:
        """The socket is of no use: it knocks no more, and its seat waits, or is freed if the sign-in is over."""
        self.rules.admissions.withdraw(self.outbox)
        if self.far is not None:
            self.far.hang_up()
        me, classes = self.participant, self.rules.classes
        if me is None:
            return
        if self.ended is not None and me.session_id == self.identity.session_id:
            classes.send_out(me, self.ended)
        else:
            classes.dropped(me, self.outbox)
