"""The listening socket. Who sends something that is no HTTP request gets an error of our one shape, too."""

import asyncio
from functools import partial
from http import HTTPStatus

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from backend.http.responses import failure
from backend.http.security_headers import add_security_headers
from shared.errors import INTERNAL_ERROR, INVALID_INPUT
from shared.ids import REQUEST_ID_HEADER, new_id
from shared.logging import get_logger

BACKLOG = 1024
"""Connections the kernel holds for us during a burst, such as a whole school coming back at once."""

KEEPALIVE_TIMEOUT_S = 75.0
"""Longer than the usual proxies keep an idle connection, so they never send into one that we just closed."""

logger = get_logger(__name__)


class Site(web.SockSite):
    """Serves a runner's application on a bound socket."""

    async def start(self) -> None:
        """Begin to accept connections."""
        await web.BaseSite.start(self)
        loop = asyncio.get_running_loop()
        connections = partial(_connection, self._runner.server, loop)
        self._server = await loop.create_server(connections, sock=self._sock, backlog=BACKLOG)


class _Connection(web.RequestHandler):
    """aiohttp's connection, but for what it says when there is no request that a middleware could answer."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer and close. What a stranger sends is not worth a line: anybody can send it, at any rate."""
        if exc is not None and not isinstance(exc, HttpProcessingError):
            logger.error("a connection failed", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("a part of the answer is sent already")
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            response = failure(status, "Something went wrong on our side.", INTERNAL_ERROR)
        else:
            response = failure(status, "This is not a valid HTTP request.", INVALID_INPUT)
        response.headers[REQUEST_ID_HEADER] = new_id()
        add_security_headers(request, response)
        response.force_close()
        return response


def _connection(server: web.Server | None, loop: asyncio.AbstractEventLoop) -> _Connection:
    if server is None:
        raise AssertionError("the runner is not set up")
    return _Connection(
        server,
        loop=loop,
        keepalive_timeout=KEEPALIVE_TIMEOUT_S,
        access_log=None,  # type: ignore[arg-type] # None is how it has none
    )
