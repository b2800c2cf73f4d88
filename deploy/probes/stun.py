"""An ICE connectivity check as bytes (RFC 8489, RFC 8445 section 7), and whether its answer is genuine."""

import hashlib
import hmac
import secrets
import struct
import zlib
from dataclasses import dataclass

_HEADER = struct.Struct("!HHL12s")
_BINDING_REQUEST, _BINDING_SUCCESS = 0x0001, 0x0101
_MAGIC_COOKIE = 0x2112A442
_FINGERPRINT_XOR = 0x5354554E

_USERNAME, _MESSAGE_INTEGRITY, _FINGERPRINT = 0x0006, 0x0008, 0x8028
_PRIORITY, _USE_CANDIDATE, _ICE_CONTROLLING = 0x0024, 0x0025, 0x802A
_INTEGRITY_SIZE, _FINGERPRINT_SIZE = 24, 8

_PEER_REFLEXIVE_PRIORITY = 110 << 24 | 65535 << 8 | 255
"""RFC 8445 section 5.1.2.2."""

_TIE_BREAKER = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Check:
    """A check of one transport; `is_answered_by` knows its answer."""

    request: bytes
    _password: bytes

    def is_answered_by(self, data: bytes) -> bool:
        """Tell whether this is the success response to this check, sealed with the transport's password."""
        if len(data) < _HEADER.size:
            return False
        kind, length, cookie, transaction_id = _HEADER.unpack_from(data)
        if (kind, cookie, transaction_id) != (_BINDING_SUCCESS, _MAGIC_COOKIE, self.request[8:20]):
            return False
        return length + _HEADER.size == len(data) and _has_integrity(data, self._password)


def new_check(username_fragment: str, password: str, *, nominate: bool = False) -> Check:
    """Make a check of the transport with these ICE parameters; one that nominates asks for media to come there."""
    key = password.encode()
    body = (
        _attribute(_USERNAME, f"{username_fragment}:probe".encode())
        + _attribute(_PRIORITY, _PEER_REFLEXIVE_PRIORITY.to_bytes(4, "big"))
        + _attribute(_ICE_CONTROLLING, _TIE_BREAKER.to_bytes(8, "big"))
        + (_attribute(_USE_CANDIDATE, b"") if nominate else b"")
    )
    transaction_id = secrets.token_bytes(12)
    head = _HEADER.pack(_BINDING_REQUEST, len(body) + _INTEGRITY_SIZE, _MAGIC_COOKIE, transaction_id)
    body += _attribute(_MESSAGE_INTEGRITY, _mac(head + body, key))
    message = _HEADER.pack(_BINDING_REQUEST, len(body) + _FINGERPRINT_SIZE, _MAGIC_COOKIE, transaction_id) + body
    fingerprint = (zlib.crc32(message) ^ _FINGERPRINT_XOR).to_bytes(4, "big")
    return Check(message + _attribute(_FINGERPRINT, fingerprint), key)


def framed(message: bytes) -> bytes:
    """Frame a message for TCP (RFC 4571)."""
    return len(message).to_bytes(2, "big") + message


def _has_integrity(data: bytes, key: bytes) -> bool:
    at = _HEADER.size
    while at + 4 <= len(data):
        kind, size = struct.unpack_from("!HH", data, at)
        if kind == _MESSAGE_INTEGRITY:
            covered = data[:2] + (at + _INTEGRITY_SIZE - _HEADER.size).to_bytes(2, "big") + data[4:at]
            return size == _INTEGRITY_SIZE - 4 and hmac.compare_digest(
                _mac(covered, key), data[at + 4 : at + _INTEGRITY_SIZE]
            )
        at += 4 + size + -size % 4
    return False


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def _mac(data: bytes, key: bytes) -> bytes:
    return hmac.digest(key, data, hashlib.sha1)
