"""The route table: one line a route, one handler a route."""

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from sfu.api import consumers, data_channels, events, health, load, producers, rooms, transports
from sfu.api.keys import METRICS

ROOM = "/rooms/{roomId:[^/]+}"
PEER = ROOM + "/peers/{peerId:[^/]+}"
TRANSPORT = ROOM + "/transports/{transportId:[^/]+}"
PRODUCER = ROOM + "/producers/{producerId:[^/]+}"
CONSUMER = ROOM + "/consumers/{consumerId:[^/]+}"

DATA_PRODUCER = ROOM + "/data-producers/{dataProducerId:[^/]+}"
DATA_CONSUMER = ROOM + "/data-consumers/{dataConsumerId:[^/]+}"


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
    web.get("/load", load.load),
    web.post("/drain", load.drain),
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
    web.post(ROOM + "/data-producers", data_channels.produce_data),
    web.post(DATA_PRODUCER + "/close", data_channels.close_data_producer),
    web.post(DATA_PRODUCER + "/pause", data_channels.pause_data_producer),
    web.post(DATA_PRODUCER + "/resume", data_channels.resume_data_producer),
    web.get(DATA_PRODUCER + "/stats", data_channels.data_producer_stats),
    web.post(ROOM + "/data-consumers", data_channels.consume_data),
    web.post(DATA_CONSUMER + "/close", data_channels.close_data_consumer),
    web.post(DATA_CONSUMER + "/pause", data_channels.pause_data_consumer),
    web.post(DATA_CONSUMER + "/resume", data_channels.resume_data_consumer),
    web.get(DATA_CONSUMER + "/stats", data_channels.data_consumer_stats),
)
