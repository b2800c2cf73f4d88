"""Where the parts find each other in the aiohttp application: one typed key a service.

Set by the composition root (`backend.app`) before the routes are, so every handler finds them; `PRESENCE` is set
by `backend.signalling.setup_signalling`.
"""

from collections.abc import Callable

from aiohttp import web
from prometheus_client import CollectorRegistry

from backend.domain.accounts import Accounts
from backend.domain.audit import AuditLog
from backend.domain.backend_passes import BackendPasses
from backend.domain.entrance_ports import AdmissionRepository, InvitationRepository
from backend.domain.history_ports import MessageRepository
from backend.domain.homes import HomeRepository, RoomHomes
from backend.domain.invitations import Invitations
from backend.domain.metering import Meter
from backend.domain.own_second_factor import OwnSecondFactor
from backend.domain.ports import (
    AttendanceRepository,
    DatabaseHealth,
    Presence,
    RoomRepository,
    TicketService,
    TokenService,
    UserRepository,
)
from backend.domain.room_book import RoomBook
from backend.domain.room_history import RoomHistory
from backend.domain.room_passwords import RoomPasswords
from backend.domain.seat_ports import SeatRepository
from backend.domain.second_factor import SecondFactor
from backend.domain.sessions import Sessions
from backend.neighbours import BackendNeighbours
from backend.settings import Settings

SETTINGS = web.AppKey("settings", Settings)
DATABASE: web.AppKey[DatabaseHealth] = web.AppKey("database", DatabaseHealth)
GAUGES: web.AppKey[dict[str, Callable[[], float]]] = web.AppKey("gauges", dict)
"""Figures that parts offer to be read for the metrics, by the metric's name."""

METER: web.AppKey[Meter] = web.AppKey("meter", Meter)
METRICS = web.AppKey("metrics", CollectorRegistry)

USERS: web.AppKey[UserRepository] = web.AppKey("users", UserRepository)
ROOMS: web.AppKey[RoomRepository] = web.AppKey("rooms", RoomRepository)
ATTENDANCE: web.AppKey[AttendanceRepository] = web.AppKey("attendance", AttendanceRepository)
MESSAGES: web.AppKey[MessageRepository] = web.AppKey("messages", MessageRepository)
ADMISSIONS: web.AppKey[AdmissionRepository] = web.AppKey("admissions", AdmissionRepository)
INVITATIONS: web.AppKey[InvitationRepository] = web.AppKey("invitations", InvitationRepository)
SEATS: web.AppKey[SeatRepository] = web.AppKey("seats", SeatRepository)
TICKETS: web.AppKey[TicketService] = web.AppKey("tickets", TicketService)
TOKENS: web.AppKey[TokenService] = web.AppKey("tokens", TokenService)
PRESENCE: web.AppKey[Presence] = web.AppKey("presence", Presence)

AUDIT = web.AppKey("audit", AuditLog)
SECOND_FACTOR = web.AppKey("second_factor", SecondFactor)
OWN_SECOND_FACTOR = web.AppKey("own_second_factor", OwnSecondFactor)

BACKEND_PASSES: web.AppKey[BackendPasses] = web.AppKey("backend_passes", BackendPasses)
NEIGHBOURS: web.AppKey[BackendNeighbours] = web.AppKey("neighbours", BackendNeighbours)
HOMES: web.AppKey[HomeRepository] = web.AppKey("homes", HomeRepository)
ROOM_HOMES = web.AppKey("room_homes", RoomHomes)

SESSIONS = web.AppKey("sessions", Sessions)
ACCOUNTS = web.AppKey("accounts", Accounts)
ROOM_BOOK = web.AppKey("room_book", RoomBook)
ROOM_HISTORY = web.AppKey("room_history", RoomHistory)
ROOM_PASSWORDS = web.AppKey("room_passwords", RoomPasswords)
ROOM_INVITATIONS = web.AppKey("room_invitations", Invitations)
