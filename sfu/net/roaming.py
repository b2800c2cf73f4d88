"""Media from an address that nobody has checked from yet: a peer whose NAT has given it a new port.

Browsers check the way that they use every 2.5 s, and until then all that they send would be lost. SRTP itself
proves whose a packet is, once, for it refuses what is repeated; the next check has to confirm the address (see
`ice_lite`).
"""

from collections.abc import Callable, Iterable

from sfu.net.address import UdpAddress, host_of
from sfu.net.endpoint import Endpoint
from sfu.net.srtp import Pointer
from sfu.rtp.packet import is_rtcp

TRIES_HZ = 100.0
BURST = 20.0
"""Packets from unknown addresses that are looked into, in a second and at once: one in a hundred of a core's time,
whatever strangers send. Of a peer that has moved one packet is enough."""

MAX_CANDIDATES = 8
"""Peers that are tried for one packet. All browsers that only receive report as SSRC 1; those of the packet's own
host come first."""


class Roaming:
    """Finds the endpoint that a stray packet belongs to. `endpoints` returns all there are."""

    def __init__(self, endpoints: Callable[[], Iterable[Endpoint]]) -> None:
        self._endpoints = endpoints
        self._tokens = BURST
        self._filled_at = 0.0

    def take(
        self, packet: memoryview, pointer: Pointer, length: int, address: UdpAddress, now: float
    ) -> Endpoint | None:
        """Hand a packet to the endpoint whose keys open it; that endpoint, which now has the address too."""
        if not self._may_try(now):
            return None
        rtcp = is_rtcp(packet[0], packet[1])
        ssrc = bytes(packet[4:8] if rtcp else packet[8:12])
        original = bytes(packet[:length])
        for endpoint in self._candidates(ssrc, host_of(address)):
            packet[:length] = original  # a failed try has left its mark
            if endpoint.receive_stray(packet, pointer, length, address, now, rtcp=rtcp):
                return endpoint
        return None

    def _candidates(self, ssrc: bytes, host: str) -> list[Endpoint]:
        fitting = {endpoint: None for endpoint in self._endpoints() if endpoint.may_roam(ssrc)}
        ranked = sorted(fitting, key=lambda endpoint: not endpoint.is_at(host))
        return ranked[:MAX_CANDIDATES]

    def _may_try(self, now: float) -> bool:
        self._tokens = min(BURST, self._tokens + (now - self._filled_at) * TRIES_HZ)
        self._filled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
