"""The listening socket. Who sends something that is no HTTP request gets an error of our one shape, too."""

import asyncio
from functools import partial
from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from sfu.api.middlewares import SERVER, error_response
from shared.errors import INTERNAL_ERROR, INVALID_INPUT
from shared.ids import REQUEST_ID_HEADER, new_id
from shared.logging import get_logger

BACKLOG = 1024
"""Connections the kernel holds for us during a burst."""

_log = get_logger(__name__)


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
            _log.error("a connection failed", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("a part of the answer is sent already")
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            response = error_response(status, INTERNAL_ERROR, "something went wrong in this service")
        else:
            response = error_response(status, INVALID_INPUT, "this is no valid HTTP request")
        response.headers[hdrs.SERVER] = SERVER
        response.headers[REQUEST_ID_HEADER] = new_id()
        response.force_close()
        return response


def _connection(server: web.Server | None, loop: asyncio.AbstractEventLoop) -> _Connection:
    if server is None:
        raise AssertionError("the runner is not set up")
    return _Connection(server, loop=loop, access_log=None)  # type: ignore[arg-type] # None is how it has none
