"""Sockets between media workers: made when a room first needs one, gone with either worker."""

import asyncio
import socket

from sfu.control.media_worker import MediaWorker
from sfu.errors import NotAvailable

Ends = frozenset[MediaWorker]


class PipeLinks:
    """One socket for each two workers that share a room; the workers own its ends."""

    def __init__(self) -> None:
        self._links: dict[Ends, asyncio.Task[None]] = {}

    async def ensure(self, one: MediaWorker, other: MediaWorker) -> None:
        """See that the two are linked. Whoever asks at one time waits for the same link.

        Raises:
            NotAvailable: a worker does not answer, or the system gives no socket.
        """
        ends = frozenset((one, other))
        link = self._links.get(ends)
        if link is None:
            link = self._links[ends] = asyncio.create_task(_link(one, other))
            link.add_done_callback(lambda done: self._linked(ends, done))
        await asyncio.shield(link)

    def _linked(self, ends: Ends, link: asyncio.Task[None]) -> None:
        if link.cancelled() or link.exception() is not None or not all(worker.is_ready for worker in ends):
            self._links.pop(ends, None)
            return
        for worker in ends:
            worker.once("dead", lambda: self._links.pop(ends, None))


async def _link(one: MediaWorker, other: MediaWorker) -> None:
    try:
        ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    except OSError as error:
        raise NotAvailable("the media workers cannot be linked") from error
    with ends[0], ends[1]:
        await asyncio.gather(one.link(ends[0], other.index), other.link(ends[1], one.index))
