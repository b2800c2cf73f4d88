"""The answer about one's sign-ins."""

from typing import Any

from marshmallow import fields

from backend.domain.auth_ports import SessionRecord
from backend.http.schemas.base import AnswerSchema
from backend.http.schemas.rooms import render_time


class SessionAnswer(AnswerSchema):
    """A sign-in."""

    session_id = fields.UUID()
    started_at = fields.DateTime()
    last_used_at = fields.DateTime(metadata={"description": "When its tokens were made or refreshed last."})
    expires_at = fields.DateTime()
    current = fields.Boolean(metadata={"description": "It is the one that asks."})
    address = fields.String(allow_none=True, metadata={"description": "The network address it was made from."})
    user_agent = fields.String(allow_none=True, metadata={"description": "What the client called itself then."})


def render_session(current_id: str, session: SessionRecord) -> dict[str, Any]:
    """Render a sign-in; `current_id` is the one that asks."""
    return {
        "session_id": session.id,
        "started_at": render_time(session.started_at),
        "last_used_at": render_time(session.last_used_at),
        "expires_at": render_time(session.expires_at),
        "current": session.id == current_id,
        "address": session.origin.address,
        "user_agent": session.origin.user_agent,
    }
