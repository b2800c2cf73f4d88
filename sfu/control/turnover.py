"""What has come and gone since the start, and why: rooms, peers, transports and the states that these took."""

from collections import Counter
from typing import get_args

from sfu.control.peer import Peer
from sfu.control.peer_timeouts import RemovalReason
from sfu.control.room import ROOM_CLOSED, RoomClosedReason
from sfu.control.transport import Direction, Outcome, Transport

PEER_REASONS = ("left", "worker-died", *get_args(RemovalReason), ROOM_CLOSED)

STATES = (
    *(("ice", state) for state in ("connected", "completed", "disconnected", "closed")),
    *(("dtls", state) for state in ("connecting", "connected", "failed", "closed")),
    *(("sctp", state) for state in ("connecting", "connected", "failed", "closed")),
)


class Turnover:
    """Counts, for `/metrics`. What has not happened yet counts as nought, so that the first time is a rise."""

    def __init__(self) -> None:
        self.rooms_opened = 0
        self.rooms_closed = Counter(dict.fromkeys(get_args(RoomClosedReason), 0))
        self.peers_joined = 0
        self.peers_closed = Counter(dict.fromkeys(PEER_REASONS, 0))
        self.transports_opened = Counter(dict.fromkeys(get_args(Direction), 0))
        self.transports_closed = Counter(dict.fromkeys(get_args(Outcome), 0))
        self.transport_states = Counter(dict.fromkeys(STATES, 0))

    def follow(self, peer: Peer) -> None:
        """Count a peer that has joined, and its transports from now on."""
        self.peers_joined += 1
        peer.on("transport-opened", self._opened)
        peer.on("transport-closed", self._closed)
        peer.on("transport-state", self._state)

    def _opened(self, transport: Transport) -> None:
        self.transports_opened[transport.direction] += 1

    def _closed(self, transport: Transport) -> None:
        self.transports_closed[transport.outcome] += 1

    def _state(self, _peer: Peer, transport: Transport) -> None:
        self.transport_states.update(transport.changed_states)
