"""What is kept of a room, as JSON and as CSV."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from marshmallow import fields, validate

from backend.domain.history_ports import ChatMessage
from backend.domain.room_history import Attended
from backend.domain.users import Role
from backend.http.schemas.base import AnswerSchema, PageQuery
from backend.http.schemas.rooms import render_time

ATTENDANCE_COLUMNS = ("participant_id", "user_id", "full_name", "role", "joined_at", "left_at", "duration_s")

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What makes a spreadsheet take a cell for a formula (OWASP, CSV injection), its full-width forms too."""


class MessagesQuery(PageQuery):
    """`?order=oldest|newest`."""

    order = fields.String(load_default="oldest", validate=validate.OneOf(("oldest", "newest")))


class AttendanceQuery(PageQuery):
    """`?format=json|csv`."""

    format = fields.String(load_default="json", validate=validate.OneOf(("json", "csv")))


class MessageAnswer(AnswerSchema):
    """Something said in a room."""

    id = fields.UUID()
    participant_id = fields.String()
    user_id = fields.UUID(allow_none=True)
    full_name = fields.String()
    text = fields.String()
    sent_at = fields.DateTime()


class AttendedAnswer(AnswerSchema):
    """A seat that somebody has, or had."""

    participant_id = fields.String()
    user_id = fields.UUID(allow_none=True)
    full_name = fields.String()
    role = fields.Enum(Role, by_value=True)
    joined_at = fields.DateTime()
    left_at = fields.DateTime(allow_none=True, metadata={"description": "null: still there."})
    duration_s = fields.Integer(validate=validate.Range(min=0))


def render_message(message: ChatMessage) -> dict[str, Any]:
    """Render something said."""
    return {
        "id": message.id,
        "participant_id": message.participant_id,
        "user_id": message.user_id,
        "full_name": message.full_name,
        "text": message.text,
        "sent_at": render_time(message.sent_at),
    }


def render_attended(attended: Attended) -> dict[str, Any]:
    """Render a seat."""
    seat = attended.seat
    return {
        "participant_id": seat.participant_id,
        "user_id": seat.user_id,
        "full_name": seat.full_name,
        "role": seat.role.value,
        "joined_at": render_time(seat.joined_at),
        "left_at": render_time(seat.left_at) if seat.left_at else None,
        "duration_s": attended.duration_s,
    }


def csv_header() -> str:
    """Return the first line of the report."""
    return _lines([ATTENDANCE_COLUMNS])


def csv_lines(batch: Sequence[Attended]) -> str:
    """Render seats as lines of CSV (RFC 4180), in which no name can act as a formula."""
    rendered = [render_attended(attended) for attended in batch]
    return _lines([[_harmless(row[name]) for name in ATTENDANCE_COLUMNS] for row in rendered])


def _lines(rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value
