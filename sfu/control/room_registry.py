"""All rooms of this SFU: made on the first join, gone with the last leave or with their media worker."""

import asyncio
import time
from contextvars import Context
from functools import partial
from typing import Any

from sfu.control.event_log import EventLog
from sfu.control.limits import Limits
from sfu.control.media_worker import MediaWorker
from sfu.control.paced_events import PacedEvents
from sfu.control.peer import Peer, PeerInfo
from sfu.control.peer_timeouts import PeerTimeouts
from sfu.control.room import Room, RoomClosedReason
from sfu.control.turnover import Turnover
from sfu.control.worker_pool import WorkerPool
from sfu.errors import DRAINING, LimitReached, NotAvailable, NotFound
from shared.logging import get_logger

_log = get_logger(__name__)


class RoomRegistry:
    """Rooms by id. Publishes what happens in them and removes peers that have fallen silent.

    `drain_begun` is set when no new rooms are taken any more, `drained` when then the last one has closed;
    `turnover` counts what comes and goes.
    """

    def __init__(
        self,
        pool: WorkerPool,
        events: EventLog,
        timeouts: PeerTimeouts[Peer],
        limits: Limits,
        *,
        spread_after: int = 0,
    ) -> None:
        self._pool = pool
        self._events = events
        self._paced = PacedEvents(events)
        self._timeouts = timeouts
        self._limits = limits
        self._spread_after = spread_after
        self.turnover = Turnover()
        self._rooms: dict[str, Room] = {}
        self._opening: dict[Room, asyncio.Task[None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0  # not `when()`: uvloop has none for what is due at once
        self._room_of: dict[Peer, Room] = {}
        self.drain_begun = asyncio.Event()
        self.drained = asyncio.Event()
        pool.on("died", self._worker_died)

    @property
    def rooms(self) -> list[Room]:
        """All rooms, oldest first."""
        return list(self._rooms.values())

    @property
    def peer_count(self) -> int:
        """Peers of all rooms together."""
        return len(self._room_of)

    @property
    def draining(self) -> bool:
        """Whether no new rooms are taken any more."""
        return self.drain_begun.is_set()

    def room(self, room_id: str) -> Room:
        """Return the room with this id, or raise `NotFound`."""
        if (room := self._rooms.get(room_id)) is None:
            raise NotFound.room(room_id)
        return room

    async def join(self, room_id: str, room_name: str | None, info: PeerInfo) -> tuple[Room, Peer]:
        """Take a peer into a room, which is made if there is none. Returns when its router is there.

        Peers that join at one time share one room. One that is made to leave meanwhile gets `NotFound`.

        Raises:
            Conflict: `PEER_EXISTS`.
            LimitReached: too many rooms, peers or peers in this room.
            NotAvailable: no media worker can take the room, or (`DRAINING`) no new room is taken.
        """
        if len(self._room_of) >= self._limits.peers:
            raise LimitReached(f"this service holds at most {self._limits.peers} peers")
        room = self._rooms.get(room_id) or self._new_room(room_id, room_name)
        peer = room.add_peer(info, _now_ms())
        if (opening := self._opening.get(room)) is not None:
            await asyncio.shield(opening)
        if peer.closed:
            raise NotFound.peer(peer.id)
        return room, peer

    def leave(self, room_id: str, peer_id: str) -> None:
        """Remove a peer that wants to go, or raise `NotFound`."""
        room = self.room(room_id)
        room.remove_peer(room.peer(peer_id), "left")

    def delete(self, room_id: str) -> None:
        """Close a room with all in it, or raise `NotFound`."""
        self.room(room_id).close("deleted")

    def drain(self) -> None:
        """Take no new room from now on; those there are go on until they end. Idempotent."""
        if self.draining:
            return
        self.drain_begun.set()
        self._events.publish("draining")
        self._note_if_drained()

    def close(self, reason: RoomClosedReason) -> None:
        """Close all rooms."""
        for room in self.rooms:
            room.close(reason)
        self._paced.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _new_room(self, room_id: str, room_name: str | None) -> Room:
        if self.draining:
            raise NotAvailable("this service is about to end and takes no new room", DRAINING)
        if len(self._rooms) >= self._limits.rooms:
            raise LimitReached(f"this service holds at most {self._limits.rooms} rooms")
        room = Room(room_id, room_name or room_id, _now_ms(), self._pool, self._limits, self._spread_after)
        self._rooms[room_id] = room
        self.turnover.rooms_opened += 1
        room.on("event", partial(self._publish, room_id))
        room.on("change", partial(self._paced.publish, room_id))
        room.on("peer-joined", partial(self._peer_joined, room))
        room.on("peer-closed", self._peer_closed)
        room.on("close", self._room_closed)
        opening = asyncio.create_task(room.open())
        self._opening[room] = opening
        opening.add_done_callback(lambda task: self._opened(room, task))
        return room

    def _opened(self, room: Room, opening: asyncio.Task[None]) -> None:
        self._opening.pop(room, None)
        if not opening.cancelled() and (error := opening.exception()) is not None:
            _log.warning("room not opened", room_id=room.id, error=str(error))

    def _publish(self, room_id: str, event: str, data: dict[str, Any]) -> None:
        self._events.publish(event, room_id, data)

    def _peer_joined(self, room: Room, peer: Peer) -> None:
        self._room_of[peer] = room
        self.turnover.follow(peer)
        peer.on("connected", self._peer_connected)
        peer.on("disconnected", self._peer_disconnected)
        peer.on("closed-transports", self._peer_closed_transports)
        self._timeouts.joined(peer, _now())
        self._schedule()

    def _peer_connected(self, peer: Peer) -> None:
        self._timeouts.connected(peer)

    def _peer_disconnected(self, peer: Peer) -> None:
        self._timeouts.disconnected(peer, _now())
        self._schedule()

    def _peer_closed_transports(self, peer: Peer) -> None:
        self._timeouts.closed_transports(peer, _now())
        self._schedule()

    def _peer_closed(self, peer: Peer, reason: str) -> None:
        self.turnover.peers_closed[reason] += 1
        self._timeouts.left(peer)
        self._room_of.pop(peer, None)

    def _room_closed(self, room: Room, reason: str) -> None:
        self.turnover.rooms_closed[reason] += 1
        if self._rooms.get(room.id) is room:
            del self._rooms[room.id]
        self._note_if_drained()

    def _note_if_drained(self) -> None:
        if self.draining and not self._rooms:
            self.drained.set()

    def _worker_died(self, worker: MediaWorker) -> None:
        self._events.publish("worker-died", data={"workerPid": worker.pid})
        for room in self.rooms:
            room.worker_died(worker)

    def _schedule(self) -> None:
        """Set the one timer to the next deadline; one that is early finds nothing to do and sets itself again."""
        due = self._timeouts.next_timeout()
        if due is None or (self._timer is not None and self._due <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        # In a context of its own: the removal belongs to no request, whichever set the timer.
        self._due = due
        self._timer = asyncio.get_running_loop().call_at(due, self._handle_timeout, context=Context())

    def _handle_timeout(self) -> None:
        self._timer = None
        for peer, reason in self._timeouts.handle_timeout(_now()):
            if (room := self._room_of.get(peer)) is not None:
                room.remove_peer(peer, reason)
        self._schedule()


def _now() -> float:
    return asyncio.get_running_loop().time()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
