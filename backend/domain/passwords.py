"""Which passwords we accept."""

from backend.errors import InvalidInput

MIN_PASSWORD_BYTES = 8
MAX_PASSWORD_BYTES = 72
"""bcrypt reads no further; a longer password would be silently cut, so it is refused."""

WEAK_PASSWORD = "WEAK_PASSWORD"  # noqa: S105 -- the name of an error
WRONG_PASSWORD = "WRONG_PASSWORD"  # noqa: S105 -- the name of an error

_RULE = (
    f"A password has {MIN_PASSWORD_BYTES} to {MAX_PASSWORD_BYTES} bytes in UTF-8, "
    "with an upper-case letter, a lower-case letter and a digit."
)


def is_strong(password: str) -> bool:
    """Tell whether a password has 8 to 72 bytes in UTF-8, an upper, a lower and a digit, and no zero byte."""
    try:
        size = len(password.encode())
    except UnicodeEncodeError:  # a lone surrogate, which JSON can hold and UTF-8 cannot
        return False
    return (
        MIN_PASSWORD_BYTES <= size <= MAX_PASSWORD_BYTES
        and "\0" not in password
        and any(map(str.isupper, password))
        and any(map(str.islower, password))
        and any(map(str.isdecimal, password))
    )


def require_strong(password: str, field: str = "password") -> None:
    """Let pass a password that `is_strong`; `field` is what the request calls it.

    Raises:
        InvalidInput: `WEAK_PASSWORD`.
    """
    if not is_strong(password):
        raise InvalidInput(_RULE, WEAK_PASSWORD, {field: [_RULE]})
