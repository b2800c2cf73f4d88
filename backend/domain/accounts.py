"""Accounts: signing up, profiles, and what an admin does with other people's."""

import asyncio

from backend.domain.audit import AuditAction, AuditLog, Target, TargetType
from backend.domain.auth_ports import Clock, PasswordHasher, SessionRepository
from backend.domain.login_attempts import LoginAttempts
from backend.domain.origin import UNKNOWN_ADDRESS, current_origin
from backend.domain.pages import Page, PageRequest
from backend.domain.passwords import require_strong
from backend.domain.permissions import Action, allows, require
from backend.domain.ports import Presence, Transactions, UserRepository
from backend.domain.second_factor_ports import SecondFactorRepository
from backend.domain.users import NewUser, ProfileChange, Role, User, UserFilter, normalized_email
from backend.errors import InvalidInput, NotAllowed, NotFound

FIRST_ADMIN_NAME = "Administrator"
USER_NOT_FOUND = "USER_NOT_FOUND"
ACCOUNT_CLOSED = "account-closed"
"""Why somebody left a class whose account was deleted or made inactive."""


class Accounts:
    """The accounts and who may do what with them.

    Without `presence`, nobody is in any class; without `attempts`, nobody signs up from outside.
    """

    def __init__(
        self,
        users: UserRepository,
        sessions: SessionRepository,
        hasher: PasswordHasher,
        factors: SecondFactorRepository,
        audit: AuditLog,
        transactions: Transactions,
        clock: Clock,
        presence: Presence | None = None,
        attempts: LoginAttempts | None = None,
    ) -> None:
        self._users = users
        self._sessions = sessions
        self._hasher = hasher
        self._factors = factors
        self._audit = audit
        self._transactions = transactions
        self._clock = clock
        self._presence = presence
        self._attempts = attempts
        self._changing = asyncio.Lock()

    async def register(self, by: User | None, wanted: NewUser, password: str) -> User:
        """Make an account; `by` is who asks, None for somebody who is not signed in.

        Raises:
            NotAllowed: only an admin makes teachers and admins.
            InvalidInput: the email has no such form, or `WEAK_PASSWORD`.
            Conflict: `EMAIL_EXISTS`.
            TooManyAttempts: somebody who is not signed in, and too many from this address.
        """
        if by is None and self._attempts is not None:
            self._attempts.count_sign_up(current_origin().address or UNKNOWN_ADDRESS)
        if wanted.role is not Role.STUDENT and (by is None or not allows(by.role, Action.CREATE_STAFF)):
            raise NotAllowed("Only an admin may create teachers and admins.")
        return await self._add(await self._with_hash(wanted, password), by)

    async def ensure_first_admin(self, email: str, password: str) -> bool:
        """Make an admin unless there is an active one; tell whether one was made.

        Raises:
            InvalidInput: the email has no such form, or `WEAK_PASSWORD`.
        """
        if await self.has_admin():
            return False
        wanted = NewUser(email, FIRST_ADMIN_NAME, None, Role.ADMIN, "")
        hashed = await self._with_hash(wanted, password)
        async with self._transactions.transaction():
            made = await self._users.add_first_admin(hashed)
            if made is not None:
                await self._note_new(None, made)
        return made is not None

    async def has_admin(self) -> bool:
        """Tell whether there is an active admin."""
        found = await self._users.list(UserFilter(role=Role.ADMIN, active=True), PageRequest(per_page=1))
        return found.total > 0

    async def make_admin(self, email: str, password: str) -> bool:
        """Make an admin's account, or give the existing account of that email the role and the password.

        The operator's way back in: all sessions of an existing account end, and its second factor is off. Returns
        whether the account is new.

        Raises:
            InvalidInput: the email has no such form, or `WEAK_PASSWORD`.
        """
        wanted = await self._with_hash(NewUser(email, FIRST_ADMIN_NAME, None, Role.ADMIN, ""), password)
        found = await self._users.credentials_by_email(wanted.email)
        if found is None:
            await self._add(wanted, None)
            return True
        async with self._transactions.transaction():
            user = _found(await self._users.update(found.user.id, ProfileChange(role=Role.ADMIN, active=True)))
            await self._users.set_password_hash(user.id, wanted.password_hash)
            await self._sessions.end_all(user.id, self._clock())
            await self._note_change(None, found.user, user)
            await self._audit.record(AuditAction.PASSWORD_CHANGED, None, _target(user.id))
            if await self._factors.remove(user.id):
                await self._audit.record(AuditAction.TOTP_DISABLED, None, _target(user.id))
        return False

    async def change_profile(self, user: User, change: ProfileChange) -> User:
        """Change one's own name or phone."""
        own = ProfileChange(full_name=change.full_name, phone=change.phone)
        return await self._changed(user, user.id, own)

    async def list(self, by: User, wanted: UserFilter, page: PageRequest) -> Page[User]:
        """Return one page of the users.

        Raises:
            NotAllowed: only admins see them.
        """
        require(by, Action.MANAGE_USERS)
        return await self._users.list(wanted, page)

    async def get(self, by: User, user_id: str) -> User:
        """Return a user.

        Raises:
            NotAllowed: only admins see them.
            NotFound: `USER_NOT_FOUND`.
        """
        require(by, Action.MANAGE_USERS)
        return _found(await self._users.get(user_id))

    async def change(self, by: User, user_id: str, change: ProfileChange) -> User:
        """Change somebody's name, phone, role or whether the account is active; an inactive one is signed out.

        A class that the user sits in follows at once, with what the new role allows there.

        Raises:
            NotAllowed: only admins may.
            NotFound: `USER_NOT_FOUND`.
            Conflict: `LAST_ADMIN`.
        """
        require(by, Action.MANAGE_USERS)
        user = await self._changed(by, user_id, change)
        if not user.active:
            await self._leave_classes(user.id)
        return user

    async def delete(self, by: User, user_id: str) -> None:
        """Delete somebody's account.

        Raises:
            NotAllowed: only admins may.
            NotFound: `USER_NOT_FOUND`.
            Conflict: `LAST_ADMIN`.
        """
        require(by, Action.MANAGE_USERS)
        async with self._transactions.transaction():
            user = _found(await self._users.get(user_id))
            if not await self._users.delete(user_id):
                raise _user_not_found()
            details = {"email": user.email, "role": user.role.value}
            await self._audit.record(AuditAction.USER_DELETED, by, _target(user.id), details=details)
        await self._leave_classes(user.id)

    async def _add(self, wanted: NewUser, by: User | None) -> User:
        async with self._transactions.transaction():
            user = await self._users.add(wanted)
            await self._note_new(by, user)
        return user

    async def _changed(self, by: User, user_id: str, change: ProfileChange) -> User:
        async with self._changing:  # the classes learn of two changes in the order in which they were made
            async with self._transactions.transaction():
                before = _found(await self._users.get(user_id))
                user = _found(await self._users.update(user_id, change))
                if not user.active:
                    await self._sessions.end_all(user.id, self._clock())
                await self._note_change(by, before, user)
            if self._presence is not None:
                await self._presence.user_changed(user)
        return user

    async def _note_new(self, by: User | None, user: User) -> None:
        details = {"email": user.email, "role": user.role.value}
        await self._audit.record(AuditAction.USER_CREATED, by, _target(user.id), details=details)

    async def _note_change(self, by: User | None, before: User, after: User) -> None:
        target = _target(after.id)
        if before.role is not after.role:
            roles = {"old_role": before.role.value, "new_role": after.role.value}
            await self._audit.record(AuditAction.ROLE_CHANGED, by, target, details=roles)
        if before.active != after.active:
            action = AuditAction.USER_ACTIVATED if after.active else AuditAction.USER_DEACTIVATED
            await self._audit.record(action, by, target)

    async def _leave_classes(self, user_id: str) -> None:
        if self._presence is not None:
            await self._presence.end_user(user_id, ACCOUNT_CLOSED)

    async def _with_hash(self, wanted: NewUser, password: str) -> NewUser:
        email = normalized_email(wanted.email)
        name = wanted.full_name.strip()
        if not name:
            raise InvalidInput("A name is needed.", details={"full_name": ["A name is needed."]})
        require_strong(password)
        return NewUser(email, name, wanted.phone or None, wanted.role, await self._hasher.hash(password))


def _target(user_id: str) -> Target:
    return Target(TargetType.USER, user_id)


def _found(user: User | None) -> User:
    if user is None:
        raise _user_not_found()
    return user


def _user_not_found() -> NotFound:
    return NotFound("There is no such user.", USER_NOT_FOUND)
