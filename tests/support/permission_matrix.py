"""Who may do what, written down once more from the outside: every route and every method, by role and relation.

A route or method that is not here fails the tests of the matrix: decide who may call it, and write it down.
"""

from dataclasses import dataclass
from itertools import product

from backend.domain.permissions import Relation
from backend.domain.users import Role

O, P, N = Relation.OWNER, Relation.PRESENT, Relation.STRANGER  # noqa: E741 -- letters of a table


@dataclass(frozen=True)
class May:
    """As what to the room that it is about each role may do something. The owner is in the room or not."""

    student: frozenset[Relation]
    teacher: frozenset[Relation]
    admin: frozenset[Relation]

    def __call__(self, role: Role, relations: frozenset[Relation]) -> bool:
        """Tell whether somebody may."""
        row = {Role.STUDENT: self.student, Role.TEACHER: self.teacher, Role.ADMIN: self.admin}[role]
        return not row.isdisjoint(relations)


def may(student: tuple[Relation, ...], teacher: tuple[Relation, ...], admin: tuple[Relation, ...]) -> May:
    """Write a cell down."""
    return May(frozenset(student), frozenset(teacher), frozenset(admin))


EVERYBODY = may((O, P, N), (O, P, N), (O, P, N))
STAFF = may((), (O, P, N), (O, P, N))
ADMINS = may((), (), (O, P, N))
WHO_RUNS_IT = may((), (O,), (O, P, N))
WHO_RUNS_IT_OR_IS_IN_IT = may((P,), (O, P), (O, P, N))
WHO_IS_IN_IT = may((P,), (P,), (P,))

PUBLIC = "answers without any token"
BACKENDS = "answers other backends only, by passes of their own"

API = "/api/v1"
ROOM = f"{API}/rooms/{{room_id}}"

ROUTES: dict[str, May | str] = {
    "GET /": PUBLIC,
    "GET /{name}": PUBLIC,
    "GET /assets/{path}": PUBLIC,
    "GET /docs": PUBLIC,
    "GET /docs/{name}": PUBLIC,
    "GET /docs/signalling": PUBLIC,
    "GET /openapi.json": PUBLIC,
    "GET /health": PUBLIC,
    "GET /health/live": PUBLIC,
    "GET /health/ready": PUBLIC,
    "GET /metrics": PUBLIC,
    "GET /ws": EVERYBODY,
    "GET /internal/pulse": BACKENDS,
    "GET /internal/relay": BACKENDS,
    "GET /internal/rooms": BACKENDS,
    f"POST {API}/auth/register": PUBLIC,
    f"POST {API}/auth/login": PUBLIC,
    f"POST {API}/auth/refresh": PUBLIC,
    f"POST {API}/auth/logout": EVERYBODY,
    f"GET {API}/auth/profile": EVERYBODY,
    f"PATCH {API}/auth/profile": EVERYBODY,
    f"POST {API}/auth/change-password": EVERYBODY,
    f"GET {API}/auth/sessions": EVERYBODY,
    f"DELETE {API}/auth/sessions/{{session_id}}": EVERYBODY,
    f"GET {API}/auth/totp": EVERYBODY,
    f"POST {API}/auth/totp/setup": EVERYBODY,
    f"POST {API}/auth/totp/enable": EVERYBODY,
    f"POST {API}/auth/totp/disable": EVERYBODY,
    f"POST {API}/auth/totp/backup-codes": EVERYBODY,
    f"GET {API}/users": ADMINS,
    f"POST {API}/users": ADMINS,
    f"GET {API}/users/{{user_id}}": ADMINS,
    f"PATCH {API}/users/{{user_id}}": ADMINS,
    f"DELETE {API}/users/{{user_id}}": ADMINS,
    f"DELETE {API}/users/{{user_id}}/totp": ADMINS,
    f"GET {API}/audit": ADMINS,
    f"GET {API}/rooms": EVERYBODY,
    f"POST {API}/rooms": STAFF,
    f"GET {ROOM}": EVERYBODY,
    f"PATCH {ROOM}": WHO_RUNS_IT,
    f"DELETE {ROOM}": WHO_RUNS_IT,
    f"GET {ROOM}/messages": WHO_RUNS_IT_OR_IS_IN_IT,
    f"GET {ROOM}/attendance": WHO_RUNS_IT,
    f"GET {ROOM}/invitation": WHO_RUNS_IT,
    f"POST {ROOM}/invitation": WHO_RUNS_IT,
    f"DELETE {ROOM}/invitation": WHO_RUNS_IT,
    f"GET {API}/ice-servers": EVERYBODY,
    f"POST {API}/signalling/ticket": EVERYBODY,
    f"GET {API}/signalling/health": PUBLIC,
    f"GET {API}/signalling/rooms/stats": STAFF,
    f"GET {API}/signalling/rooms/{{room_id}}/stats": STAFF,
}

METHODS: dict[str, May] = {
    "join-room": EVERYBODY,
    "leave-room": WHO_IS_IN_IT,
    "get-participants": WHO_IS_IN_IT,
    "get-room-info": WHO_IS_IN_IT,
    "chat-message": WHO_IS_IN_IT,
    "raise-hand": WHO_IS_IN_IT,
    "create-transport": WHO_IS_IN_IT,
    "connect-transport": WHO_IS_IN_IT,
    "restart-ice": WHO_IS_IN_IT,
    "close-transport": WHO_IS_IN_IT,
    "get-stats": WHO_IS_IN_IT,
    "produce": WHO_IS_IN_IT,
    "pause-producer": WHO_IS_IN_IT,
    "resume-producer": WHO_IS_IN_IT,
    "close-producer": WHO_IS_IN_IT,
    "consume": WHO_IS_IN_IT,
    "pause-consumer": WHO_IS_IN_IT,
    "resume-consumer": WHO_IS_IN_IT,
    "close-consumer": WHO_IS_IN_IT,
    "set-preferred-layers": WHO_IS_IN_IT,
    "set-consumer-priority": WHO_IS_IN_IT,
    "request-key-frame": WHO_IS_IN_IT,
    "produce-data": WHO_IS_IN_IT,
    "consume-data": WHO_IS_IN_IT,
    "close-data-producer": WHO_IS_IN_IT,
    "close-data-consumer": WHO_IS_IN_IT,
    "webrtc-offer": WHO_IS_IN_IT,
    "webrtc-answer": WHO_IS_IN_IT,
    "ice-candidate": WHO_IS_IN_IT,
    "mute-participant": WHO_RUNS_IT,
    "kick-participant": WHO_RUNS_IT,
    "lower-hand": WHO_RUNS_IT,
    "get-waiting": WHO_RUNS_IT,
    "admit-participant": WHO_RUNS_IT,
    "deny-participant": WHO_RUNS_IT,
    "lock-room": WHO_RUNS_IT,
    "close-room": WHO_RUNS_IT,
}
"""For one who is not in the room every method but `join-room` ends with `NOT_JOINED` before all that."""

WHO = [(role, frozenset(relations)) for role, relations in product(Role, ((N,), (P,), (O,), (O, P)))]
"""Everybody there is: each role as a stranger to the room, in it, owning it, and owning it and in it."""
