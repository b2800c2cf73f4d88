"""Bodies and answers of the rooms' invitations."""

from typing import Any

from marshmallow import fields

from backend.domain.entrance_ports import Invitation
from backend.domain.invitations import DEFAULT_INVITATION_S, LONGEST_INVITATION_S, SHORTEST_INVITATION_S
from backend.http.schemas.base import AnswerSchema, RequestSchema
from backend.http.schemas.rooms import render_time
from shared.wire_schema import WholeNumber


class InvitationBody(RequestSchema):
    """`POST /rooms/{id}/invitation`; without a body too."""

    valid_for_s = WholeNumber(SHORTEST_INVITATION_S, LONGEST_INVITATION_S, load_default=DEFAULT_INVITATION_S)


class InvitationAnswer(AnswerSchema):
    """Since when and until when an invitation opens its room."""

    created_at = fields.DateTime()
    expires_at = fields.DateTime()


class NewInvitationAnswer(InvitationAnswer):
    """An invitation and its token, which is shown only once."""

    token = fields.String()


def render_invitation(invitation: Invitation) -> dict[str, Any]:
    """Render an invitation without its token, which is shown once, when it is made."""
    return {
        "created_at": render_time(invitation.created_at),
        "expires_at": render_time(invitation.expires_at),
    }
