"""SSRCs for streams inside a router, which nobody can guess, and to consumers, of which none is used twice."""

import secrets
from collections.abc import Callable
from itertools import count
from typing import Final

SsrcSource = Callable[[], int]
"""Draws the first SSRC of a run; those of further encodings follow it one by one."""

_LOWEST: Final = 100_000_000
_HIGHEST: Final = 999_999_998
"""mediasoup's range, which leaves room for the ones that follow and for 32-bit signed readers."""


_PAIRS: Final = (_HIGHEST - _LOWEST + 1) // 2

_pairs = count(secrets.randbelow(_PAIRS))


def random_ssrc() -> int:
    """Draw an SSRC at random."""
    return _LOWEST + secrets.randbelow(_HIGHEST - _LOWEST + 1)


def fresh_ssrc() -> int:
    """Return an SSRC that has not been given before in this process, nor has the next, which is for its RTX.

    Only after 450 million of them does it begin again. If drawn at random, two of a large room's would be equal
    once in some thousand rooms, and under one transport's keys no number may come back (RFC 7714 9.1).
    """
    return _LOWEST + 2 * (next(_pairs) % _PAIRS)
