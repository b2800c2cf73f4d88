"""What can go wrong in the SFU, as one tree.

    SfuError
    ├── InvalidInput        their fault: the request says something that cannot be
    │   └── CannotConsume   the receiver's capabilities do not fit the producer
    ├── Unauthorized        no token or a wrong one
    ├── NotAllowed          a request that this service serves to nobody, such as a foreign page's
    ├── NotFound            there is no such room, peer, transport, producer or consumer
    ├── Conflict            it clashes with what there is
    │   └── LimitReached    one more would be too many
    ├── NotAvailable        no media worker can take it now, or the service takes no new rooms any more
    └── Broken              our bug, or an answer of a media worker that makes no sense

Each carries a sentence that a client may read and a stable `code`. Only the HTTP edge turns a class into a status;
anything that is no `SfuError` is a bug and becomes 500 `INTERNAL_ERROR` without a word of its text.
"""

# ruff: noqa: N818 -- the classes are named for what happened, as the tree above reads

from shared.errors import INTERNAL_ERROR, INVALID_INPUT, NOT_FOUND, FieldErrors

CANNOT_CONSUME = "CANNOT_CONSUME"
UNAUTHORIZED = "UNAUTHORIZED"
ORIGIN_NOT_ALLOWED = "ORIGIN_NOT_ALLOWED"
ROOM_NOT_FOUND = "ROOM_NOT_FOUND"
PEER_NOT_FOUND = "PEER_NOT_FOUND"
TRANSPORT_NOT_FOUND = "TRANSPORT_NOT_FOUND"
PRODUCER_NOT_FOUND = "PRODUCER_NOT_FOUND"
CONSUMER_NOT_FOUND = "CONSUMER_NOT_FOUND"
DATA_PRODUCER_NOT_FOUND = "DATA_PRODUCER_NOT_FOUND"
DATA_CONSUMER_NOT_FOUND = "DATA_CONSUMER_NOT_FOUND"
PEER_EXISTS = "PEER_EXISTS"
ALREADY_CONNECTED = "ALREADY_CONNECTED"
LIMIT_REACHED = "LIMIT_REACHED"
NO_WORKER = "NO_WORKER"
DRAINING = "DRAINING"


class SfuError(Exception):
    """Base of everything that the SFU reports. `message` and `code` may be shown to a client."""

    default_code = INTERNAL_ERROR

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code


class InvalidInput(SfuError):
    """The request is malformed or breaks a rule; `details` holds messages by field."""

    default_code = INVALID_INPUT

    def __init__(self, message: str, code: str | None = None, details: FieldErrors | None = None) -> None:
        super().__init__(message, code)
        self.details = details


class CannotConsume(InvalidInput):
    """The given RTP capabilities cannot receive the producer."""

    default_code = CANNOT_CONSUME


class Unauthorized(SfuError):
    """The request carries no token or a wrong one."""

    default_code = UNAUTHORIZED


class NotAllowed(SfuError):
    """A web page's request: this API serves services, not browsers."""

    default_code = ORIGIN_NOT_ALLOWED


class NotFound(SfuError):
    """There is no such thing in this room."""

    default_code = NOT_FOUND

    @classmethod
    def room(cls, room_id: str) -> "NotFound":
        """No room has this id."""
        return cls(f"there is no room {room_id!r}", ROOM_NOT_FOUND)

    @classmethod
    def peer(cls, peer_id: str) -> "NotFound":
        """No peer of the room has this id."""
        return cls(f"there is no peer {peer_id!r} in this room", PEER_NOT_FOUND)

    @classmethod
    def transport(cls, transport_id: str) -> "NotFound":
        """The room, or the peer that was named, has no such transport."""
        return cls(f"there is no transport {transport_id!r}", TRANSPORT_NOT_FOUND)

    @classmethod
    def producer(cls, producer_id: str) -> "NotFound":
        """The room has no such producer."""
        return cls(f"there is no producer {producer_id!r} in this room", PRODUCER_NOT_FOUND)

    @classmethod
    def consumer(cls, consumer_id: str) -> "NotFound":
        """The room has no such consumer."""
        return cls(f"there is no consumer {consumer_id!r} in this room", CONSUMER_NOT_FOUND)

    @classmethod
    def data_producer(cls, producer_id: str) -> "NotFound":
        """The room has no such data producer."""
        return cls(f"there is no data producer {producer_id!r} in this room", DATA_PRODUCER_NOT_FOUND)

    @classmethod
    def data_consumer(cls, consumer_id: str) -> "NotFound":
        """The room has no such data consumer."""
        return cls(f"there is no data consumer {consumer_id!r} in this room", DATA_CONSUMER_NOT_FOUND)


class Conflict(SfuError):
    """The request clashes with the present state."""

    default_code = "CONFLICT"


class LimitReached(Conflict):
    """One more object would exceed a limit of the service."""

    default_code = LIMIT_REACHED


class NotAvailable(SfuError):
    """No media worker can serve the request at this moment, or (`DRAINING`) this service will not."""

    default_code = NO_WORKER


class Broken(SfuError):
    """Our own fault. The message goes to the log and never to a client."""
