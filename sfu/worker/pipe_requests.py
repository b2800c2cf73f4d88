"""What the control process asks of a worker's pipes: one method a request."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from sfu.worker.errors import NotFoundError
from sfu.worker.pipe_inlet import InletParent, PipeInlet
from sfu.worker.piped_producer import PipedProducer
from sfu.worker.pipes import Pipes
from sfu.worker.request_types import Answer, Request, Steps
from shared.rtp_parameters import load_rtp_mapping, load_rtp_parameters

if TYPE_CHECKING:
    from sfu.worker.media_objects import MediaObjects


class PipeRequests:
    """Executes requests on a worker's pipes; `methods` are merged into its others.

    A pipe goes by the index of the worker at its other end and by its number, which is the same at both ends.
    """

    def __init__(self, objects: "MediaObjects", pipes: Pipes, parent: InletParent) -> None:
        self._objects = objects
        self._pipes = pipes
        self._parent = parent
        self.methods: dict[str, Callable[[Request], Answer | Steps]] = {
            "pipe.link": self._link,
            "pipe.produce": self._produce,
            "pipe.open": self._open,
            "pipe.close": self._close,
        }

    def _link(self, data: Request) -> Answer:
        """Take over the socket to another worker, which has been passed before."""
        self._pipes.accept()
        self._pipes.link(data.get("worker"))
        return {}

    def _produce(self, data: Request) -> Answer:
        """Make the end of a pipe at its consumers."""
        router = self._objects.router(data.get("routerId"))
        link, number = self._pipes.link(data.get("worker")), int(data["pipe"])
        link.refuse_taken(number)
        inlet = PipeInlet(number, link, self._parent)
        inlet.feed(
            PipedProducer(
                data["producerId"],
                data["kind"],
                data["type"],
                load_rtp_parameters(data["rtpParameters"]),
                load_rtp_mapping(data["rtpMapping"]),
                router.extension_ids,
                inlet,
                paused=bool(data.get("paused")),
            )
        )
        self._objects.add_inlet(router, inlet)
        link.add_inlet(inlet)
        return {}

    def _open(self, data: Request) -> Answer:
        """Make the end of a pipe at its producer; packets flow when the other end wants them."""
        link, producer = self._pipes.link(data.get("worker")), self._objects.producer(data.get("producerId"))
        self._pipes.open_outlet(link, int(data["pipe"]), producer)
        return {}

    def _close(self, data: Request) -> Steps:
        """Close this end of a pipe, with the consumers at it."""
        link, number = self._pipes.link(data.get("worker")), int(data["pipe"])
        if (outlet := link.outlets.get(number)) is not None:
            outlet.close()
        elif (inlet := link.inlets.get(number)) is not None:
            yield from self._objects.close_inlet(inlet)
        else:
            raise NotFoundError("no such pipe")
        return {}
