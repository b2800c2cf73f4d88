"""HTTP calls timed from the write of the request to the last byte of the answer, on connections that stay open.

As bare as can be, some 60 us a call, so that it is the server's time that is measured when many calls run at once.
"""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, cast

Json = dict[str, Any]
ANSWER_WITHIN_S = 60.0


class HttpCallError(Exception):
    """A call was not answered with 200; the message has the answer."""


class _Connection(asyncio.Protocol):
    """One connection, one call at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[tuple[int, bytes, float]] | None = None
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    @property
    def is_open(self) -> bool:
        """False once the server has closed it, as it does after an idle while."""
        return self._transport is not None and not self._transport.is_closing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(HttpCallError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, found, body = self._data.partition(b"\r\n\r\n")
        if not found or self._answer is None or self._answer.done():
            return
        _, _, rest = head.lower().partition(b"content-length:")
        if len(body) >= int(rest.split(b"\r\n", 1)[0]):
            self._answer.set_result((int(head[9:12]), body, time.perf_counter()))
            if b"connection: close" in head.lower():
                self.close()

    async def exchange(self, request: bytes) -> tuple[int, bytes, float]:
        """Send a request; return the answer's status and body and the seconds that it took."""
        assert self._transport is not None
        self._data = b""
        self._answer = asyncio.get_running_loop().create_future()
        began = time.perf_counter()
        self._transport.write(request)
        async with asyncio.timeout(ANSWER_WITHIN_S):
            status, body, ended = await self._answer
        return status, body, ended - began

    def close(self) -> None:
        """Close it."""
        if self._transport is not None:
            self._transport.close()


class HttpCalls:
    """A pool of connections to one server, made when they are needed, up to `at_most`.

    `times` has the seconds of every call under the call's name, without the wait for a connection.
    """

    def __init__(self, host: str, port: int, at_most: int) -> None:
        self.times: dict[str, list[float]] = defaultdict(list)
        self._left = at_most
        self._host = host
        self._port = port
        self._connections: list[_Connection] = []
        self._free: asyncio.Queue[_Connection] = asyncio.Queue()

    def close(self) -> None:
        """Close all connections."""
        for connection in self._connections:
            connection.close()

    def take_times(self) -> dict[str, list[float]]:
        """Return the times and begin anew."""
        taken, self.times = self.times, defaultdict(list)
        return taken

    async def call(self, name: str, method: str, path: str, body: Mapping[str, Any] | None = None) -> Json:
        """Make a call when a connection is free, and note under `name` how long it took. Raises: HttpCallError."""
        content = b"" if body is None else json.dumps(body).encode()
        request = (
            f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\n\r\n"
        ).encode() + content
        connection = await self._take()
        try:
            status, answer, seconds = await connection.exchange(request)
        finally:
            self._free.put_nowait(connection)
        if status != 200:
            raise HttpCallError(f"{method} {path}: {status} {answer[:500]!r}")
        self.times[name].append(seconds)
        parsed: Json = json.loads(answer)
        return parsed

    async def _take(self) -> _Connection:
        while not self._free.empty() or not self._left:
            connection = await self._free.get()
            if connection.is_open:
                return connection
            self._left += 1
        self._left -= 1
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(_Connection, self._host, self._port)
        self._connections.append(connection)
        return connection
