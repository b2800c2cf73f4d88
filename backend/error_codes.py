"""Every code that a refusal may carry, with its status and what it means: the catalogue of both API documents.

REST routes and signalling methods name the codes they answer by this table; a test fails for a code that is raised
somewhere and does not stand here.
"""

from collections.abc import Mapping

from shared.errors import (
    INTERNAL_ERROR,
    INVALID_INPUT,
    INVALID_JSON,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    PAYLOAD_TOO_LARGE,
)
from shared.operations import ErrorCode

CODES: Mapping[str, ErrorCode] = {
    # What came cannot be read
    INVALID_JSON: ErrorCode(400, "The body is not valid JSON."),
    INVALID_INPUT: ErrorCode(400, "A field is missing or wrong; `details` says which."),
    NOT_FOUND: ErrorCode(404, "There is nothing at this address."),
    METHOD_NOT_ALLOWED: ErrorCode(405, "The address does not take this method; `Allow` says which it takes."),
    PAYLOAD_TOO_LARGE: ErrorCode(413, "The body is larger than 1 MiB."),
    "UPGRADE_REQUIRED": ErrorCode(400, "This address is a WebSocket."),
    "UNKNOWN_METHOD": ErrorCode(404, "There is no such signalling method."),
    # Who asks
    "MISSING_TOKEN": ErrorCode(401, "No access token (or ticket) came with the request."),
    "INVALID_TOKEN": ErrorCode(401, "The access token or ticket is not valid, or its session has ended."),
    "TOKEN_EXPIRED": ErrorCode(401, "The access token has expired: refresh it."),
    "TOKEN_INVALID": ErrorCode(401, "The refresh token is not valid, or was used before: sign in again."),
    "INVALID_CREDENTIALS": ErrorCode(401, "The email or the password is wrong."),
    "TOTP_REQUIRED": ErrorCode(401, "The password is right; a code of the second factor is needed too."),
    "INVALID_TOTP": ErrorCode(401, "The code is wrong, too old, or was used already."),
    "WEAK_PASSWORD": ErrorCode(400, "A password has 8 to 72 bytes, an upper, a lower and a digit."),
    "WRONG_PASSWORD": ErrorCode(400, "The current password is wrong."),
    "TOO_MANY_ATTEMPTS": ErrorCode(429, "A limit is used up; `Retry-After` tells for how many seconds."),
    "TOO_MANY_MESSAGES": ErrorCode(429, "One says too much at once; wait a little."),
    # What one may not do
    "INSUFFICIENT_PERMISSIONS": ErrorCode(403, "One's role, or not owning the room, does not allow this."),
    "ORIGIN_NOT_ALLOWED": ErrorCode(403, "Pages of this origin may not open the WebSocket."),
    "ROOM_LOCKED": ErrorCode(403, "The room is locked for students; nobody is let in before it is opened."),
    "ROOM_PASSWORD_REQUIRED": ErrorCode(403, "The room has a password."),
    "WRONG_ROOM_PASSWORD": ErrorCode(403, "The room's password is wrong."),
    "INVITATION_REQUIRED": ErrorCode(403, "The room opens only with an invitation."),
    "INVALID_INVITATION": ErrorCode(403, "The invitation is of another room, or over, replaced or revoked."),
    "WAITING_FOR_ADMISSION": ErrorCode(403, "Wait for `admitted`, then join again on the same socket."),
    # What is not there
    "USER_NOT_FOUND": ErrorCode(404, "There is no such account."),
    "SESSION_NOT_FOUND": ErrorCode(404, "One has no such session, or it is over."),
    "ROOM_NOT_FOUND": ErrorCode(404, "There is no such room."),
    "INVITATION_NOT_FOUND": ErrorCode(404, "The room has no invitation."),
    "PEER_NOT_FOUND": ErrorCode(404, "The media server does not know the participant (any more)."),
    "PARTICIPANT_NOT_FOUND": ErrorCode(404, "There is no such participant in the room."),
    "WAITING_NOT_FOUND": ErrorCode(404, "Nobody waits by this id (any more)."),
    "TRANSPORT_NOT_FOUND": ErrorCode(404, "One has no such transport."),
    "PRODUCER_NOT_FOUND": ErrorCode(404, "There is no such producer in the room."),
    "CONSUMER_NOT_FOUND": ErrorCode(404, "One has no such consumer."),
    "DATA_PRODUCER_NOT_FOUND": ErrorCode(404, "There is no such data producer in the room."),
    "DATA_CONSUMER_NOT_FOUND": ErrorCode(404, "One has no such data consumer."),
    # What clashes with what there is
    "CONFLICT": ErrorCode(409, "The request clashes with the present state."),
    "EMAIL_EXISTS": ErrorCode(409, "There is an account with this email address already."),
    "TOTP_ENABLED": ErrorCode(409, "The second factor is on already."),
    "TOTP_NOT_ENABLED": ErrorCode(409, "The second factor is not on."),
    "TOTP_NOT_SET_UP": ErrorCode(409, "The second factor has to be set up before it is enabled."),
    "LAST_ADMIN": ErrorCode(409, "The last active admin cannot be removed or demoted."),
    "ROOM_EXISTS": ErrorCode(409, "There is a room with this id already."),
    "ROOM_FULL": ErrorCode(409, "The room has as many participants as it takes."),
    "WAITING_ROOM_FULL": ErrorCode(409, "Too many people wait to be let in already."),
    "NOT_JOINED": ErrorCode(409, "Join a room first."),
    "ALREADY_JOINED": ErrorCode(409, "This connection has joined a room already."),
    "ALREADY_CONNECTED": ErrorCode(409, "The transport is connected already."),
    "PEER_EXISTS": ErrorCode(409, "The media server has this participant already."),
    "LIMIT_REACHED": ErrorCode(409, "One has as many seats, transports, producers or consumers as one may have."),
    "CANNOT_CONSUME": ErrorCode(400, "The capabilities do not fit the producer."),
    # What is away
    "BUSY": ErrorCode(
        503, "Too many passwords are checked at this moment; try again after `Retry-After` seconds."
    ),
    "ROOM_ELSEWHERE": ErrorCode(503, "The room is just moving to another backend. Try again shortly."),
    "NOT_AVAILABLE": ErrorCode(503, "The server takes no further connection now."),
    "DATABASE_UNAVAILABLE": ErrorCode(503, "The database is away; try again after `Retry-After` seconds."),
    "SFU_UNAVAILABLE": ErrorCode(503, "The media server is away; try again shortly."),
    INTERNAL_ERROR: ErrorCode(500, "Something went wrong on our side."),
}
