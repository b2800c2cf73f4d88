"""Who uses the platform: a user, the three roles, and the form of an email address and a name."""

import enum
import re
from dataclasses import dataclass

from backend.errors import InvalidInput

MAX_EMAIL_LENGTH = 254
"""RFC 5321 section 4.5.3.1.3: a path is at most 256 octets, two of them angle brackets."""

MAX_NAME_LENGTH = 200
"""Longest full name; the longest real ones fit, a page of text does not."""

MAX_PHONE_LENGTH = 32
"""E.164 has 15 digits; the rest is for spaces, dashes and an extension."""

_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f.]+(\.[^@\s\x00-\x1f.]+)*")


class Role(enum.StrEnum):
    """What somebody is on the platform; what each may do stands in `permissions`."""

    STUDENT = "student"
    TEACHER = "teacher"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class User:
    """Somebody with an account. `id` is a UUID, `email` is kept as it was written and compares without case."""

    id: str
    email: str
    full_name: str
    phone: str | None
    role: Role
    active: bool


@dataclass(frozen=True, slots=True)
class NewUser:
    """An account to make; the password is already a hash."""

    email: str
    full_name: str
    phone: str | None
    role: Role
    password_hash: str


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """What to change of a user; None leaves a field as it is, an empty phone removes it."""

    full_name: str | None = None
    phone: str | None = None
    role: Role | None = None
    active: bool | None = None


@dataclass(frozen=True, slots=True)
class UserFilter:
    """Which users to list; None does not filter. `search` is a part of the email or name, without case."""

    role: Role | None = None
    active: bool | None = None
    search: str | None = None


def normalized_email(email: str) -> str:
    """Return the address without surrounding space.

    Raises:
        InvalidInput: it has not the form of an address (one `@`, RFC 5321 lengths, no space).
    """
    if not is_email(email):
        raise InvalidInput("This is not an email address.", details={"email": ["Not a valid email address."]})
    return email.strip()


def is_email(email: str) -> bool:
    """Tell whether a text, without surrounding space, has the form of an address."""
    value = email.strip()
    return len(value) <= MAX_EMAIL_LENGTH and _EMAIL.fullmatch(value) is not None
