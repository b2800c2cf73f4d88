"""A connectivity check like the one before: a browser repeats the same every 2.5 s, for consent (RFC 7675).

Only transaction id, integrity and fingerprint differ then. What the rest says is known, so it is compared and not
parsed again; integrity and fingerprint are verified as ever. That takes a fifth of the time, and of nothing else
but media and feedback does a worker get more.
"""

import hmac
from binascii import crc32

from aioice import stun

from sfu.net.stun_messages import INTEGRITY_HEAD, Check

_HEAD_BYTES = 8
"""Type, length and cookie."""

_INTEGRITY_BYTES = 20
_FINGERPRINT_HEAD = bytes((0x80, 0x28, 0, 4))
_FINGERPRINT_BYTES = stun.FINGERPRINT_LENGTH


class KnownCheck:
    """What an authenticated check was like. Its four public attributes are those of the `Check`."""

    __slots__ = (
        "_attributes",
        "_attributes_end",
        "_head",
        "_signed_head",
        "_size",
        "fragment",
        "nomination",
        "priority",
        "use_candidate",
    )

    def __init__(self, check: Check) -> None:
        self.fragment = check.fragment
        self.nomination = check.nomination
        self.priority = check.priority
        self.use_candidate = check.use_candidate
        data, end = check.data, check.integrity_at + len(INTEGRITY_HEAD)
        self._size = len(data)
        self._head = data[:_HEAD_BYTES]
        self._attributes = data[stun.HEADER_LENGTH : end]
        self._attributes_end = end
        # What is signed ends with the integrity, whatever follows (RFC 8489 14.5).
        signed_length = end + _INTEGRITY_BYTES - stun.HEADER_LENGTH
        self._signed_head = data[:2] + signed_length.to_bytes(2, "big") + data[4:_HEAD_BYTES]

    @classmethod
    def of(cls, check: Check) -> "KnownCheck | None":
        """Remember an authenticated check; `None` if anything but a fingerprint follows its integrity."""
        tail = check.data[check.integrity_at + len(INTEGRITY_HEAD) + _INTEGRITY_BYTES :]
        if tail and (len(tail) != _FINGERPRINT_BYTES or not tail.startswith(_FINGERPRINT_HEAD)):
            return None
        return cls(check)

    def repeated_by(self, data: bytes, key: bytes) -> bytes | None:
        """Return the transaction id of a check that is the same and signed with `key`, else `None`."""
        end = self._attributes_end
        if len(data) != self._size or data[:_HEAD_BYTES] != self._head:
            return None
        if data[stun.HEADER_LENGTH : end] != self._attributes:
            return None
        after = end + _INTEGRITY_BYTES
        if after != len(data) and not _has_fingerprint(data, after):
            return None
        signed = self._signed_head + data[_HEAD_BYTES : end - len(INTEGRITY_HEAD)]
        if not hmac.compare_digest(hmac.digest(key, signed, "sha1"), data[end:after]):
            return None
        return data[_HEAD_BYTES : stun.HEADER_LENGTH]


def _has_fingerprint(data: bytes, at: int) -> bool:
    value = crc32(data[:at]) ^ stun.FINGERPRINT_XOR
    return data[at:] == _FINGERPRINT_HEAD + value.to_bytes(4, "big")
