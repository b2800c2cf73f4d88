"""ICE-lite (RFC 8445 2.5): answer connectivity checks, remember who passed them, notice when consent ends.

Sans-IO. What messages hold is in `stun_messages`. A lite agent is always controlled and never sends a check; the
peer nominates. Consent (RFC 7675) rests on the peer's checks: without one for `consent_timeout` seconds the
transport is disconnected, and the next authenticated check brings it back.
"""

import enum
import secrets
from dataclasses import dataclass, field

from aioice import stun

from sfu.net.address import Address
from sfu.net.stun_messages import error_answer, success_answer

MAX_ADDRESSES = 8
"""Addresses of one peer that may send media at a time: its interfaces, IPv4 and IPv6, before and after a move."""

ADDRESS_HELD_S = 10.0
"""How long an address stays its transport's after a check. A lite agent cannot ask back, so a check with a forged
source would else take a peer's address away from it. Browsers check every 2.5 s at least; who opens a transport
anew from the port of one that is not closed waits that long."""

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


class IceLite:
    """The ICE agent of one transport. `addresses` holds when the last check came from each, the freshest last."""

    def __init__(self, consent_timeout: float) -> None:
        self.username_fragment = _random_ice_string(USERNAME_FRAGMENT_LENGTH)
        self.password = _random_ice_string(PASSWORD_LENGTH)
        self.state = IceState.NEW
        self.selected: Address | None = None
        self.addresses: dict[Address, float] = {}
        self._key = self.password.encode()
        self._consent_timeout = consent_timeout
        self._consent_until: float | None = None

    def handle_request(self, message: stun.Message, address: Address, now: float) -> CheckResult:
        """Judge a binding request whose USERNAME named this transport.

        The caller sends `answer` back to `address`, and maps `address` to this transport if it was authenticated.
        """
        attributes = message.attributes
        if "MESSAGE-INTEGRITY" not in attributes:
            return CheckResult(error_answer(message, 400, "Bad Request"))
        if not message.check_message_integrity(self._key):
            return CheckResult(error_answer(message, 401, "Unauthorized"))
        if "ICE-CONTROLLED" in attributes:
            # A lite agent never takes the controlling role (RFC 8445 7.3.1.1).
            return CheckResult(error_answer(message, 487, "Role Conflict", self._key))
        if self.state is IceState.CLOSED:
            return CheckResult()
        self._consent_until = now + self._consent_timeout
        forgotten = self._remember(address, now)
        self._advance(address, nominated="USE-CANDIDATE" in attributes)
        return CheckResult(success_answer(message.transaction_id, address, self._key), True, forgotten)

    def holds(self, address: Address, now: float) -> bool:
        """Tell whether `address` has been checked so lately that no other transport may claim it."""
        checked_at = self.addresses.get(address)
        return checked_at is not None and now - checked_at < ADDRESS_HELD_S

    def forget(self, address: Address) -> None:
        """Take an address away, as when another transport has proved that it is its own now."""
        self.addresses.pop(address, None)
        if self.selected == address:
            self.selected = next(reversed(self.addresses), None)
        if not self.addresses and self.state in {IceState.CONNECTED, IceState.COMPLETED}:
            self.state = IceState.DISCONNECTED

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due, in the clock of `now`; `None` while nothing can time out."""
        return self._consent_until if self.state in {IceState.CONNECTED, IceState.COMPLETED} else None

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

    def _remember(self, address: Address, now: float) -> list[Address]:
        self.addresses.pop(address, None)
        self.addresses[address] = now
        if len(self.addresses) <= MAX_ADDRESSES:
            return []
        oldest = next(known for known in self.addresses if known != self.selected)
        del self.addresses[oldest]
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
