"""From rows to the domain's objects, and ids into what the columns take."""

import uuid
from typing import Any

from backend.domain.users import Role, User


def user_from(row: dict[str, Any]) -> User:
    """Build a user from a row of the users table."""
    return User(
        id=str(row["id"]),
        email=row["email"],
        full_name=row["full_name"],
        phone=row["phone"],
        role=Role(row["role"]),
        active=row["active"],
    )


def as_uuid(value: str) -> uuid.UUID | None:
    """Return the UUID that the text is; None for any other text, which then names nothing."""
    try:
        return uuid.UUID(value)
    except ValueError:
        return None


def like_pattern(part: str) -> str:
    """Return the LIKE pattern for text that contains `part`, whatever characters that has."""
    escaped = part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
