"""What who runs a room may do to it and to others: mute, send out, lock, close."""

from backend.domain.admissions import Admissions
from backend.domain.audit import AuditAction, LiveAudit, Target, TargetType
from backend.domain.live_classes import LiveClasses
from backend.domain.media import MediaControl
from backend.domain.notices import Kicked, Muted
from backend.domain.participants import Participant
from backend.domain.ports import RoomRepository
from backend.domain.rooms import RoomChange, require_may_manage, room_not_found

KICKED = "kicked"


class Moderation:
    """The powers of a room's owner and of admins. Every method raises `NotAllowed` for anybody else."""

    def __init__(
        self,
        classes: LiveClasses,
        media: MediaControl,
        rooms: RoomRepository,
        admissions: Admissions,
        audit: LiveAudit,
    ) -> None:
        self._classes = classes
        self._media = media
        self._rooms = rooms
        self._admissions = admissions
        self._audit = audit

    async def mute(self, me: Participant, participant_id: str, kind: str | None = None) -> None:
        """Pause what somebody sends, all of it or one kind, and tell everybody.

        Raises:
            NotFound: `PARTICIPANT_NOT_FOUND`.
            SfuUnavailable: only the SFU knows by now what they send.
        """
        require_may_manage(me.user, me.room.record)
        target = me.room.participant(participant_id)
        target.require_known_media()
        muted = 0
        for producer in list(target.producers.values()):
            if kind in {None, producer.kind} and await self._media.mute(target, producer):
                target.tell(Muted(producer.id, by=me.id))
                muted += 1
        if muted:
            self._note(AuditAction.PARTICIPANT_MUTED, me, target)

    def kick(self, me: Participant, participant_id: str) -> None:
        """Send somebody out for good; who was let in from the waiting room has to knock again.

        Raises:
            NotFound: `PARTICIPANT_NOT_FOUND`.
        """
        require_may_manage(me.user, me.room.record)
        target = me.room.participant(participant_id)
        self._admissions.revoke(me.room.id, target.user.id)
        target.tell(Kicked(by=me.id))
        self._classes.send_out(target, KICKED)
        self._note(AuditAction.PARTICIPANT_KICKED, me, target)

    async def lock(self, me: Participant, *, locked: bool) -> None:
        """Lock the room for students who are not in it yet, or open it again, and tell everybody."""
        require_may_manage(me.user, me.room.record)
        was_locked = me.room.record.is_locked
        record = await self._rooms.update(me.room.id, RoomChange(is_locked=locked))
        if record is None:
            raise room_not_found()
        if was_locked != locked:
            action = AuditAction.ROOM_LOCKED if locked else AuditAction.ROOM_UNLOCKED
            self._note(action, me)
        await self._classes.room_changed(record)

    async def close(self, me: Participant) -> None:
        """End the class for everybody, oneself too. The room itself stays and can be joined again."""
        require_may_manage(me.user, me.room.record)
        self._note(AuditAction.ROOM_CLOSED, me)
        await self._classes.close_room(me.room.id, f"closed by {me.user.full_name}")

    def _note(self, action: AuditAction, me: Participant, whom: Participant | None = None) -> None:
        room_id = me.room.id
        if whom is None:
            self._audit.note(action, me.user, Target(TargetType.ROOM, room_id), room_id=room_id)
            return
        details = {"user_id": whom.user.id, "full_name": whom.user.full_name}
        target = Target(TargetType.PARTICIPANT, whom.id)
        self._audit.note(action, me.user, target, room_id=room_id, details=details)
