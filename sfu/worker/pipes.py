"""The pipes of one worker: producers of others that have consumers here, and of ours that have them elsewhere."""

from collections import Counter
from typing import Any, Protocol

from sfu.worker.errors import NotFoundError, RefusedError
from sfu.worker.pipe_link import PipeCounters, PipeLink
from sfu.worker.pipe_outlet import PipeOutlet
from sfu.worker.ports import PipeSockets
from sfu.worker.producer import Producer


class PipesParent(Protocol):
    """The worker, as its pipes need it."""

    drops: Counter[str]


class Pipes:
    """The links to other workers by their index. `sockets` is `None` where there are no others."""

    def __init__(self, sockets: PipeSockets | None, parent: PipesParent) -> None:
        self.counters = PipeCounters()
        self._sockets = sockets
        self._parent = parent
        self._links: dict[int, PipeLink] = {}

    def accept(self) -> None:
        """Take the sockets that the control process has passed; a new one replaces that to an earlier worker."""
        if self._sockets is None:
            raise RefusedError("this worker was started without pipes")
        for worker, open_socket in self._sockets.take():
            if (old := self._links.get(worker)) is not None:
                old.close()
            link = self._links[worker] = PipeLink(self)
            link.socket = open_socket(link)

    def link(self, worker: Any) -> PipeLink:
        """Find the link to another worker. Raises: NotFoundError."""
        link = self._links.get(worker)
        if link is None:
            raise NotFoundError("no link to that worker")
        return link

    def open_outlet(self, link: PipeLink, number: int, producer: Producer) -> None:
        """Begin a pipe at its producer. Raises: RefusedError."""
        link.refuse_taken(number)
        link.add_outlet(PipeOutlet(number, producer, link))

    def render(self) -> dict[str, int]:
        """Make the part of `worker.stats`."""
        return {
            "pipedProducers": sum(len(link.inlets) for link in self._links.values()),
            "pipePacketsSent": self.counters.packets_sent,
            "pipePacketsReceived": self.counters.packets_received,
        }

    def close(self) -> None:
        """Close all links."""
        for link in self._links.values():
            link.close()

    # --- for links ---

    def dropped(self, reason: str, count: int = 1) -> None:
        """See `PipeLinkParent`."""
        self._parent.drops[reason] += count
