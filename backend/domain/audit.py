"""The audit log: who signed in, who changed accounts and roles, who sent whom out of which room."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from backend.domain.auth_ports import Clock
from backend.domain.chores import Chores
from backend.domain.origin import current_origin
from backend.domain.pages import Page, PageRequest
from backend.domain.permissions import Action, require
from backend.domain.users import User
from shared.ids import new_id

Detail = str | int | bool | None


class AuditAction(enum.StrEnum):
    """What is noted."""

    SIGN_IN = "sign-in"
    SIGN_IN_FAILED = "sign-in-failed"
    SIGN_OUT = "sign-out"
    REFRESH_REUSE = "refresh-reuse"
    PASSWORD_CHANGED = "password-changed"  # noqa: S105 -- the name of an action
    TOTP_ENABLED = "totp-enabled"
    TOTP_DISABLED = "totp-disabled"
    USER_CREATED = "user-created"
    ROLE_CHANGED = "role-changed"
    USER_DEACTIVATED = "user-deactivated"
    USER_ACTIVATED = "user-activated"
    USER_DELETED = "user-deleted"
    ROOM_CREATED = "room-created"
    ROOM_DELETED = "room-deleted"
    ROOM_CLOSED = "room-closed"
    ROOM_LOCKED = "room-locked"
    ROOM_UNLOCKED = "room-unlocked"
    PARTICIPANT_KICKED = "participant-kicked"
    PARTICIPANT_MUTED = "participant-muted"


class TargetType(enum.StrEnum):
    """What something was done to."""

    USER = "user"
    SESSION = "session"
    ROOM = "room"
    PARTICIPANT = "participant"


@dataclass(frozen=True, slots=True)
class Target:
    """Whom or what it was done to."""

    type: TargetType
    id: str


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry. `at` is in UTC. It outlives the account: `actor_email` is the address of the time."""

    id: str
    at: datetime
    action: AuditAction
    actor_id: str | None = None
    actor_email: str | None = None
    target: Target | None = None
    room_id: str | None = None
    address: str | None = None
    details: Mapping[str, Detail] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries to list; None does not filter. `since` counts in, `until` does not."""

    action: AuditAction | None = None
    actor_id: str | None = None
    room_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class AuditRepository(Protocol):
    """The entries as they are kept."""

    async def add(self, entry: AuditEntry) -> None:
        """Keep an entry; one that is kept already stays as it is."""

    async def list(self, wanted: AuditFilter, page: PageRequest) -> Page[AuditEntry]:
        """Return one page of the entries, newest first."""


class AuditLog:
    """Notes what happened, and shows it to admins. Where a request comes from is noted with it."""

    def __init__(self, entries: AuditRepository, clock: Clock) -> None:
        self._entries = entries
        self._clock = clock

    def entry(
        self,
        action: AuditAction,
        by: User | None,
        target: Target | None = None,
        *,
        room_id: str | None = None,
        email: str | None = None,
        details: Mapping[str, Detail] | None = None,
    ) -> AuditEntry:
        """Make the entry of something that happens now; `by` is None for somebody who is not signed in.

        `email` is the address that such a one claimed. No detail may be a secret.
        """
        return AuditEntry(
            id=new_id(),
            at=self._clock(),
            action=action,
            actor_id=by.id if by is not None else None,
            actor_email=by.email if by is not None else email,
            target=target,
            room_id=room_id,
            address=current_origin().address,
            details=details or {},
        )

    async def record(
        self,
        action: AuditAction,
        by: User | None,
        target: Target | None = None,
        *,
        room_id: str | None = None,
        email: str | None = None,
        details: Mapping[str, Detail] | None = None,
    ) -> None:
        """Note something, in the transaction that runs if there is one (`backend.domain.ports.Transactions`).

        Raises:
            NotAvailable: the database is away.
        """
        await self.keep(self.entry(action, by, target, room_id=room_id, email=email, details=details))

    async def keep(self, entry: AuditEntry) -> None:
        """Keep an entry made by `entry`; again it does nothing."""
        await self._entries.add(entry)

    async def list(self, by: User, wanted: AuditFilter, page: PageRequest) -> Page[AuditEntry]:
        """Return one page of the entries, newest first.

        Raises:
            NotAllowed: only admins see them.
        """
        require(by, Action.READ_AUDIT_LOG)
        return await self._entries.list(wanted, page)


class LiveAudit:
    """Notes what happens in live classes in the background: nothing there waits for the log or fails with it."""

    def __init__(self, log: AuditLog, chores: Chores) -> None:
        self._log = log
        self._chores = chores

    def note(
        self,
        action: AuditAction,
        by: User,
        target: Target | None = None,
        *,
        room_id: str,
        details: Mapping[str, Detail] | None = None,
    ) -> None:
        """Note something; while the database is away the entry is kept for later."""
        entry = self._log.entry(action, by, target, room_id=room_id, details=details)
        self._chores.spawn(self._chores.do(lambda: self._log.keep(entry)))
