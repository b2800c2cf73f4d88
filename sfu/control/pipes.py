"""The pipes of one room: producers of one media worker that have consumers on another."""

import asyncio
from itertools import count
from typing import Final

from sfu.control.media_worker import MediaWorker
from sfu.control.pipe_links import PipeLinks
from sfu.control.producer import Producer
from sfu.errors import NotFound

PIPE_LINGER_S = 10.0
"""How long a pipe without consumers stays: who goes often comes back, and packets flow only when wanted."""

_numbers: Final = count(1)
"""Pipes of all rooms: workers tell them by these."""


class Pipe:
    """A producer on a worker that is not its own. It is there for its `users`, and goes some time after the last.

    `opened` ends when both workers have made their ends, or fails.
    """

    def __init__(self, producer: Producer, worker: MediaWorker, router_id: str, links: PipeLinks) -> None:
        self.number = next(_numbers)
        self.id = f"pipe-{self.number}"
        self.users = 0
        self.closed = False
        self._producer = producer
        self._worker = worker
        self._router_id = router_id
        self._links = links
        self._linger: asyncio.TimerHandle | None = None
        worker.load += 1
        producer.attach(self)
        self.opened = asyncio.create_task(self._open())
        self.opened.add_done_callback(self._opening_done)

    def hold(self) -> None:
        """Take note of one more consumer."""
        self.users += 1
        self._stop_lingering()

    def release(self) -> None:
        """Take note of one consumer less."""
        self.users -= 1
        if not self.users and not self.closed:
            self._linger = asyncio.get_running_loop().call_later(PIPE_LINGER_S, self.close)

    def close(self, *, tell_worker: bool = True) -> None:
        """Close both ends; `tell_worker` is false when the producer's worker closes its own by itself."""
        if self.closed:
            return
        self.closed = True
        self._stop_lingering()
        self._worker.load -= 1
        self._producer.detach(self)
        home = self._producer.worker
        self._worker.post("pipe.close", {"worker": home.index, "pipe": self.number})
        if tell_worker:
            home.post("pipe.close", {"worker": self._worker.index, "pipe": self.number})

    def check(self) -> None:
        """Raise `NotFound` if it is closed, mostly as the producer is."""
        if self.closed:
            raise self._producer.not_found()

    async def _open(self) -> None:
        home = self._producer.worker
        await self._links.ensure(home, self._worker)
        self.check()
        try:
            await self._worker.request("pipe.produce", {**self._request(home), **self._producer.to_pipe_request()})
            self.check()
            await home.request("pipe.open", {**self._request(self._worker), "producerId": self._producer.id})
        except NotFound:
            raise self._producer.not_found() from None
        self.check()

    def _request(self, other: MediaWorker) -> dict[str, object]:
        return {"routerId": self._router_id, "worker": other.index, "pipe": self.number}

    def _opening_done(self, opened: asyncio.Task[None]) -> None:
        if opened.cancelled() or opened.exception() is not None:
            self.close()

    def _stop_lingering(self) -> None:
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None


class Pipes:
    """Brings the producers of a room to where its consumers are."""

    def __init__(self, router_id: str, links: PipeLinks) -> None:
        self._router_id = router_id
        self._links = links
        self._pipes: dict[tuple[Producer, MediaWorker], Pipe] = {}

    async def hold(self, producer: Producer, worker: MediaWorker) -> Pipe:
        """Return the pipe of a producer to a worker that is not its own; `release` it when it is not needed.

        Raises:
            NotFound: the producer is closed.
            NotAvailable: a worker does not answer.
        """
        if producer.closed:
            raise producer.not_found()
        pipe = self._pipes.get((producer, worker))
        if pipe is None or pipe.closed:
            self._pipes = {key: each for key, each in self._pipes.items() if not each.closed}
            pipe = self._pipes[producer, worker] = Pipe(producer, worker, self._router_id, self._links)
        pipe.hold()
        try:
            await asyncio.shield(pipe.opened)
            pipe.check()  # it may have been closed since
        except BaseException:
            pipe.release()
            raise
        return pipe

    def lose(self, worker: MediaWorker) -> None:
        """Close the pipes to a worker that has died."""
        for (_, other), pipe in self._pipes.items():
            if other is worker:
                pipe.close()
