"""Media from an address that nobody has checked from yet: a peer whose NAT has given it a new port.

Browsers check the way that they use every 2.5 s, and until then all that they send would be lost. SRTP itself
proves whose a packet is, once, for it refuses what is repeated; the next check has to confirm the address (see
`ice_lite`).

A packet that somebody has overheard and sends from elsewhere before it gets here, or in place of one that got
lost, looks the same. So the peer's media is taken from there at once, but ours follows only when the address
before has fallen quiet, and within one IP address only: a NAT keeps that (RFC 4787 REQ-2), and who gets a new one
has to check from there.
"""

from collections.abc import Iterable

from sfu.net.address import UdpAddress, host_of
from sfu.net.address_book import AddressBook
from sfu.net.endpoint import Endpoint
from sfu.net.srtp import Pointer
from sfu.rtp.packet import is_rtcp

TRIES_HZ = 100.0
BURST = 20.0
"""Packets from unknown addresses that are looked into, in a second and at once: one in a hundred of a core's time,
whatever strangers send. Of a peer that has moved one packet is enough."""

PEERS_A_TRY = 50
"""Where many share an IP address, so many more to look through cost as much as a try, and count as one."""

MAX_CANDIDATES = 8
"""Peers that are tried for one packet, those that have been silent for longest first: all browsers that only
receive report as SSRC 1."""


class Roaming:
    """Finds the endpoint that a stray packet belongs to, among those of `book`."""

    def __init__(self, book: AddressBook) -> None:
        self._book = book
        self._tokens = BURST
        self._filled_at = 0.0

    def take(self, packet: memoryview, pointer: Pointer, length: int, address: UdpAddress, now: float) -> bool:
        """Hand a packet to the endpoint whose keys open it, and give it the address; whether there is one."""
        there = self._book.owners_at(host_of(address))
        if not there or not self._may_try(len(there), now):
            return False
        rtcp = is_rtcp(packet[0], packet[1])
        ssrc = bytes(packet[4:8] if rtcp else packet[8:12])
        original = bytes(packet[:length])
        for endpoint in _candidates(there, ssrc, now):
            packet[:length] = original  # a failed try has left its mark
            opened = endpoint.open_stray(packet, pointer, length, rtcp=rtcp)
            if opened:
                self._book.bind(address, endpoint)
                endpoint.follow(packet, opened, address, now, rtcp=rtcp)
                return True
        return False

    def _may_try(self, peers: int, now: float) -> bool:
        self._tokens = min(BURST, self._tokens + (now - self._filled_at) * TRIES_HZ)
        self._filled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1 + peers / PEERS_A_TRY  # may be less than nothing then: the next try is later
        return True


def _candidates(there: Iterable[Endpoint], ssrc: bytes, now: float) -> list[Endpoint]:
    fitting = [endpoint for endpoint in there if endpoint.may_roam(ssrc)]
    return sorted(fitting, key=lambda endpoint: -endpoint.ice.silence(now))[:MAX_CANDIDATES]
