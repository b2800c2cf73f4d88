"""The invitations of rooms: `/api/v1/rooms/{id}/invitation`."""

from aiohttp import web

from backend import keys
from backend.domain.ports import Identity
from backend.http.parsing import path_room_id, read_body
from backend.http.responses import json_response, no_content
from backend.http.schemas.invitations import (
    InvitationAnswer,
    InvitationBody,
    NewInvitationAnswer,
    render_invitation,
)
from shared.operations import operation

_CREATE = InvitationBody()
_REFUSALS = ("INSUFFICIENT_PERMISSIONS", "ROOM_NOT_FOUND")


@operation({201: NewInvitationAnswer}, body=_CREATE, errors=_REFUSALS, body_is_optional=True)
async def create_invitation(request: web.Request, identity: Identity) -> web.Response:
    """`POST /rooms/{id}/invitation`: make one in place of the former one; only this answer shows its token."""
    body = await read_body(request, _CREATE) if request.can_read_body else _CREATE.load({})
    token, invitation = await request.app[keys.ROOM_INVITATIONS].create(
        identity.user, path_room_id(request), body["valid_for_s"]
    )
    return json_response({"token": token, **render_invitation(invitation)}, 201)


@operation({200: InvitationAnswer}, errors=(*_REFUSALS, "INVITATION_NOT_FOUND"))
async def get_invitation(request: web.Request, identity: Identity) -> web.Response:
    """`GET /rooms/{id}/invitation`: until when it opens the room."""
    invitation = await request.app[keys.ROOM_INVITATIONS].get(identity.user, path_room_id(request))
    return json_response(render_invitation(invitation))


@operation({204: None}, errors=_REFUSALS)
async def revoke_invitation(request: web.Request, identity: Identity) -> web.Response:
    """`DELETE /rooms/{id}/invitation`: it opens nothing any more."""
    await request.app[keys.ROOM_INVITATIONS].revoke(identity.user, path_room_id(request))
    return no_content()
