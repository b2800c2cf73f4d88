"""STUN messages of connectivity checks (RFC 8489, RFC 8445 7): sifted and parsed, answers built.

`aioice.stun` parses requests and verifies them. What a stranger can send is sifted before that, and the one answer
that every check gets is laid out here, because both cost a worker with many transports most of what its checks
cost. Checks that are repeated are not even parsed (see `known_check`).
"""

import hmac
import ipaddress
import struct
from binascii import crc32
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from aioice import stun

from sfu.net.address import UdpAddress

MAX_REQUEST_BYTES = 1500
"""No check is longer than a path's MTU."""

MAX_ATTRIBUTES_BEFORE_USERNAME = 8
"""USERNAME comes first or second in every browser's checks; a stranger's message is not searched to its end."""

MAX_UNKNOWN_LISTED = 8
"""Attributes named in a 420 answer; it stays shorter than the request that holds them."""

CACHED_ADDRESSES = 4096
"""XOR-MAPPED-ADDRESS attributes kept: one for each IPv4 peer of a well-filled worker."""

_HEAD = struct.Struct("!HHL12s")
_ATTRIBUTE = struct.Struct("!HH")
_REQUEST_TYPE = stun.Method.BINDING | stun.Class.REQUEST
_SUCCESS_TYPE = stun.Method.BINDING | stun.Class.RESPONSE
_ERROR_TYPE = stun.Method.BINDING | stun.Class.ERROR
_USERNAME = stun.ATTRIBUTES_BY_NAME["USERNAME"][0]
_XOR_MAPPED_ADDRESS = stun.ATTRIBUTES_BY_NAME["XOR-MAPPED-ADDRESS"][0]
_MESSAGE_INTEGRITY = stun.ATTRIBUTES_BY_NAME["MESSAGE-INTEGRITY"][0]
_FINGERPRINT = stun.ATTRIBUTES_BY_NAME["FINGERPRINT"][0]
_ERROR_CODE = stun.ATTRIBUTES_BY_NAME["ERROR-CODE"][0]
_UNKNOWN_ATTRIBUTES = 0x000A  # RFC 8489 14.13; aioice has no name for it
_MESSAGE_INTEGRITY_SHA256 = 0x001C  # beside MESSAGE-INTEGRITY it may be ignored (RFC 8489 9.1.3)
_NOMINATION = 0xC001  # draft-thatcher-ice-renomination-01
_COMPREHENSION_OPTIONAL = 0x8000
_FINGERPRINT_HEAD = _ATTRIBUTE.pack(_FINGERPRINT, stun.FINGERPRINT_LENGTH - _ATTRIBUTE.size)
_INTEGRITY_BYTES = stun.INTEGRITY_LENGTH - _ATTRIBUTE.size
_NO_TRANSACTION = bytes(12)
INTEGRITY_HEAD = _ATTRIBUTE.pack(_MESSAGE_INTEGRITY, _INTEGRITY_BYTES)
"""What MESSAGE-INTEGRITY begins with."""


def local_username_fragment(data: bytes) -> str:
    """Return the part of USERNAME that names one of our transports (RFC 8445 7.2.2: ours, colon, theirs).

    Raises:
        ValueError: the bytes are no binding request or name nobody.
    """
    if not stun.HEADER_LENGTH <= len(data) <= MAX_REQUEST_BYTES:
        raise ValueError(f"STUN message has {len(data)} bytes")
    message_type, length, cookie, _ = _HEAD.unpack_from(data)
    if message_type != _REQUEST_TYPE or cookie != stun.COOKIE or length != len(data) - stun.HEADER_LENGTH:
        raise ValueError("not a STUN binding request")
    position = stun.HEADER_LENGTH
    for _ in range(MAX_ATTRIBUTES_BEFORE_USERNAME + 1):
        if position + _ATTRIBUTE.size > len(data):
            break
        attribute, size = _ATTRIBUTE.unpack_from(data, position)
        position += _ATTRIBUTE.size
        if attribute == _USERNAME:
            ours, separator, _ = data[position : position + size].partition(b":")
            if not separator:
                break
            return ours.decode("ascii", "replace")
        position += size + stun.padding_length(size)
    raise ValueError("STUN binding request without a USERNAME of two fragments")


@dataclass(frozen=True, slots=True)
class Check:
    """A binding request that is well-formed and names one of our transports; nobody has vouched for it yet.

    Attributes:
        fragment: our part of its USERNAME.
        use_candidate: it nominates its pair (RFC 8445 7.1.2).
        nomination: the number of its nomination, of a peer that can renominate (draft-thatcher-ice-renomination).
        unknown: required attributes that we do not understand.
        data: all of it; an answer to a stranger is not longer.
        integrity_at: where in it its MESSAGE-INTEGRITY begins, or its end.
    """

    message: stun.Message
    fragment: str
    use_candidate: bool
    nomination: int | None
    priority: int
    unknown: tuple[int, ...]
    data: bytes
    integrity_at: int


def parse_check(data: bytes, fragment: str) -> Check:
    """Parse a binding request in which `local_username_fragment` has found `fragment`.

    Raises:
        ValueError: an attribute or the fingerprint is wrong.
    """
    try:
        message = stun.parse_message(data)
    except (struct.error, IndexError, KeyError) as error:
        raise ValueError(f"malformed STUN attribute: {error}") from error
    if message.message_method != stun.Method.BINDING or message.message_class != stun.Class.REQUEST:
        raise ValueError("not a binding request")
    nomination, unknown, integrity_at = None, [], stun.HEADER_LENGTH
    for attribute, value in _signed_attributes(data):
        integrity_at += _ATTRIBUTE.size + len(value) + stun.padding_length(len(value))
        if attribute == _NOMINATION:
            if len(value) != 4:
                raise ValueError("malformed NOMINATION")
            nomination = int.from_bytes(value, "big")
        elif _is_required_but_unknown(attribute):
            unknown.append(attribute)
    return Check(
        message,
        fragment,
        "USE-CANDIDATE" in message.attributes,
        nomination,
        message.attributes.get("PRIORITY", 0),
        tuple(unknown),
        data,
        integrity_at,
    )


def _signed_attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the attributes before MESSAGE-INTEGRITY; what follows it is nobody's word (RFC 8489 14.5)."""
    position = stun.HEADER_LENGTH
    while position + _ATTRIBUTE.size <= len(data):
        attribute, size = _ATTRIBUTE.unpack_from(data, position)
        position += _ATTRIBUTE.size
        if position + size > len(data):
            raise ValueError("a STUN attribute is longer than its message")
        if attribute == _MESSAGE_INTEGRITY:
            if size != _INTEGRITY_BYTES:
                raise ValueError("malformed MESSAGE-INTEGRITY")
            return
        yield attribute, data[position : position + size]
        position += size + stun.padding_length(size)


def _is_required_but_unknown(attribute: int) -> bool:
    return (
        attribute < _COMPREHENSION_OPTIONAL
        and attribute not in stun.ATTRIBUTES_BY_TYPE
        and attribute != _MESSAGE_INTEGRITY_SHA256
    )


def success_answer(transaction_id: bytes, address: UdpAddress, key: bytes) -> bytes:
    """Build the answer to a check that came from `address`, with integrity and fingerprint (RFC 8445 7.3.1.4)."""
    host, port = address[0], address[1]
    mapped = _mapped_address(host, port, transaction_id) if ":" in host else _mapped_ipv4(host, port)
    return _signed(_SUCCESS_TYPE, transaction_id, mapped, key)


def error_answer(request: stun.Message, code: int, reason: str, key: bytes | None = None) -> bytes:
    """Build an error answer; `key` signs it, without one it has a fingerprint only."""
    error = _attribute(_ERROR_CODE, stun.pack_error_code((code, reason)))
    return _signed(_ERROR_TYPE, request.transaction_id, error, key)


def unknown_attributes_answer(request: stun.Message, unknown: tuple[int, ...], key: bytes) -> bytes:
    """Build a 420 answer that names the attributes that were not understood (RFC 8489 6.3.1)."""
    error = _attribute(_ERROR_CODE, stun.pack_error_code((420, "Unknown Attribute")))
    listed = b"".join(attribute.to_bytes(2, "big") for attribute in unknown[:MAX_UNKNOWN_LISTED])
    return _signed(_ERROR_TYPE, request.transaction_id, error + _attribute(_UNKNOWN_ATTRIBUTES, listed), key)


def _attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(kind, len(value)) + value + bytes(stun.padding_length(len(value)))


@lru_cache(CACHED_ADDRESSES)
def _mapped_ipv4(host: str, port: int) -> bytes:
    return _mapped_address(host, port, _NO_TRANSACTION)  # only IPv6 takes the transaction in (RFC 8489 14.2)


def _mapped_address(host: str, port: int, transaction_id: bytes) -> bytes:
    ip = ipaddress.ip_address(host)
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:  # of a socket for both families
        host = str(ip.ipv4_mapped)
    value = stun.pack_xor_address((host, port), transaction_id)
    return _ATTRIBUTE.pack(_XOR_MAPPED_ADDRESS, len(value)) + value


def _signed(message_type: int, transaction_id: bytes, attributes: bytes, key: bytes | None) -> bytes:
    length = len(attributes)
    if key is not None:  # which signs what is before it, with the length that includes it (RFC 8489 14.5)
        signed = _HEAD.pack(message_type, length + stun.INTEGRITY_LENGTH, stun.COOKIE, transaction_id) + attributes
        attributes += INTEGRITY_HEAD + hmac.digest(key, signed, "sha1")
        length += stun.INTEGRITY_LENGTH
    message = _HEAD.pack(message_type, length + stun.FINGERPRINT_LENGTH, stun.COOKIE, transaction_id) + attributes
    return message + _FINGERPRINT_HEAD + (crc32(message) ^ stun.FINGERPRINT_XOR).to_bytes(4, "big")
