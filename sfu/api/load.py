"""How much the service has to do, for who spreads rooms over several; and the call that drains it."""

from itertools import chain

from aiohttp import web

from sfu.api.keys import EVENTS, POOL, ROOMS
from sfu.api.responses import json_response


async def load(request: web.Request) -> web.Response:
    """`GET /load`. Asks no worker: their figures are of the last few seconds, so this is always quick."""
    app = request.app
    workers, rooms = app[POOL].ready_workers, app[ROOMS].rooms
    peers = list(chain.from_iterable(room.peers.values() for room in rooms))
    return json_response(
        {
            "epoch": app[EVENTS].epoch,
            "draining": app[ROOMS].draining,
            "rooms": len(rooms),
            "peers": len(peers),
            "producers": sum(len(peer.producers) for peer in peers),
            "consumers": sum(len(peer.consumers) for peer in peers),
            "workersReady": len(workers),
            "cpuShare": round(sum(worker.rates.latest.cpu_share for worker in workers), 3),
            "packetsPerSecond": round(sum(worker.rates.latest.packets_per_s for worker in workers)),
        }
    )


async def drain(request: web.Request) -> web.Response:
    """`POST /drain`: take no new room, and end when the last one has closed."""
    rooms = request.app[ROOMS]
    rooms.drain()
    return json_response({"draining": True, "rooms": len(rooms.rooms), "peers": rooms.peer_count})
