"""The entrance of a room: who comes in, and what somebody who does not is told.

In this order, so that each refusal tells no more than who asks may know: a locked room says so before it looks at
any secret; then the invitation or the password; then the waiting room; whether the room is full is only for those
who may come in. Who runs the room, and staff, pass as they pass a locked room.
"""

from backend.domain.admissions import Admissions
from backend.domain.auth_ports import Clock
from backend.domain.classroom import Classroom
from backend.domain.entrance_ports import InvitationRepository
from backend.domain.participants import Outbox
from backend.domain.ports import RoomRepository
from backend.domain.room_passwords import RoomPasswords
from backend.domain.rooms import RoomRecord, passes_freely, require_unlocked
from backend.domain.secret_values import hash_secret
from backend.domain.users import User
from backend.errors import NotAllowed


class Entrance:
    """Checks what somebody who wants to come in shows."""

    def __init__(
        self,
        rooms: RoomRepository,
        passwords: RoomPasswords,
        invitations: InvitationRepository,
        admissions: Admissions,
        clock: Clock,
    ) -> None:
        self.admissions = admissions
        self._rooms = rooms
        self._passwords = passwords
        self._invitations = invitations
        self._clock = clock

    async def check(self, user: User, room: RoomRecord, password: str | None, invitation: str | None) -> None:
        """Let pass who may come in by the room's lasting rules. A valid invitation stands in for the password.

        Raises:
            NotAllowed: `ROOM_LOCKED`, `INVITATION_REQUIRED`, `INVALID_INVITATION` (also one that is over, replaced
                or revoked), `ROOM_PASSWORD_REQUIRED` or `WRONG_ROOM_PASSWORD`.
            TooManyAttempts: too many wrong passwords.
            NotAvailable: the database is away, or too many passwords wait already.
        """
        if passes_freely(user, room):
            return
        require_unlocked(user, room)
        if not (room.invitation_required or room.has_password):
            return
        if invitation is not None:
            if await self._is_invited(room, invitation):
                return
            if room.invitation_required or password is None:
                raise NotAllowed("The invitation is not valid (any more).", "INVALID_INVITATION")
        if room.invitation_required:
            raise NotAllowed("The room opens only with an invitation.", "INVITATION_REQUIRED")
        await self._require_password(user, room, password)

    async def step_in(self, room: Classroom, user: User, outbox: Outbox) -> None:
        """Let pass who need not wait before the live room, after `check`; nothing is awaited once that is known.

        Raises:
            NotFound: `ROOM_NOT_FOUND`, it was closed meanwhile.
            NotAllowed: `ROOM_LOCKED`, or `WAITING_FOR_ADMISSION`, and `outbox` is told how it ends.
            Conflict: `WAITING_ROOM_FULL`, or `LIMIT_REACHED`.
            NotAvailable: the database is away.
        """
        if passes_freely(user, room.record) or not room.record.waiting_room:
            return
        admitted = await self.admissions.is_admitted(user, room.record)
        room.require_open()
        require_unlocked(user, room.record)
        if room.record.waiting_room and not admitted:
            raise self.admissions.knock(room, user, outbox)

    async def _is_invited(self, room: RoomRecord, invitation: str) -> bool:
        return await self._invitations.fits(room.id, hash_secret(invitation), self._clock())

    async def _require_password(self, user: User, room: RoomRecord, password: str | None) -> None:
        if password is None:
            raise NotAllowed("The room has a password.", "ROOM_PASSWORD_REQUIRED")
        password_hash = await self._rooms.password_hash(room.id)
        if password_hash is not None:  # else it was removed since the room was read
            await self._passwords.require(password, password_hash, room.id, user.id)
