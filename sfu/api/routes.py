"""The route table: one line a route, one handler a route."""

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from sfu.api import consumers, events, health, producers, rooms, transports
from sfu.api.keys import METRICS

ROOM = "/rooms/{roomId:[^/]+}"
PEER = ROOM + "/peers/{peerId:[^/]+}"
TRANSPORT = ROOM + "/transports/{transportId:[^/]+}"
PRODUCER = ROOM + "/producers/{producerId:[^/]+}"
CONSUMER = ROOM + "/consumers/{consumerId:[^/]+}"


async def metrics(request: web.Request) -> web.Response:
    """`GET /metrics`."""
    body = await request.app[METRICS].expose()
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


ROUTES = (
    web.get("/health", health.health),
    web.get("/health/live", health.live),
    web.get("/health/ready", health.ready),
    web.get("/metrics", metrics),
    web.get("/events", events.follow_events, allow_head=False),
    web.get("/rooms", rooms.list_rooms),
    web.get(ROOM, rooms.get_room),
    web.delete(ROOM, rooms.delete_room),
    web.post(ROOM + "/peers", rooms.join_room),
    web.post(PEER + "/leave", rooms.leave_room),
    web.post(ROOM + "/transports", transports.create_transport),
    web.post(TRANSPORT + "/connect", transports.connect_transport),
    web.post(TRANSPORT + "/restart-ice", transports.restart_ice),
    web.post(TRANSPORT + "/close", transports.close_transport),
    web.post(TRANSPORT + "/max-incoming-bitrate", transports.set_max_incoming_bitrate),
    web.get(TRANSPORT + "/stats", transports.transport_stats),
    web.post(ROOM + "/producers", producers.produce),
    web.post(PRODUCER + "/close", producers.close_producer),
    web.post(PRODUCER + "/pause", producers.pause_producer),
    web.post(PRODUCER + "/resume", producers.resume_producer),
    web.get(PRODUCER + "/stats", producers.producer_stats),
    web.post(ROOM + "/consumers", consumers.consume),
    web.post(CONSUMER + "/close", consumers.close_consumer),
    web.post(CONSUMER + "/pause", consumers.pause_consumer),
    web.post(CONSUMER + "/resume", consumers.resume_consumer),
    web.post(CONSUMER + "/request-key-frame", consumers.request_key_frame),
    web.post(CONSUMER + "/preferred-layers", consumers.set_preferred_layers),
    web.post(CONSUMER + "/priority", consumers.set_priority),
    web.get(CONSUMER + "/stats", consumers.consumer_stats),
)
