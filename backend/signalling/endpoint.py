"""`GET /ws`: who may open a socket, and the sockets that are open."""

import asyncio
from collections.abc import Iterator
from functools import partial
from urllib.parse import urlsplit

from aiohttp import web
from marshmallow import fields

from backend.domain.live_classes import SHUTDOWN_RETRY_S
from backend.domain.notices import ServerShutdown
from backend.domain.ports import Identity, TicketService, TokenService
from backend.domain.sessions import SESSION_ENDED
from backend.domain.users import User
from backend.errors import InvalidInput, NotAllowed, NotAvailable, Unauthorized
from backend.signalling.client import Client, Rules
from backend.signalling.connection import Connection, new_websocket
from backend.signalling.dispatch import serve
from backend.signalling.far_room import FarRoom, HomeSockets
from backend.signalling.notifications import NoticeWriter
from backend.signalling.schemas import MessageSchema
from shared.logging import get_logger
from shared.operations import SignIn, operation

MAX_CONNECTIONS = 10_000
"""Sockets at once; each costs some 100 KiB when busy."""

RELAY_HEARTBEAT_S = 5.0
"""Backends are near each other; an edge that answers no ping within half of this is gone, with its clients."""

STOPPING = "the server stops"

_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}

_log = get_logger(__name__)


class SocketQuery(MessageSchema):
    """The query of `GET /ws`."""

    ticket = fields.String(metadata={"description": "From `POST /api/v1/signalling/ticket`; serves once."})


class SocketEndpoint:
    """Lets clients in and keeps their connections. Implements `backend.domain.live_presence.Sockets`.

    `origins` are foreign ones that browsers may come from, in lower case.
    """

    def __init__(
        self,
        rules: Rules,
        tickets: TicketService,
        tokens: TokenService,
        homes: HomeSockets,
        origins: tuple[str, ...],
    ) -> None:
        self._rules = rules
        self._tickets = tickets
        self._tokens = tokens
        self._homes = homes
        self._origins = frozenset(origins)
        self._writer = NoticeWriter()
        self._open: dict[Connection, Client] = {}
        self._stopping = False
        self._changes = 0

    @operation(
        {101: None},
        query=SocketQuery(),
        errors=("UPGRADE_REQUIRED", "MISSING_TOKEN", "ORIGIN_NOT_ALLOWED", "NOT_AVAILABLE"),
        sign_in=SignIn.OPTIONAL,
    )
    async def handle(self, request: web.Request) -> web.StreamResponse:
        """`GET /ws`: the signalling WebSocket (protoo), by a ticket or an access token.

        What goes over it is described at `/docs/signalling`.

        Raises:
            VtpError: a refusal, before the upgrade; the application's middleware answers it.
        """
        seen = self._changes
        identity = await self._admit(request)
        ws = new_websocket()
        await ws.prepare(request)
        connection = Connection(ws, partial(_abort, request), self._writer, self._rules.meter)
        far = FarRoom(self._homes, identity.session_id, connection)
        await self._serve(connection, Client(identity, connection, self._rules, far), seen)
        await far.close()
        return ws

    async def handle_relayed(self, request: web.Request, session_id: str) -> web.StreamResponse:
        """Serve a client that another backend, its edge, pipes to here since its room is at home here.

        How much a client may say, the edge has seen to.

        Raises:
            Unauthorized: the session has ended.
            NotAvailable: we stop.
        """
        seen = self._changes
        self._require_space()
        identity = await self._tokens.identity(session_id)
        if identity is None:
            raise Unauthorized("The session has ended. Sign in again.")
        ws = new_websocket(RELAY_HEARTBEAT_S)
        await ws.prepare(request)
        connection = Connection(ws, partial(_abort, request), self._writer, self._rules.meter, counted=False)
        await self._serve(connection, Client(identity, connection, self._rules), seen)
        return ws

    def end_user(self, user_id: str, reason: str) -> None:
        """End all connections of a user for good."""
        self._changes += 1
        for client in self._clients_of(user_id):
            client.end(reason)

    def end_session(self, session_id: str, reason: str) -> None:
        """End all connections of a sign-in for good."""
        self._changes += 1
        for client in list(self._open.values()):
            if client.identity.session_id == session_id:
                client.end(reason)

    def user_changed(self, user: User) -> None:
        """Let all connections of a user know the new name and role."""
        self._changes += 1
        for client in self._clients_of(user.id):
            client.user_changed(user)

    def identities(self) -> Iterator[Identity]:
        """Return whose the open connections are."""
        return (client.identity for client in list(self._open.values()))

    def shut_down(self) -> None:
        """End all connections with "come back later" and let nobody in any more."""
        self._stopping = True
        for connection, client in list(self._open.items()):
            if client.far is not None and client.far.joined:
                connection.tell(ServerShutdown(SHUTDOWN_RETRY_S))  # the others hear it in their rooms
            connection.come_back(STOPPING)

    def _clients_of(self, user_id: str) -> list[Client]:
        return [client for client in self._open.values() if client.user.id == user_id]

    async def all_served(self) -> None:
        """Wait until no request is being served any more, after `shut_down`."""
        await asyncio.gather(*(connection.all_served() for connection in self._open))

    async def _admit(self, request: web.Request) -> Identity:
        if not self._is_welcome(request.headers.get("Origin"), request.host):
            raise NotAllowed("This origin may not connect.", "ORIGIN_NOT_ALLOWED")
        ticket, token = request.query.get("ticket"), bearer(request)
        if ticket is None and token is None:
            raise Unauthorized("A ticket or an access token is needed.", "MISSING_TOKEN")
        if not new_websocket().can_prepare(request):
            await self._check(ticket, token)
            raise InvalidInput("This is a WebSocket; ask for an upgrade.", "UPGRADE_REQUIRED")
        self._require_space()
        return await self._identity(ticket, token)

    def _require_space(self) -> None:
        if self._stopping or len(self._open) >= MAX_CONNECTIONS:
            raise NotAvailable("There is no room for another connection now.")

    async def _identity(self, ticket: str | None, token: str | None) -> Identity:
        if ticket is None:
            return await self._tokens.verify_access(token or "")
        identity = await self._tickets.redeem(ticket)
        if identity is None:
            raise _bad_ticket()
        return identity

    async def _check(self, ticket: str | None, token: str | None) -> None:
        """Refuse who could not come in anyway, without using a good ticket up."""
        if ticket is None:
            await self._tokens.verify_access(token or "")
        elif not await self._tickets.is_good(ticket):
            raise _bad_ticket()

    async def _serve(self, connection: Connection, client: Client, seen: int) -> None:
        self._rules.meter.socket_opened()
        self._open[connection] = client
        _log.info("a client connected", user_id=client.user.id)
        try:
            await self._catch_up(client, connection, seen)
            if self._stopping:
                connection.come_back(STOPPING)
            await connection.run(lambda message: serve(client, connection.queue, message), client.gone)
        finally:
            del self._open[connection]
            self._rules.meter.socket_closed(connection.cause)
            _log.info("a client disconnected", user_id=client.user.id, close_code=connection.close_code)

    async def _catch_up(self, client: Client, connection: Connection, seen: int) -> None:
        """Look again when somebody changed or ended since `seen`, when this connection was not in the list yet."""
        while seen != self._changes:
            seen = self._changes
            try:
                identity = await self._tokens.identity(client.identity.session_id)
            except NotAvailable:
                connection.come_back("whose connection this is cannot be told now")
                return
            if identity is None:
                client.end(SESSION_ENDED)
                return
            client.user_changed(identity.user)

    def _is_welcome(self, origin: str | None, host: str) -> bool:
        if origin is None or origin.lower() in self._origins:
            return True
        try:
            parts = urlsplit(origin.lower())
            own = urlsplit(f"{parts.scheme}://{host.lower()}")
            return bool(parts.hostname) and (parts.hostname, _port(parts.scheme, parts.port)) == (
                own.hostname,
                _port(parts.scheme, own.port),
            )
        except ValueError:
            return False


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def _bad_ticket() -> Unauthorized:
    return Unauthorized("The ticket is not valid (any more).")


def _port(scheme: str, port: int | None) -> int | None:
    return port if port is not None else _DEFAULT_PORTS.get(scheme)


def bearer(request: web.Request) -> str | None:
    """Return the token in the Authorization header."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None
