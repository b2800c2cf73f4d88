"""`GET /internal/relay`: where the edge of a client, another backend, hands it on to the home of its room."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from backend.domain.backend_passes import BackendPasses
from backend.domain.origin import coming_from
from backend.errors import Unauthorized
from backend.signalling.endpoint import SocketEndpoint, bearer


def relay_gate(
    endpoint: SocketEndpoint, passes: BackendPasses, backend_id: str
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Make the handler: it lets in whom a pass for this backend, with a session that runs, comes with."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if (token := bearer(request)) is None:
            raise Unauthorized("This is for other backends only.", "MISSING_TOKEN")
        visitor = passes.verify(token, to=backend_id)
        if visitor is None:
            raise Unauthorized("This pass lets nobody in.")
        with coming_from(visitor.origin):
            return await endpoint.handle_relayed(request, visitor.session_id)

    return handle
