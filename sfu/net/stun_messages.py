"""STUN messages of connectivity checks (RFC 8489, RFC 8445 7): sifted and parsed, answers built.

`aioice.stun` parses requests and computes integrity and fingerprint. What a stranger can send is sifted before
that, and the one answer that every check gets is laid out here, because both cost a worker with many transports
most of what its checks cost.
"""

import ipaddress
import struct
from functools import lru_cache

from aioice import stun

from sfu.net.address import Address

MAX_REQUEST_BYTES = 1500
"""No check is longer than a path's MTU."""

MAX_ATTRIBUTES_BEFORE_USERNAME = 8
"""USERNAME comes first or second in every browser's checks; a stranger's message is not searched to its end."""

CACHED_ADDRESSES = 4096
"""XOR-MAPPED-ADDRESS attributes kept: one for each IPv4 peer of a well-filled worker."""

_HEAD = struct.Struct("!HHL12s")
_ATTRIBUTE = struct.Struct("!HH")
_REQUEST_TYPE = stun.Method.BINDING | stun.Class.REQUEST
_SUCCESS_TYPE = stun.Method.BINDING | stun.Class.RESPONSE
_USERNAME = stun.ATTRIBUTES_BY_NAME["USERNAME"][0]
_XOR_MAPPED_ADDRESS = stun.ATTRIBUTES_BY_NAME["XOR-MAPPED-ADDRESS"][0]
_MESSAGE_INTEGRITY = stun.ATTRIBUTES_BY_NAME["MESSAGE-INTEGRITY"][0]
_FINGERPRINT = stun.ATTRIBUTES_BY_NAME["FINGERPRINT"][0]
_INTEGRITY_BYTES = stun.INTEGRITY_LENGTH - _ATTRIBUTE.size
_NO_TRANSACTION = bytes(12)


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


def parse_request(data: bytes) -> stun.Message:
    """Parse a binding request in which `local_username_fragment` has found a name.

    Raises:
        ValueError: an attribute or the fingerprint is wrong.
    """
    try:
        message = stun.parse_message(data)
    except (struct.error, IndexError, KeyError) as error:
        raise ValueError(f"malformed STUN attribute: {error}") from error
    if message.message_method != stun.Method.BINDING or message.message_class != stun.Class.REQUEST:
        raise ValueError("not a binding request")
    return message


def success_answer(transaction_id: bytes, address: Address, key: bytes) -> bytes:
    """Build the answer to a check that came from `address`, with integrity and fingerprint (RFC 8445 7.3.1.4)."""
    host, port = address[0], address[1]
    mapped = _mapped_address(host, port, transaction_id) if ":" in host else _mapped_ipv4(host, port)
    return _signed(_SUCCESS_TYPE, transaction_id, mapped, key)


def error_answer(request: stun.Message, code: int, reason: str, key: bytes | None = None) -> bytes:
    """Build an error answer; `key` signs it, without one it has a fingerprint only."""
    answer = stun.Message(
        stun.Method.BINDING, stun.Class.ERROR, request.transaction_id, {"ERROR-CODE": (code, reason)}
    )
    if key is None:
        answer.add_fingerprint()
    else:
        answer.add_message_integrity(key)
    return bytes(answer)


@lru_cache(CACHED_ADDRESSES)
def _mapped_ipv4(host: str, port: int) -> bytes:
    return _mapped_address(host, port, _NO_TRANSACTION)  # only IPv6 takes the transaction in (RFC 8489 14.2)


def _mapped_address(host: str, port: int, transaction_id: bytes) -> bytes:
    ip = ipaddress.ip_address(host)
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:  # of a socket for both families
        host = str(ip.ipv4_mapped)
    value = stun.pack_xor_address((host, port), transaction_id)
    return _ATTRIBUTE.pack(_XOR_MAPPED_ADDRESS, len(value)) + value


def _signed(message_type: int, transaction_id: bytes, attributes: bytes, key: bytes) -> bytes:
    length = len(attributes) + stun.INTEGRITY_LENGTH + stun.FINGERPRINT_LENGTH
    message = _HEAD.pack(message_type, length, stun.COOKIE, transaction_id) + attributes
    message += _ATTRIBUTE.pack(_MESSAGE_INTEGRITY, _INTEGRITY_BYTES) + stun.message_integrity(message, key)
    return message + _ATTRIBUTE.pack(_FINGERPRINT, 4) + stun.message_fingerprint(message).to_bytes(4, "big")
