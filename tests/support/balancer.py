"""A load balancer: hands each new connection on to the next backend that takes it, and pipes bytes both ways."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

CHUNK = 65536


class Balancer:
    """Goes round the backends. `url` is its own base URL, `served` how many connections each backend got."""

    def __init__(self, urls: Sequence[str]) -> None:
        self.url = ""
        self.served = dict.fromkeys(urls, 0)
        self._next = itertools.cycle(urls)
        self._writers: set[asyncio.StreamWriter] = set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        for _ in self.served:
            url = next(self._next)
            address = urlsplit(url)
            with suppress(OSError):
                far_reader, far_writer = await asyncio.open_connection(address.hostname, address.port)
                self.served[url] += 1
                self._writers |= {writer, far_writer}
                await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
                self._writers -= {writer, far_writer}
                return
        writer.close()

    def cut_all(self) -> None:
        """Break every connection off."""
        for writer in self._writers:
            writer.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


@asynccontextmanager
async def running_balancer(urls: Sequence[str]) -> AsyncIterator[Balancer]:
    """Run one over these base URLs."""
    balancer = Balancer(urls)
    server = await asyncio.start_server(balancer.accept, "127.0.0.1", 0)
    balancer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield balancer
        balancer.cut_all()
