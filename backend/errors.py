"""What can go wrong in the backend, as one tree.

    VtpError
    ├── InvalidInput        their fault: the request says something that cannot be
    ├── Unauthorized        who are you? no token, a bad one, an expired one, wrong credentials
    ├── NotAllowed          we know who you are, and you may not
    ├── NotFound            there is no such thing
    ├── Conflict            it clashes with what there is
    ├── TooManyAttempts     slow down; carries `retry_after_s`
    ├── NotAvailable        something that we need is away; carries `retry_after_s`
    └── Broken              our bug, or an answer that makes no sense from a service of ours

`StartError` stands apart: it is for the operator who starts the service, and no client ever sees it.

Each `VtpError` carries a sentence that a client may read and a stable `code`. Only the edges turn a class into a
status, by `status_of`; anything that is no `VtpError` is a bug and becomes 500 `INTERNAL_ERROR` without a word of
its text.
"""

# ruff: noqa: N818 -- the classes are named for what happened, as the tree above reads

from shared.errors import INTERNAL_ERROR, INVALID_INPUT, NOT_FOUND, FieldErrors

DATABASE_RETRY_S = 2
"""What `Retry-After` tells a client while the database is away: it is back within seconds or not for long."""


class VtpError(Exception):
    """Base of everything that the backend reports. `message` and `code` may be shown to a client."""

    default_code = INTERNAL_ERROR

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code


class InvalidInput(VtpError):
    """The request is malformed or breaks a rule; `details` holds messages by field."""

    default_code = INVALID_INPUT

    def __init__(self, message: str, code: str | None = None, details: FieldErrors | None = None) -> None:
        super().__init__(message, code)
        self.details = details


class Unauthorized(VtpError):
    """Nobody we know: no token, a bad one, an expired one, or wrong credentials."""

    default_code = "INVALID_TOKEN"


class NotAllowed(VtpError):
    """Somebody we know who may not do this."""

    default_code = "INSUFFICIENT_PERMISSIONS"


class NotFound(VtpError):
    """There is no such room, user, participant or other thing."""

    default_code = NOT_FOUND


class Conflict(VtpError):
    """The request clashes with the present state."""

    default_code = "CONFLICT"


class _Later(VtpError):
    def __init__(self, message: str, code: str | None = None, *, retry_after_s: int = 1) -> None:
        super().__init__(message, code)
        self.retry_after_s = retry_after_s


class TooManyAttempts(_Later):
    """A rate limit is used up for `retry_after_s` seconds."""

    default_code = "TOO_MANY_ATTEMPTS"


class NotAvailable(_Later):
    """A service that we need is away; worth another try after `retry_after_s` seconds."""

    default_code = "NOT_AVAILABLE"


class Broken(VtpError):
    """Our own bug, or an answer that makes no sense from a service of ours."""


class DatabaseUnavailable(NotAvailable):
    """The database cannot be reached, or took the connection down while we spoke to it."""

    default_code = "DATABASE_UNAVAILABLE"

    def __init__(self) -> None:
        super().__init__("The database is not available. Try again shortly.", retry_after_s=DATABASE_RETRY_S)


class StartError(Exception):
    """The service cannot start, or a command cannot be done. The message is one sentence for the operator."""


_STATUS: dict[type[VtpError], int] = {
    InvalidInput: 400,
    Unauthorized: 401,
    NotAllowed: 403,
    NotFound: 404,
    Conflict: 409,
    TooManyAttempts: 429,
    NotAvailable: 503,
    Broken: 500,
}


def status_of(error: VtpError) -> int:
    """Return the HTTP status (and protoo `errorCode`) of an error's class."""
    for kind in type(error).__mro__:
        if kind in _STATUS:
            return _STATUS[kind]
    return 500
