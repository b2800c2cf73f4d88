"""ICE-lite (RFC 8445 2.5): answer connectivity checks, remember who passed them, notice when consent ends.

Sans-IO. Messages are parsed and built by `aioice.stun`. A lite agent is always controlled and never sends a check;
the peer nominates. Consent (RFC 7675) rests on the peer's checks: without one for `consent_timeout` seconds the
transport is disconnected, and the next authenticated check brings it back.
"""

import enum
import secrets
import struct
from dataclasses import dataclass, field

from aioice import stun

from sfu.net.address import Address

MAX_ADDRESSES = 8
"""Addresses of one peer that may send media at a time: its interfaces, IPv4 and IPv6, before and after a move."""

USERNAME_FRAGMENT_LENGTH = 16
PASSWORD_LENGTH = 32
"""Within RFC 8445 5.3 (at least 4 and 22 characters); 96 and 192 bits of randomness."""

_ICE_CHARS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


class IceState(enum.Enum):
    """mediasoup's ICE states: completed means that the peer has nominated a pair."""

    NEW = "new"
    CONNECTED = "connected"
    COMPLETED = "completed"
    DISCONNECTED = "disconnected"
    CLOSED = "closed"


@dataclass(slots=True)
class CheckResult:
    """What a connectivity check came to: an answer to send back, and whether its sender proved who it is."""

    answer: bytes | None = None
    authenticated: bool = False
    forgotten: list[Address] = field(default_factory=list)


def parse_request(data: bytes) -> stun.Message:
    """Parse a STUN binding request.

    Raises:
        ValueError: the bytes are no STUN message, or it is none that a lite agent answers.
    """
    try:
        message = stun.parse_message(data)
    except (struct.error, IndexError, KeyError) as error:
        raise ValueError(f"malformed STUN attribute: {error}") from error
    if message.message_method != stun.Method.BINDING or message.message_class != stun.Class.REQUEST:
        raise ValueError("not a binding request")
    return message


def local_username_fragment(message: stun.Message) -> str | None:
    """Return the part of USERNAME that names one of our transports (RFC 8445 7.2.2: ours, colon, theirs)."""
    username = message.attributes.get("USERNAME")
    if username is None:
        return None
    fragment, separator, _ = str(username).partition(":")
    return fragment if separator else None


class IceLite:
    """The ICE agent of one transport."""

    def __init__(self, consent_timeout: float) -> None:
        self.username_fragment = _random_ice_string(USERNAME_FRAGMENT_LENGTH)
        self.password = _random_ice_string(PASSWORD_LENGTH)
        self.state = IceState.NEW
        self.selected: Address | None = None
        self.addresses: list[Address] = []
        self._consent_timeout = consent_timeout
        self._consent_until: float | None = None

    def handle_request(self, message: stun.Message, address: Address, now: float) -> CheckResult:
        """Judge a binding request whose USERNAME named this transport.

        The caller sends `answer` back to `address`, and maps `address` to this transport if it was authenticated.
        """
        attributes = message.attributes
        if "MESSAGE-INTEGRITY" not in attributes:
            return CheckResult(_error_answer(message, 400, "Bad Request"))
        if not message.check_message_integrity(self.password.encode()):
            return CheckResult(_error_answer(message, 401, "Unauthorized"))
        if "ICE-CONTROLLED" in attributes:
            # A lite agent never takes the controlling role (RFC 8445 7.3.1.1).
            return CheckResult(_error_answer(message, 487, "Role Conflict", self.password))
        if self.state is IceState.CLOSED:
            return CheckResult()
        self._consent_until = now + self._consent_timeout
        forgotten = self._remember(address)
        self._advance(address, nominated="USE-CANDIDATE" in attributes)
        return CheckResult(_success_answer(message, address, self.password), True, forgotten)

    def forget(self, address: Address) -> None:
        """Take an address away, as when another transport has proved that it is its own now."""
        if address in self.addresses:
            self.addresses.remove(address)
        if self.selected == address:
            self.selected = self.addresses[-1] if self.addresses else None

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due, in the clock of `now`; `None` while nothing can time out."""
        return (
            None if self.state in {IceState.NEW, IceState.DISCONNECTED, IceState.CLOSED} else self._consent_until
        )

    def handle_timeout(self, now: float) -> None:
        """End the consent if no check has come in time."""
        deadline = self.next_timeout()
        if deadline is not None and now >= deadline:
            self.state = IceState.DISCONNECTED

    def close(self) -> None:
        """End for good; nothing is answered any more."""
        self.state = IceState.CLOSED
        self.addresses.clear()
        self.selected = None

    def _remember(self, address: Address) -> list[Address]:
        if address in self.addresses:
            self.addresses.remove(address)
        self.addresses.append(address)  # the freshest is last
        if len(self.addresses) <= MAX_ADDRESSES:
            return []
        oldest = next(known for known in self.addresses if known != self.selected)
        self.addresses.remove(oldest)
        return [oldest]

    def _advance(self, address: Address, *, nominated: bool) -> None:
        if nominated:
            self.selected = address
            self.state = IceState.COMPLETED
        elif self.state in {IceState.NEW, IceState.DISCONNECTED}:
            self.selected = address
            self.state = IceState.CONNECTED


def _random_ice_string(length: int) -> str:
    return "".join(secrets.choice(_ICE_CHARS) for _ in range(length))


def _success_answer(request: stun.Message, address: Address, password: str) -> bytes:
    answer = stun.Message(
        stun.Method.BINDING,
        stun.Class.RESPONSE,
        request.transaction_id,
        {"XOR-MAPPED-ADDRESS": (address[0], address[1])},
    )
    answer.add_message_integrity(password.encode())
    return bytes(answer)


def _error_answer(request: stun.Message, code: int, reason: str, password: str | None = None) -> bytes:
    answer = stun.Message(
        stun.Method.BINDING, stun.Class.ERROR, request.transaction_id, {"ERROR-CODE": (code, reason)}
    )
    if password is None:
        answer.add_fingerprint()
    else:
        answer.add_message_integrity(password.encode())
    return bytes(answer)
