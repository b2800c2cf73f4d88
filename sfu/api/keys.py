"""What handlers find in the application."""

from aiohttp import web

from sfu.api.metrics import Metrics
from sfu.api.turns import Turns
from sfu.control.event_log import EventLog
from sfu.control.room_registry import RoomRegistry
from sfu.control.worker_pool import WorkerPool

ROOMS = web.AppKey("rooms", RoomRegistry)
POOL = web.AppKey("pool", WorkerPool)
EVENTS = web.AppKey("events", EventLog)
METRICS = web.AppKey("metrics", Metrics)
TURNS = web.AppKey("turns", Turns)
API_TOKEN = web.AppKey("api_token", str)
"""Empty when no credential is needed."""
