"""Bodies and answers of the rooms and of what signalling needs over REST."""

from datetime import UTC, datetime
from typing import Any

from marshmallow import ValidationError, fields, validate

from backend.domain.ice_servers import IceServer
from backend.domain.ports import RoomStats
from backend.domain.rooms import (
    DEFAULT_MAX_PARTICIPANTS,
    LARGEST_MAX_PARTICIPANTS,
    MAX_ROOM_NAME_LENGTH,
    RoomRecord,
)
from backend.domain.users import Role
from backend.http.schemas.base import AnswerSchema, PageQuery, RequestSchema, StrictBool, Text
from shared.ids import CLIENT_ID_PATTERN, is_client_id
from shared.wire_schema import WholeNumber

_NAME = validate.Length(min=1, max=MAX_ROOM_NAME_LENGTH)
_COUNT = validate.Range(min=0)


def _check_id(value: str) -> None:
    if not is_client_id(value):
        raise ValidationError("Has 1 to 128 characters out of letters, digits and ._~-")


class RoomBody(RequestSchema):
    """`POST /rooms`."""

    id = fields.String(load_default=None, validate=_check_id, metadata={"pattern": CLIENT_ID_PATTERN})
    name = Text(required=True, validate=_NAME)
    max_participants = WholeNumber(1, LARGEST_MAX_PARTICIPANTS, load_default=DEFAULT_MAX_PARTICIPANTS)
    is_locked = StrictBool(load_default=False)
    students_may_publish = StrictBool(load_default=True)
    waiting_room = StrictBool(load_default=False)
    invitation_required = StrictBool(load_default=False)
    one_seat_per_user = StrictBool(load_default=False)
    password = fields.String(load_default=None, metadata={"description": "4 to 72 bytes; empty for none."})


class RoomChangeBody(RequestSchema):
    """`PATCH /rooms/{id}`."""

    name = Text(load_default=None, validate=_NAME)
    max_participants = WholeNumber(1, LARGEST_MAX_PARTICIPANTS, load_default=None)
    is_locked = StrictBool(load_default=None)
    students_may_publish = StrictBool(load_default=None)
    waiting_room = StrictBool(load_default=None)
    invitation_required = StrictBool(load_default=None)
    one_seat_per_user = StrictBool(load_default=None)
    password = fields.String(load_default=None, metadata={"description": "4 to 72 bytes; empty removes it."})


class RoomQuery(PageQuery):
    """`GET /rooms`."""

    search = Text(load_default=None, validate=validate.Length(max=MAX_ROOM_NAME_LENGTH))


class RoomAnswer(AnswerSchema):
    """A room, with the number of people in it now."""

    id = fields.String()
    name = fields.String()
    created_by = fields.UUID(allow_none=True, metadata={"description": "Its owner; null: that account is gone."})
    max_participants = fields.Integer(validate=validate.Range(min=1, max=LARGEST_MAX_PARTICIPANTS))
    is_locked = fields.Boolean()
    students_may_publish = fields.Boolean()
    waiting_room = fields.Boolean()
    has_password = fields.Boolean()
    invitation_required = fields.Boolean()
    one_seat_per_user = fields.Boolean()
    participant_count = fields.Integer(validate=_COUNT)
    created_at = fields.DateTime()


class PresentAnswer(AnswerSchema):
    """Somebody who is in a room now."""

    participant_id = fields.UUID()
    user_id = fields.UUID()
    full_name = fields.String()
    role = fields.Enum(Role, by_value=True)
    joined_at = fields.DateTime()


class RoomStatsAnswer(AnswerSchema):
    """A room's live figures."""

    room_id = fields.String()
    participant_count = fields.Integer(validate=_COUNT)
    producer_count = fields.Integer(validate=_COUNT)
    participants = fields.List(fields.Nested(PresentAnswer))


class AllRoomStatsAnswer(AnswerSchema):
    """The figures of all live rooms."""

    rooms = fields.List(fields.Nested(RoomStatsAnswer))
    total_rooms = fields.Integer(validate=_COUNT)


class IceServerAnswer(AnswerSchema):
    """An `RTCIceServer` (W3C WebRTC section 4.2.4)."""

    optional = ("username", "credential")

    urls = fields.List(fields.String())
    username = fields.String()
    credential = fields.String()


class IceServersAnswer(AnswerSchema):
    """STUN and TURN servers."""

    ice_servers = fields.List(fields.Nested(IceServerAnswer))


class TicketAnswer(AnswerSchema):
    """A one-use pass for the WebSocket."""

    ticket = fields.String()
    expires_in = fields.Integer(metadata={"description": "Seconds."})


class SignallingHealthAnswer(AnswerSchema):
    """How much goes on."""

    status = fields.Constant("ok")
    rooms = fields.Integer(validate=_COUNT)
    participants = fields.Integer(validate=_COUNT)
    sfu = fields.String(validate=validate.OneOf(("ok", "unavailable")))


def render_time(moment: datetime) -> str:
    """Render a moment by RFC 3339, in UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def render_room(room: RoomRecord, participant_count: int) -> dict[str, Any]:
    """Render a room with the number of people in it now."""
    return {
        "id": room.id,
        "name": room.name,
        "created_by": room.owner_id,
        "max_participants": room.max_participants,
        "is_locked": room.is_locked,
        "students_may_publish": room.students_may_publish,
        "waiting_room": room.waiting_room,
        "has_password": room.has_password,
        "invitation_required": room.invitation_required,
        "one_seat_per_user": room.one_seat_per_user,
        "participant_count": participant_count,
        "created_at": render_time(room.created_at),
    }


def render_stats(stats: RoomStats) -> dict[str, Any]:
    """Render a room's live figures."""
    return {
        "room_id": stats.room_id,
        "participant_count": stats.participant_count,
        "producer_count": stats.producer_count,
        "participants": [
            {
                "participant_id": participant.participant_id,
                "user_id": participant.user_id,
                "full_name": participant.full_name,
                "role": participant.role.value,
                "joined_at": render_time(participant.joined_at),
            }
            for participant in stats.participants
        ],
    }


def render_ice_server(server: IceServer) -> dict[str, Any]:
    """Render an `RTCIceServer` (W3C WebRTC section 4.2.4)."""
    if server.username is None:
        return {"urls": list(server.urls)}
    return {"urls": list(server.urls), "username": server.username, "credential": server.credential}
