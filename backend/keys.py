"""Where the parts find each other in the aiohttp application: one typed key a service.

Set by the composition root (`backend.app`) before the routes are, so every handler finds them; `PRESENCE` is set
by `backend.signalling.setup_signalling`.
"""

from aiohttp import web

from backend.domain.ports import (
    AttendanceRepository,
    Presence,
    RoomRepository,
    TicketService,
    TokenService,
    UserRepository,
)
from backend.settings import Settings

SETTINGS = web.AppKey("settings", Settings)
USERS: web.AppKey[UserRepository] = web.AppKey("users", UserRepository)
ROOMS: web.AppKey[RoomRepository] = web.AppKey("rooms", RoomRepository)
ATTENDANCE: web.AppKey[AttendanceRepository] = web.AppKey("attendance", AttendanceRepository)
TICKETS: web.AppKey[TicketService] = web.AppKey("tickets", TicketService)
TOKENS: web.AppKey[TokenService] = web.AppKey("tokens", TokenService)
PRESENCE: web.AppKey[Presence] = web.AppKey("presence", Presence)
