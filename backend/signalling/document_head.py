"""What the signalling document says before it lists the methods. The figures are the code's own."""

from backend.signalling.connection import (
    HEARTBEAT_S,
    MAX_WAITING_BYTES,
    MAX_WAITING_REQUESTS,
    MESSAGES_PER_S,
    Close,
)
from backend.signalling.dispatch import MAX_DEPTH
from backend.signalling.outbox import MAX_QUEUED_MESSAGES
from backend.signalling.protoo import MAX_MESSAGE_BYTES, SUBPROTOCOL

_CLOSE_CODES = {
    Close.SERVICE_RESTART: "The server stops or restarts: come back, with the resume token.",
    Close.UNSUPPORTED_DATA: "A binary frame came; only text is understood.",
    Close.INVALID_TEXT: "A text frame was no protoo message.",
    Close.TOO_BIG: f"A message had more than {MAX_MESSAGE_BYTES // 1024} KiB.",
    Close.FOR_GOOD: (
        "Do not come back by yourself: left, kicked, denied, the room closed, the account ended, or a newer "
        "socket has the seat. The close reason, and mostly a notification before it, says which."
    ),
    Close.FLOOD: (
        f"More than {MESSAGES_PER_S:.0f} messages/s in the long run, more than {MAX_WAITING_REQUESTS} requests "
        f"({MAX_WAITING_BYTES >> 20} MiB) unanswered, or {MAX_QUEUED_MESSAGES} messages unread."
    ),
}


def _close_codes() -> str:
    return "\n".join(f"| {code.value} | {_CLOSE_CODES[code]} |" for code in Close)


HEAD = f"""# The signalling protocol

Made by `make docs` from the code beside it; do not edit.

One WebSocket, `GET /ws`, subprotocol `{SUBPROTOCOL}`; npm's `protoo-client` works unmodified. One JSON object a
text message:

- request `{{"request": true, "id": <integer>, "method": "…", "data": {{…}}}}`
- response `{{"response": true, "id": <same>, "ok": true, "data": {{…}}}}`
- refusal `{{"response": true, "id": <same>, "ok": false, "errorCode": <HTTP-like>, "errorReason": "…",
  "code": "…"}}`, perhaps with `details` by field (400) or `retryAfter` in seconds (429, 503)
- notification `{{"notification": true, "method": "…", "data": {{…}}}}`; clients need send none

Who may open it: a one-use ticket in the query (`?ticket=`, from `POST /api/v1/signalling/ticket`), or a header
`Authorization: Bearer <access token>`. Otherwise 401 before any upgrade; 403 for a page of a foreign origin.

Unknown fields are ignored, and null means absent. Data nested more than {MAX_DEPTH} levels deep is refused.
Requests of one socket are served one after the other, in the order they came. What one participant does reaches
all others in the order it was done. The server pings every {HEARTBEAT_S:.0f} s.

A dropped socket keeps its seat for the grace (30 s unless set otherwise): `join-room` with its `resumeToken`, by
the same user, takes it back, and media flows on meanwhile.

Any method may be refused with 400 `INVALID_INPUT` or 500 `INTERNAL_ERROR`, and all but those that enter a room
with 409 `NOT_JOINED`; these are not listed again. An unknown method is 404 `UNKNOWN_METHOD`.

## Close codes

| code | |
|---|---|
{_close_codes()}
"""
