"""What everything that lives on a transport has in common: it mirrors one object of the media worker."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Protocol

from pyee.base import EventEmitter

from sfu.control.channel import Data
from sfu.control.media_worker import MediaWorker
from sfu.errors import NotFound


class WorkerObject(EventEmitter, ABC):
    """Mirrors an object of the media worker, whose methods and notifications are named after its `NOUN`.

    `is_made` turns true when the worker has made it.

    Emits:
        `close` (itself): it is gone. Emitted once.
    """

    NOUN: ClassVar[str]

    def __init__(self, worker: MediaWorker, object_id: str, *, paused: bool) -> None:
        super().__init__()
        self.id = object_id
        self.paused = paused
        self.is_made = False
        self.closed = False
        self._worker = worker
        worker.load += 1
        worker.on(self.id, self._notified)

    @property
    def worker(self) -> MediaWorker:
        """The worker that has the object."""
        return self._worker

    def made(self, answer: Data) -> None:
        """Take over what the worker answered to `create`."""
        self.is_made = True

    @abstractmethod
    def not_found(self) -> NotFound:
        """Make the error for who asks for it when it is gone."""

    async def set_paused(self, paused: bool) -> None:
        """Pause or resume it. Consumers of video ask for a key frame then; what data gets meanwhile is lost."""
        self.paused = paused
        await self._ask("pause" if paused else "resume")

    async def stats(self) -> list[Any]:
        """Return mediasoup's stats of it."""
        answer = await self._ask("stats")
        return list(answer.get("stats", []))

    def close(self, *, tell_worker: bool = True) -> None:
        """Close it; `tell_worker` is false when the worker closes it by itself, with what it hangs on."""
        if self.closed:
            return
        self.closed = True
        self._worker.load -= 1
        self._worker.remove_listener(self.id, self._notified)
        if tell_worker:
            self._worker.post(f"{self.NOUN}.close", {f"{self.NOUN}Id": self.id})
        self._let_go()
        self.emit("close", self)
        self.remove_all_listeners()  # its owners and it are freed without the collector

    @abstractmethod
    def _let_go(self) -> None:
        """Take leave of others, or take them along, between its end and the news of it."""

    def _notified(self, event: str, data: Data) -> None:
        """Take what the worker tells of it."""

    async def _ask(self, method: str, **data: Any) -> Data:
        try:
            return await self._worker.request(f"{self.NOUN}.{method}", {f"{self.NOUN}Id": self.id, **data})
        except NotFound:
            raise self.not_found() from None


class Dependent(Protocol):
    """What a source needs of who receives from it."""

    @property
    def id(self) -> str:
        """Its id."""

    def close(self, *, tell_worker: bool = True) -> None:
        """Close it."""


class SourceObject(WorkerObject):
    """One whose consumers end with it."""

    def __init__(self, worker: MediaWorker, object_id: str, *, paused: bool) -> None:
        super().__init__(worker, object_id, paused=paused)
        self._consumers: dict[str, Dependent] = {}

    def attach(self, consumer: Dependent) -> None:
        """Note a consumer that ends with it."""
        self._consumers[consumer.id] = consumer

    def detach(self, consumer: Dependent) -> None:
        """Forget a consumer that is gone."""
        self._consumers.pop(consumer.id, None)

    def _let_go(self) -> None:
        for consumer in tuple(self._consumers.values()):
            consumer.close(tell_worker=False)
