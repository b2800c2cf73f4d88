"""The composition root: joins the parts of the backend into one aiohttp application."""

import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from aiohttp import web
from prometheus_client import CollectorRegistry

from backend import keys
from backend.account_services import add_account_services, key_ring
from backend.cluster import setup_cluster
from backend.domain.access import Access
from backend.domain.audit import AuditLog
from backend.domain.invitations import Invitations
from backend.domain.room_book import RoomBook
from backend.domain.room_history import RoomHistory
from backend.domain.room_passwords import RoomPasswords
from backend.domain.tickets import Tickets
from backend.first_admin import ensure_first_admin
from backend.http import MIDDLEWARES, setup_http
from backend.http.meter import PrometheusMeter
from backend.http.sfu_metrics import SfuMetrics
from backend.security.bcrypt_hasher import BcryptHasher
from backend.security.jwt_signer import JwtSigner
from backend.security.key_ring import KeyRing
from backend.settings import Settings
from backend.sfu_client import SfuPool
from backend.signalling import setup_signalling
from backend.storage.audit import PostgresAudit
from backend.storage.database import Database
from backend.storage.entrance import PostgresAdmissions, PostgresInvitations
from backend.storage.history import PostgresAttendanceHistory, PostgresMessages
from backend.storage.lifecycle import Announce, opened
from backend.storage.placements import PostgresPlacements
from backend.storage.rooms import PostgresAttendance, PostgresRooms
from backend.storage.seats import PostgresSeats
from backend.storage.sessions import PostgresSessions, PostgresTickets
from backend.storage.users import PostgresUsers
from shared import metrics_names as names
from shared.errors import MAX_BODY_BYTES

SetUp = Callable[[web.Application], None]


def silent(_line: str) -> None:
    """Announce nothing."""


def create_app(
    settings: Settings, announce: Announce = silent, signalling: SetUp | None = None
) -> web.Application:
    """Build the application; it connects to nothing before it is started.

    Order matters: the services are put under their keys first, so signalling and handlers find them; clean-up runs
    backwards, so the database goes last. `announce` is given one line for each step of the start.

    Raises:
        StartError: the signing key cannot be read or made.
    """
    app = web.Application(middlewares=MIDDLEWARES, client_max_size=MAX_BODY_BYTES)
    app[keys.SETTINGS] = settings
    app[keys.DATABASE] = database = Database(settings.database_pool_size)
    app[keys.METRICS] = CollectorRegistry()
    app[keys.METER] = PrometheusMeter(app[keys.METRICS])
    hasher = BcryptHasher(settings.bcrypt_cost)
    app[keys.GAUGES] = {}
    app[keys.GAUGES][names.BACKEND_PASSWORDS_WAITING] = lambda: hasher.waiting
    _add_repositories(app, database)
    ring = key_ring(settings)
    signer = JwtSigner(ring, settings.access_token_ttl_s)
    app[keys.TOKENS] = Access(PostgresSessions(database), signer)
    app[keys.ROOM_PASSWORDS] = RoomPasswords(hasher, time.monotonic)
    app.cleanup_ctx.append(_storage(database, announce))
    # The /ws route, `keys.PRESENCE`, and a cleanup_ctx of its own for the cluster and the SFU client.
    (signalling or partial(_signalling, database, ring))(app)
    add_account_services(app, database, ring, hasher, signer, _now)
    app[keys.ROOM_BOOK] = RoomBook(
        rooms=app[keys.ROOMS],
        passwords=app[keys.ROOM_PASSWORDS],
        presence=app[keys.PRESENCE],
        audit=app[keys.AUDIT],
        transactions=database,
        clock=_now,
    )
    app[keys.ROOM_INVITATIONS] = Invitations(app[keys.INVITATIONS], app[keys.ROOM_BOOK], _now)
    app.cleanup_ctx.append(_authentication(announce, hasher))
    setup_http(app)
    return app


def _add_repositories(app: web.Application, database: Database) -> None:
    app[keys.USERS] = PostgresUsers(database)
    app[keys.ROOMS] = PostgresRooms(database)
    app[keys.ATTENDANCE] = PostgresAttendance(database)
    app[keys.MESSAGES] = PostgresMessages(database)
    app[keys.INVITATIONS] = PostgresInvitations(database)
    app[keys.ADMISSIONS] = PostgresAdmissions(database)
    app[keys.SEATS] = PostgresSeats(database)
    app[keys.TICKETS] = Tickets(PostgresTickets(database), _now)
    app[keys.ROOM_HISTORY] = RoomHistory(
        app[keys.ROOMS], app[keys.MESSAGES], PostgresAttendanceHistory(database), _now
    )
    app[keys.AUDIT] = AuditLog(PostgresAudit(database), _now)


def _signalling(database: Database, ring: KeyRing, app: web.Application) -> None:
    settings = app[keys.SETTINGS]
    pool = SfuPool(settings.sfu_urls, settings.sfu_api_token, PostgresPlacements(database), app[keys.METER])
    app[keys.METRICS].register(SfuMetrics(pool.figures))
    hand_over = setup_cluster(app, database, ring)
    setup_signalling(app, pool)
    app.on_shutdown.append(hand_over)


def _storage(database: Database, announce: Announce) -> Callable[[web.Application], AsyncIterator[None]]:
    async def run(app: web.Application) -> AsyncIterator[None]:
        settings = app[keys.SETTINGS]
        retention = timedelta(days=settings.audit_retention_days)
        async with opened(database, settings.database_url, settings.data_dir, announce, retention):
            yield

    return run


def _authentication(announce: Announce, hasher: BcryptHasher) -> Callable[[web.Application], AsyncIterator[None]]:
    async def run(app: web.Application) -> AsyncIterator[None]:
        message = await ensure_first_admin(app)
        await app[keys.SECOND_FACTOR].reseal_all()
        announce("[3/5] Authentication ready")
        announce(f"[4/5] Signalling and SFU client ready (SFU at {app[keys.SETTINGS].sfu_url})")
        if message is not None:
            announce(message)
        yield
        hasher.close()

    return run


def _now() -> datetime:
    return datetime.now(UTC)
