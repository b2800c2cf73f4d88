"""Query and answer of the audit log."""

from datetime import UTC, datetime
from typing import Any

from marshmallow import fields, validate

from backend.domain.audit import AuditAction, AuditEntry, TargetType
from backend.http.schemas.base import AnswerSchema, PageQuery, Text
from backend.http.schemas.rooms import render_time

_MAX_ID_LENGTH = 128
_MOMENT = validate.Range(min=datetime(1970, 1, 1, tzinfo=UTC), max=datetime(9000, 1, 1, tzinfo=UTC))
"""Moments that exist in every time zone and in the database."""


class AuditQuery(PageQuery):
    """`GET /audit`. Times without a zone are in UTC; `since` counts in, `until` does not."""

    action = fields.Enum(AuditAction, by_value=True, load_default=None)
    actor_id = Text(load_default=None, validate=validate.Length(max=_MAX_ID_LENGTH))
    room_id = Text(load_default=None, validate=validate.Length(max=_MAX_ID_LENGTH))
    since = fields.AwareDateTime(format="iso", default_timezone=UTC, load_default=None, validate=_MOMENT)
    until = fields.AwareDateTime(format="iso", default_timezone=UTC, load_default=None, validate=_MOMENT)


class AuditEntryAnswer(AnswerSchema):
    """Something that was done."""

    id = fields.UUID()
    at = fields.DateTime()
    action = fields.Enum(AuditAction, by_value=True)
    actor_id = fields.UUID(allow_none=True, metadata={"description": "null: somebody who was not signed in."})
    actor_email = fields.String(allow_none=True, metadata={"description": "Of the time; or the one claimed."})
    target_id = fields.String(allow_none=True)
    target_type = fields.String(allow_none=True, metadata={"description": ", ".join(TargetType)})
    room_id = fields.String(allow_none=True)
    address = fields.String(allow_none=True, metadata={"description": "The client's network address."})
    details = fields.Dict(keys=fields.String())


def render_entry(entry: AuditEntry) -> dict[str, Any]:
    """Render an entry."""
    return {
        "id": entry.id,
        "at": render_time(entry.at),
        "action": entry.action.value,
        "actor_id": entry.actor_id,
        "actor_email": entry.actor_email,
        "target_id": entry.target.id if entry.target else None,
        "target_type": entry.target.type.value if entry.target else None,
        "room_id": entry.room_id,
        "address": entry.address,
        "details": dict(entry.details),
    }
