"""Invitations: a secret that opens one room until it is over, replaced or revoked."""

from datetime import timedelta

from backend.domain.auth_ports import Clock
from backend.domain.entrance_ports import Invitation, InvitationRepository
from backend.domain.room_book import RoomBook
from backend.domain.secret_values import hash_secret, new_secret
from backend.domain.users import User
from backend.errors import NotFound

DEFAULT_INVITATION_S = 7 * 24 * 3600
"""From one weekly lesson to the next."""

SHORTEST_INVITATION_S = 60
LONGEST_INVITATION_S = 366 * 24 * 3600
"""A school year; a link that is good for ever ends up in the wrong hands."""


class Invitations:
    """Makes and takes back the invitations of rooms; only who runs a room may."""

    def __init__(self, invitations: InvitationRepository, book: RoomBook, clock: Clock) -> None:
        self._invitations = invitations
        self._book = book
        self._clock = clock

    async def create(self, by: User, room_id: str, valid_for_s: int) -> tuple[str, Invitation]:
        """Make the room's invitation anew; the former one opens nothing any more. The token is shown only now.

        Raises:
            NotFound: `ROOM_NOT_FOUND`.
            NotAllowed: only its owner and admins may.
        """
        room = await self._book.managed(by, room_id)
        now, token = self._clock(), new_secret()
        invitation = Invitation(now, now + timedelta(seconds=valid_for_s))
        await self._invitations.put(room.id, hash_secret(token), invitation)
        return token, invitation

    async def get(self, by: User, room_id: str) -> Invitation:
        """Return the room's invitation.

        Raises:
            NotFound: `ROOM_NOT_FOUND`, or `INVITATION_NOT_FOUND` when there is none or it is over.
            NotAllowed: only its owner and admins may.
        """
        room = await self._book.managed(by, room_id)
        invitation = await self._invitations.get(room.id, self._clock())
        if invitation is None:
            raise NotFound("The room has no invitation.", "INVITATION_NOT_FOUND")
        return invitation

    async def revoke(self, by: User, room_id: str) -> None:
        """Take the room's invitation back, if there is one; who came in with it stays.

        Raises:
            NotFound: `ROOM_NOT_FOUND`.
            NotAllowed: only its owner and admins may.
        """
        room = await self._book.managed(by, room_id)
        await self._invitations.remove(room.id)
