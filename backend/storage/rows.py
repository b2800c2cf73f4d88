"""From rows to the domain's objects, and ids into what the columns take."""

import uuid
from typing import Any

from backend.domain.ports import AttendanceRow
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


def attendance_from(row: dict[str, Any]) -> AttendanceRow:
    """Build a seat from a row of the attendance table."""
    return AttendanceRow(
        participant_id=row["participant_id"],
        room_id=row["room_id"],
        user_id=str(row["user_id"]) if row["user_id"] else None,
        full_name=row["full_name"],
        role=Role(row["role"]),
        joined_at=row["joined_at"],
        left_at=row["left_at"],
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
