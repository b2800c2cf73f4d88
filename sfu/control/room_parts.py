"""On which media workers a room is: at home on one, and spread over others when that has enough to do."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping

from sfu.control.channel import Data
from sfu.control.media_worker import MediaWorker
from sfu.control.negotiation import ROUTER_RTP_CAPABILITIES_WIRE
from sfu.errors import NotAvailable

Notified = Callable[[str, Data], None]


class RoomParts:
    """The routers of one room, which all have one id. The first is at `home`.

    `spread_after`: so many consumers of the room are on one worker before the next transport goes to another; 0:
    none ever does. `others` are the workers that take rooms now. `notified` is told what the routers notice.
    """

    def __init__(
        self,
        router_id: str,
        home: MediaWorker,
        others: Callable[[], list[MediaWorker]],
        spread_after: int,
        notified: Notified,
    ) -> None:
        self.home = home
        self._router_id = router_id
        self._others = others
        self._spread_after = spread_after
        self._notified = notified
        self._coming: Counter[MediaWorker] = Counter()
        self._closed = False
        self._routers: dict[MediaWorker, asyncio.Task[None]] = {}
        self._enter(home)

    @property
    def workers(self) -> list[MediaWorker]:
        """Where the room is, home first."""
        return list(self._routers)

    @property
    def spreads(self) -> bool:
        """Whether the room may have parts away from home."""
        return self._spread_after > 0

    async def place(self, consumers: Mapping[MediaWorker, int], expected: int) -> MediaWorker:
        """Choose where a transport goes that is to receive, and see that there is a router.

        `consumers` are how many each worker has, or soon will have, `expected` how many the transport will. Home
        is filled first, then each further part. When all are full, the worker that has the least to do gets it, in
        the room already or not.

        Raises:
            NotAvailable: the worker does not answer.
        """
        worker = self._choose(consumers, expected)
        self._coming[worker] += 1
        try:
            await self.reach(worker)
        finally:
            self._coming[worker] -= 1
        return worker

    def _choose(self, consumers: Mapping[MediaWorker, int], expected: int) -> MediaWorker:
        here = [worker for worker in self._routers if worker.is_ready]
        for worker in here:
            if consumers.get(worker, 0) + self._coming[worker] * expected < self._spread_after:
                return worker
        elsewhere = [worker for worker in self._others() if worker not in self._routers]
        # Whoever waits for a new part is no load yet: in a storm that would be everybody.
        return min(
            [*here, *elsewhere],
            key=lambda worker: worker.load + self._coming[worker] * expected,
            default=self.home,
        )

    async def reach(self, worker: MediaWorker) -> None:
        """See that there is a router on a worker. Whoever asks at one time waits for the same.

        Raises:
            NotAvailable: the worker does not answer.
        """
        if self._closed:
            raise NotAvailable("the room is closed already")
        router = self._routers.get(worker) or self._enter(worker)
        await asyncio.shield(router)

    def lose(self, worker: MediaWorker) -> bool:
        """Forget the part on a worker that has died; false if there was none."""
        if worker not in self._routers:
            return False
        self._forget(worker)
        return True

    def close(self) -> None:
        """Close all routers, with all that is on them."""
        self._closed = True
        for worker in self.workers:
            worker.post("router.close", {"routerId": self._router_id})
            self._forget(worker)
        self._notified = _ignore  # the room and its parts are freed without the collector

    def _enter(self, worker: MediaWorker) -> asyncio.Task[None]:
        router = self._routers[worker] = asyncio.create_task(self._create(worker))
        router.add_done_callback(lambda done: self._created(worker, done))
        worker.load += 1
        worker.on(self._router_id, self._notified)
        return router

    async def _create(self, worker: MediaWorker) -> None:
        if worker not in self._routers:  # closed before this began
            raise NotAvailable("the room is closed already")
        request = {"routerId": self._router_id, "rtpCapabilities": ROUTER_RTP_CAPABILITIES_WIRE}
        await worker.request("router.create", request)

    def _created(self, worker: MediaWorker, router: asyncio.Task[None]) -> None:
        failed = router.cancelled() or router.exception() is not None
        if failed and self._routers.get(worker) is router:
            worker.post("router.close", {"routerId": self._router_id})
            self._forget(worker)

    def _forget(self, worker: MediaWorker) -> None:
        del self._routers[worker]
        worker.load -= 1
        worker.remove_listener(self._router_id, self._notified)


def _ignore(_event: str, _data: Data) -> None:
    """Take the place of a room that is closed."""
