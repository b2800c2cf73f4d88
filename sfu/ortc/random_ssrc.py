"""SSRCs that nobody can guess, for streams inside a router and to consumers."""

import secrets
from collections.abc import Callable
from typing import Final

SsrcSource = Callable[[], int]
"""Draws the first SSRC of a run; those of further encodings follow it one by one."""

_LOWEST: Final = 100_000_000
_HIGHEST: Final = 999_999_998
"""mediasoup's range, which leaves room for the ones that follow and for 32-bit signed readers."""


def random_ssrc() -> int:
    """Draw an SSRC at random."""
    return _LOWEST + secrets.randbelow(_HIGHEST - _LOWEST + 1)
