"""ICE-lite (RFC 8445 2.5): answer connectivity checks, remember who passed them, notice when consent ends.

Sans-IO. What messages hold is in `stun_messages`. A lite agent is always controlled and never sends a check; the
peer nominates. Consent (RFC 7675) rests on the peer's checks: without one for `consent_timeout` seconds the
transport is disconnected, nothing is sent any more, and the next authenticated check brings it back.

Which of the peer's addresses is selected, that is, gets the media:

- the one that was nominated last, by USE-CANDIDATE or by a higher NOMINATION. Of addresses that are nominated by
  turns, as an aggressive peer does (RFC 5245 2.6), the one of the highest priority. While media comes from another
  one, USE-CANDIDATE has its way when media comes from the nominated one, too;
- before any nomination, and when consent comes back, the one that is checked first;
- another one that is checked or sends media once the selected one has fallen silent: a peer whose NAT has given it
  a new port need not nominate again;
- one from which authentic media comes though nobody has checked from it, once the selected one is quiet, until a
  check confirms it or does not.

Checks cannot be forged without the password. One that is overheard and sent again from elsewhere is refused as
long as its transaction is remembered, a NOMINATION is never taken twice, and neither an older check nor a packet
that is sent again moves the media of a peer from which media comes: SRTP takes no packet twice.
"""

import enum
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from sfu.net.address import Address, remote_of
from sfu.net.ice_credentials import IceCredentials
from sfu.net.known_check import KnownCheck
from sfu.net.stun_messages import Check, error_answer, success_answer, unknown_attributes_answer

MAX_ADDRESSES = 8
"""Addresses of one peer that may send media at a time: its interfaces, IPv4 and IPv6, before and after a move."""

ADDRESS_HELD_S = 10.0
"""How long an address stays its transport's after a check. A lite agent cannot ask back, so a check with a forged
source would else take a peer's address away from it. Browsers check every 2.5 s at least; who opens a transport
anew from the port of one that is not closed waits that long."""

SILENT_S = 1.0
"""An address from which nothing has come for so long gives way to one that sends media: a peer sends its media
from one place at a time, and no network holds packets back for longer."""

QUIET_S = 0.25
"""An address from which no media has come for so long may be one that the peer has left. Browsers send audio every
20 ms, video at 5 frames a second and more, and feedback on what they receive every 100 ms."""

CONFIRM_WITHIN_S = 8.0
"""Time for a check from an address that so far only SRTP has vouched for. Whoever sends a quiet peer's packet
from elsewhere before it gets here has the media, encrypted, for no longer; for `SILENT_S` if the peer goes on."""

UNCHECKED_S = 6.0
"""An address from which nothing has come for so long gives way to one that is merely checked: browsers check the
one that they use every 2.5 s, others every 5 s (RFC 7675 5.1)."""

MAX_TRANSACTIONS = 64
"""Transactions remembered, two and a half minutes of a browser's checks. A check that is older and sent again by
somebody else can move the media of a quiet peer, until that sends media or nominates its address again."""


class IceState(enum.Enum):
    """mediasoup's ICE states: completed means that the peer has nominated a pair."""

    NEW = "new"
    CONNECTED = "connected"
    COMPLETED = "completed"
    DISCONNECTED = "disconnected"
    CLOSED = "closed"


LIVE_STATES = frozenset({IceState.CONNECTED, IceState.COMPLETED})


@dataclass(slots=True)
class CheckResult:
    """What a connectivity check came to.

    Attributes:
        answer: to be sent back, if any.
        refused: why its sender has not proved who it is, as a reason among the drops.
        forgotten: addresses that are not the peer's any more.
        retired: user name fragments that name nobody any more.
    """

    answer: bytes | None = None
    refused: str | None = None
    forgotten: list[Address] = field(default_factory=list)
    retired: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Proven:
    """An address that checks have come from: when the last, of which priority, and when one nominated it."""

    checked_at: float
    priority: int
    nominated_at: float = float("-inf")


class IceLite:
    """The ICE agent of one transport. `addresses` holds those proven to be the peer's, the freshest last.

    `consent_expired` tells whether it is disconnected because no check has come in time, not because it has lost
    the peer's address a moment ago. `on_selected` is called when media goes to another address, or to none.
    """

    def __init__(self, consent_timeout: float, on_selected: Callable[[], None] | None = None) -> None:
        self.credentials = IceCredentials()
        self.state = IceState.NEW
        self.selected: Address | None = None
        self.addresses: dict[Address, Proven] = {}
        self.consent_expired = False
        self._consent_timeout = consent_timeout
        self._on_selected = on_selected
        self._consent_until: float | None = None
        self._nomination = 0
        self._nominee: Address | None = None
        self._heard_at = 0.0
        self._media_at = float("-inf")
        self._unconfirmed: Address | None = None
        self._confirm_until = 0.0
        self._stray_at = 0.0
        self._transactions: OrderedDict[bytes, Address] = OrderedDict()
        self._known_check: KnownCheck | None = None

    def handle_check(self, check: Check, address: Address, now: float) -> CheckResult:
        """Judge a binding request whose USERNAME named this transport.

        The caller sends the result's `answer` back to `address`, and maps `address` to this transport unless the
        check was `refused`.
        """
        refusal = self._refuse(check, address)
        if refusal is not None:
            return refusal
        key = self.credentials.key(check.fragment)
        assert key is not None  # noqa: S101 - else it was refused
        self._known_check = KnownCheck.of(check)
        return self._accept(check, check.message.transaction_id, key, address, now)

    def handle_repeated(self, datagram: bytes, address: Address, now: float) -> CheckResult | None:
        """Judge a datagram from one of `addresses` by the last check that `handle_check` has accepted.

        `None` unless it is such a check again: it is to be parsed then.
        """
        known = self._known_check
        key = None if known is None else self.credentials.key(known.fragment)
        if known is None or key is None or self.state is IceState.CLOSED:
            return None
        transaction_id = known.repeated_by(datagram, key)
        if transaction_id is None or self._is_replayed(transaction_id, address):
            return None
        return self._accept(known, transaction_id, key, address, now)

    def _accept(
        self, check: Check | KnownCheck, transaction_id: bytes, key: bytes, address: Address, now: float
    ) -> CheckResult:
        result = CheckResult(success_answer(transaction_id, remote_of(address), key))
        result.retired = self.credentials.used(check.fragment, now)
        if result.retired:
            self._nomination = 0  # the peer may count anew after a restart
            self._media_at = float("-inf")  # no check that is signed anew can be a repeated one
        self._consent_until = now + self._consent_timeout
        self.consent_expired = False
        result.forgotten = self._remember(check, address, now)
        self._advance(check, address, now)
        return result

    def heard(self, address: Address, now: float) -> bool:
        """Take note of authentic media from an address; it may have to be where ours goes.

        Returns whether that may have brought `next_timeout` nearer.
        """
        if address == self.selected:
            self._heard_at = self._media_at = now
            return False
        silent_for = SILENT_S
        if address == self._unconfirmed:
            silent_for, self._stray_at = QUIET_S, now
        moved = address == self._nominee or now - self._heard_at >= silent_for
        if moved and self.state in LIVE_STATES and address in self.addresses:
            self._select(address, now)
            self._media_at = now
        return self._unconfirmed is not None

    def silence(self, now: float) -> float:
        """Return for how many seconds nothing has come from the selected address."""
        return now - self._heard_at

    def adopt(self, address: Address, now: float) -> list[Address]:
        """Take an address in from which authentic media has come, for as long as a check may take.

        Ours goes there when the selected one is quiet. Returns the addresses that are forgotten for it.
        """
        forgotten = [] if self._unconfirmed is None else [self._unconfirmed]
        for old in forgotten:
            self.addresses.pop(old, None)
        self._unconfirmed, self._confirm_until = address, now + CONFIRM_WITHIN_S
        # Nobody has checked from there: another transport may, and nothing else is to fall back upon it.
        forgotten += self._admit(address, Proven(float("-inf"), 0))
        self.heard(address, now)
        return forgotten

    def holds(self, address: Address, now: float) -> bool:
        """Tell whether `address` has been checked so lately that no other transport may claim it.

        Or, if it has been checked at all, been heard so lately while it is the selected one.
        """
        proven = self.addresses.get(address)
        if proven is None or address == self._unconfirmed:
            return False
        heard_at = self._heard_at if address == self.selected else proven.checked_at
        return now - max(heard_at, proven.checked_at) < ADDRESS_HELD_S

    def forget(self, address: Address, now: float) -> None:
        """Take an address away: another transport has proved that it is its own now, or its connection has ended.

        The freshest other one takes its place, if there is one that still has consent.
        """
        self.addresses.pop(address, None)
        if address == self._unconfirmed:
            self._unconfirmed = None
        if address == self._nominee:
            self._nominee = None
        if self.selected != address:
            return
        left = max(self.addresses, key=lambda known: self.addresses[known].checked_at, default=None)
        if left is not None and now - self.addresses[left].checked_at < self._consent_timeout:
            self._select(left, now)
        else:
            self._disconnect()

    def restart(self, now: float) -> list[str]:
        """Make new credentials (RFC 8445 9); everything else goes on. Returns the fragments that ended for it."""
        return self.credentials.restart(now)

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due, in the clock of `now`; `None` while nothing can time out."""
        consent = self._consent_until if self.state in LIVE_STATES else None
        credentials = self.credentials.next_timeout()
        if self._unconfirmed is None and credentials is None:  # as nearly always
            return consent
        confirm = None if self._unconfirmed is None else self._confirm_until
        quiet = self._heard_at + QUIET_S if self._may_have_moved else None
        return min((when for when in (consent, confirm, quiet, credentials) if when is not None), default=None)

    def unconfirmed(self, now: float) -> Address | None:
        """Return an address that was adopted and has not been checked from in time, to be forgotten."""
        return self._unconfirmed if now >= self._confirm_until else None

    def handle_timeout(self, now: float) -> list[str]:
        """Let time pass: consent and old credentials end, and a peer that has moved is followed.

        Returns the fragments that ended.
        """
        if self.state in LIVE_STATES and self._consent_until is not None and now >= self._consent_until:
            self.consent_expired = True
            self._disconnect()
        if self._may_have_moved and now - self._heard_at >= QUIET_S:
            assert self._unconfirmed is not None  # noqa: S101 - that is part of it
            self._select(self._unconfirmed, now)
        return self.credentials.handle_timeout(now)

    def close(self) -> None:
        """End for good; nothing is answered any more."""
        self.state = IceState.CLOSED
        self.addresses.clear()
        self._transactions.clear()
        self._known_check = None
        self._unconfirmed = self._nominee = None
        self._set_selected(None)
        self._on_selected = None  # its owner is freed without the collector

    @property
    def _may_have_moved(self) -> bool:
        """Whether the last media has come from the unconfirmed address, and the selected one may be left."""
        waits = self._unconfirmed is not None and self._unconfirmed != self.selected
        return waits and self.selected is not None and self._stray_at >= self._heard_at

    def _refuse(self, check: Check, address: Address) -> CheckResult | None:
        message = check.message
        if "MESSAGE-INTEGRITY" not in message.attributes:
            return _refused_stranger(check, 400, "Bad Request")
        key = self.credentials.key(check.fragment)
        if self.state is IceState.CLOSED or key is None:
            return CheckResult(refused="stun_unknown_username")
        if not message.check_message_integrity(key):
            return _refused_stranger(check, 401, "Unauthorized")
        if check.unknown:
            answer = unknown_attributes_answer(message, check.unknown, key)
            return CheckResult(answer, "stun_unknown_attribute")
        if "ICE-CONTROLLED" in message.attributes:
            # Of a full and a lite agent the full one controls (RFC 8445 6.1.1): whatever its tiebreaker, the peer
            # has to switch (7.3.1.1). With ICE-CONTROLLING there is no conflict, as we never claim that role.
            return CheckResult(error_answer(message, 487, "Role Conflict", key), "stun_role_conflict")
        return CheckResult(refused="stun_replayed") if self._is_replayed(message.transaction_id, address) else None

    def _is_replayed(self, transaction_id: bytes, address: Address) -> bool:
        """Tell whether a check has been seen that came from another address; this one is remembered if not."""
        transactions = self._transactions
        if transactions.get(transaction_id, address) != address:
            return True
        transactions[transaction_id] = address
        if len(transactions) > MAX_TRANSACTIONS:
            transactions.popitem(last=False)
        return False

    def _remember(self, check: Check | KnownCheck, address: Address, now: float) -> list[Address]:
        proven = self.addresses.pop(address, None)
        if proven is None:
            proven = Proven(now, check.priority)
        else:
            proven.checked_at, proven.priority = now, check.priority
        if address == self._unconfirmed:
            self._unconfirmed = None
        return self._admit(address, proven)

    def _admit(self, address: Address, proven: Proven) -> list[Address]:
        self.addresses[address] = proven
        if len(self.addresses) <= MAX_ADDRESSES:
            return []
        oldest = next(known for known in self.addresses if known != self.selected)
        del self.addresses[oldest]
        if oldest == self._unconfirmed:
            self._unconfirmed = None
        return [oldest]

    def _advance(self, check: Check | KnownCheck, address: Address, now: float) -> None:
        if check.nomination is not None and check.nomination > self._nomination:
            self._nomination = check.nomination
            self.state = IceState.COMPLETED
            self._select(address, now)
        elif check.use_candidate and self._accepts_nomination(address, now):
            self.state = IceState.COMPLETED
            self._nominate(address, now)
        elif self.state not in LIVE_STATES:
            self.state = IceState.CONNECTED
            self._select(address, now)
        elif address == self.selected:
            self._heard_at = now
        elif address == self._nominee:  # a peer may nominate but once
            self._nominate(address, now)
        elif now - self._heard_at >= UNCHECKED_S:
            self._select(address, now)

    def _accepts_nomination(self, address: Address, now: float) -> bool:
        proven = self.addresses[address]
        again = now - proven.nominated_at < UNCHECKED_S
        proven.nominated_at = now
        rival = None if self.selected is None or self.selected == address else self.addresses[self.selected]
        rivalled = (
            rival is not None and now - rival.nominated_at < UNCHECKED_S and rival.priority > proven.priority
        )
        return not (again and rivalled)

    def _nominate(self, address: Address, now: float) -> None:
        """Select an address, or keep it in mind while media comes from another one: the check may be a repeated
        one, and if it is not, the peer's next packet comes from there."""
        if self.selected in {None, address} or now - self._media_at >= QUIET_S:
            self._select(address, now)
        else:
            self._nominee = address

    def _select(self, address: Address, now: float) -> None:
        self._set_selected(address)
        self._nominee = None
        self._heard_at = now

    def _set_selected(self, address: Address | None) -> None:
        if address != self.selected:
            self.selected = address
            if self._on_selected is not None:
                self._on_selected()

    def _disconnect(self) -> None:
        self._set_selected(None)
        if self.state in LIVE_STATES:
            self.state = IceState.DISCONNECTED


def _refused_stranger(check: Check, code: int, reason: str) -> CheckResult:
    """Answer who has proved nothing, unless that would make more bytes of fewer."""
    answer = error_answer(check.message, code, reason)
    return CheckResult(answer if len(answer) <= len(check.data) else None, "stun_unauthenticated")
