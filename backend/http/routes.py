"""Which address leads to which handler."""

from pathlib import Path

from aiohttp import web

from backend.domain.permissions import Action
from backend.http.handlers import (
    audit,
    auth,
    docs,
    health,
    history,
    internal,
    invitations,
    page,
    rooms,
    second_factor,
    sessions,
    signalling,
    users,
)
from backend.http.metrics import metrics, setup_metrics
from backend.http.middlewares import prepare_response
from backend.http.parsing import allowed

API = "/api/v1"

PAGE_DIST = Path(__file__).parents[1] / "web" / "dist"

_FILE_NAME = r"{name:[A-Za-z0-9_-][A-Za-z0-9._-]*\.[a-z0-9]+}"
"""A file at the top: has an extension, so it hides no other address."""


def setup_http(app: web.Application, page_dist: Path = PAGE_DIST) -> None:
    """Put routes, metrics and response headers into the application. All services are under their keys already."""
    app[page.DIST] = page_dist
    setup_metrics(app)
    app.on_response_prepare.append(prepare_response)
    app[docs.DOCUMENT] = docs.ApiDocument(app)
    app.add_routes([*_service_routes(), *_auth_routes(), *_user_routes(), *_room_routes(), *_signalling_routes()])
    app.add_routes(_internal_routes())
    app.add_routes(
        [
            web.get("/", page.index),
            web.get("/assets/{path:.+}", page.asset),
            web.get(f"/{_FILE_NAME}", page.file),
        ]
    )


def _service_routes() -> list[web.RouteDef]:
    return [
        web.get("/health", health.health),
        web.get("/health/live", health.live),
        web.get("/health/ready", health.ready),
        web.get("/metrics", metrics),
        web.get("/openapi.json", docs.openapi),
        web.get("/docs", docs.docs_page),
    ]


def _auth_routes() -> list[web.RouteDef]:
    return [
        web.post(f"{API}/auth/register", auth.register),
        web.post(f"{API}/auth/login", auth.login),
        web.post(f"{API}/auth/refresh", auth.refresh),
        web.post(f"{API}/auth/logout", allowed(Action.USE_OWN_ACCOUNT, auth.logout)),
        web.get(f"{API}/auth/profile", allowed(Action.USE_OWN_ACCOUNT, auth.profile)),
        web.patch(f"{API}/auth/profile", allowed(Action.USE_OWN_ACCOUNT, auth.change_profile)),
        web.post(f"{API}/auth/change-password", allowed(Action.USE_OWN_ACCOUNT, auth.change_password)),
        web.get(f"{API}/auth/sessions", allowed(Action.USE_OWN_ACCOUNT, sessions.list_sessions)),
        web.delete(f"{API}/auth/sessions/{{session_id}}", allowed(Action.USE_OWN_ACCOUNT, sessions.end_session)),
        web.get(f"{API}/auth/totp", allowed(Action.USE_OWN_ACCOUNT, second_factor.second_factor_status)),
        web.post(f"{API}/auth/totp/setup", allowed(Action.USE_OWN_ACCOUNT, second_factor.set_up_second_factor)),
        web.post(f"{API}/auth/totp/enable", allowed(Action.USE_OWN_ACCOUNT, second_factor.enable_second_factor)),
        web.post(f"{API}/auth/totp/disable", allowed(Action.USE_OWN_ACCOUNT, second_factor.disable_second_factor)),
        web.post(
            f"{API}/auth/totp/backup-codes", allowed(Action.USE_OWN_ACCOUNT, second_factor.renew_backup_codes)
        ),
    ]


def _user_routes() -> list[web.RouteDef]:
    return [
        web.get(f"{API}/users", allowed(Action.MANAGE_USERS, users.list_users)),
        web.post(f"{API}/users", allowed(Action.MANAGE_USERS, users.create_user)),
        web.get(f"{API}/users/{{user_id}}", allowed(Action.MANAGE_USERS, users.get_user)),
        web.patch(f"{API}/users/{{user_id}}", allowed(Action.MANAGE_USERS, users.change_user)),
        web.delete(f"{API}/users/{{user_id}}", allowed(Action.MANAGE_USERS, users.delete_user)),
        web.delete(f"{API}/users/{{user_id}}/totp", allowed(Action.MANAGE_USERS, users.reset_second_factor)),
        web.get(f"{API}/audit", allowed(Action.READ_AUDIT_LOG, audit.list_entries)),
    ]


def _room_routes() -> list[web.RouteDef]:
    return [
        web.get(f"{API}/rooms", allowed(Action.READ_ROOMS, rooms.list_rooms)),
        web.post(f"{API}/rooms", allowed(Action.CREATE_ROOM, rooms.create_room)),
        web.get(f"{API}/rooms/{{room_id}}", allowed(Action.READ_ROOMS, rooms.get_room)),
        web.patch(f"{API}/rooms/{{room_id}}", allowed(Action.MANAGE_ROOM, rooms.change_room)),
        web.delete(f"{API}/rooms/{{room_id}}", allowed(Action.MANAGE_ROOM, rooms.delete_room)),
        web.get(f"{API}/rooms/{{room_id}}/messages", allowed(Action.READ_MESSAGES, history.list_messages)),
        web.get(f"{API}/rooms/{{room_id}}/attendance", allowed(Action.READ_ATTENDANCE, history.list_attendance)),
        web.post(
            f"{API}/rooms/{{room_id}}/invitation", allowed(Action.MANAGE_ROOM, invitations.create_invitation)
        ),
        web.get(f"{API}/rooms/{{room_id}}/invitation", allowed(Action.MANAGE_ROOM, invitations.get_invitation)),
        web.delete(
            f"{API}/rooms/{{room_id}}/invitation", allowed(Action.MANAGE_ROOM, invitations.revoke_invitation)
        ),
    ]


def _signalling_routes() -> list[web.RouteDef]:
    return [
        web.get(f"{API}/ice-servers", allowed(Action.CONNECT, signalling.get_ice_servers)),
        web.post(f"{API}/signalling/ticket", allowed(Action.CONNECT, signalling.issue_ticket)),
        web.get(f"{API}/signalling/health", signalling.signalling_health),
        web.get(f"{API}/signalling/rooms/stats", allowed(Action.READ_ROOM_STATS, signalling.all_room_stats)),
        web.get(
            f"{API}/signalling/rooms/{{room_id}}/stats", allowed(Action.READ_ROOM_STATS, signalling.room_stats)
        ),
    ]


def _internal_routes() -> list[web.RouteDef]:
    return [
        web.get("/internal/pulse", internal.for_backends(internal.pulse)),
        web.get("/internal/rooms", internal.for_backends(internal.live_rooms)),
    ]
