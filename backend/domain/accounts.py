"""Accounts: signing up, profiles, and what an admin does with other people's."""

import asyncio

from backend.domain.auth_ports import Clock, PasswordHasher, SessionRepository
from backend.domain.pages import Page, PageRequest
from backend.domain.passwords import require_strong
from backend.domain.permissions import Action, allows, require
from backend.domain.ports import Presence, UserRepository
from backend.domain.users import NewUser, ProfileChange, Role, User, UserFilter, normalized_email
from backend.errors import InvalidInput, NotAllowed, NotFound

FIRST_ADMIN_NAME = "Administrator"
USER_NOT_FOUND = "USER_NOT_FOUND"
ACCOUNT_CLOSED = "account-closed"
"""Why somebody left a class whose account was deleted or made inactive."""


class Accounts:
    """The accounts and who may do what with them. Without `presence`, nobody is in any class."""

    def __init__(
        self,
        users: UserRepository,
        sessions: SessionRepository,
        hasher: PasswordHasher,
        clock: Clock,
        presence: Presence | None = None,
    ) -> None:
        self._users = users
        self._sessions = sessions
        self._hasher = hasher
        self._clock = clock
        self._presence = presence
        self._changing = asyncio.Lock()

    async def register(self, by: User | None, wanted: NewUser, password: str) -> User:
        """Make an account; `by` is who asks, None for somebody who is not signed in.

        Raises:
            NotAllowed: only an admin makes teachers and admins.
            InvalidInput: the email has no such form, or `WEAK_PASSWORD`.
            Conflict: `EMAIL_EXISTS`.
        """
        if wanted.role is not Role.STUDENT and (by is None or not allows(by.role, Action.CREATE_STAFF)):
            raise NotAllowed("Only an admin may create teachers and admins.")
        return await self._users.add(await self._with_hash(wanted, password))

    async def ensure_first_admin(self, email: str, password: str) -> bool:
        """Make an admin unless there is an active one; tell whether one was made.

        Raises:
            InvalidInput: the email has no such form, or `WEAK_PASSWORD`.
        """
        if await self.has_admin():
            return False
        wanted = NewUser(email, FIRST_ADMIN_NAME, None, Role.ADMIN, "")
        return await self._users.add_first_admin(await self._with_hash(wanted, password)) is not None

    async def has_admin(self) -> bool:
        """Tell whether there is an active admin."""
        found = await self._users.list(UserFilter(role=Role.ADMIN, active=True), PageRequest(per_page=1))
        return found.total > 0

    async def make_admin(self, email: str, password: str) -> bool:
        """Make an admin's account, or give the existing account of that email the role and the password.

        The operator's way back in: all sessions of an existing account end. Returns whether the account is new.

        Raises:
            InvalidInput: the email has no such form, or `WEAK_PASSWORD`.
        """
        wanted = await self._with_hash(NewUser(email, FIRST_ADMIN_NAME, None, Role.ADMIN, ""), password)
        found = await self._users.credentials_by_email(wanted.email)
        if found is None:
            await self._users.add(wanted)
            return True
        await self._users.update(found.user.id, ProfileChange(role=Role.ADMIN, active=True))
        await self._users.set_password_hash(found.user.id, wanted.password_hash)
        await self._sessions.end_all(found.user.id, self._clock())
        return False

    async def change_profile(self, user: User, change: ProfileChange) -> User:
        """Change one's own name or phone."""
        own = ProfileChange(full_name=change.full_name, phone=change.phone)
        return await self._changed(user.id, own)

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
        user = await self._changed(user_id, change)
        if not user.active:
            await self._sessions.end_all(user.id, self._clock())
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
        if not await self._users.delete(user_id):
            raise _user_not_found()
        await self._leave_classes(user_id)

    async def _changed(self, user_id: str, change: ProfileChange) -> User:
        async with self._changing:  # the classes learn of two changes in the order in which they were made
            user = _found(await self._users.update(user_id, change))
            if self._presence is not None:
                await self._presence.user_changed(user)
        return user

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


def _found(user: User | None) -> User:
    if user is None:
        raise _user_not_found()
    return user


def _user_not_found() -> NotFound:
    return NotFound("There is no such user.", USER_NOT_FOUND)
