"""The way to one other worker: what comes from there goes to the pipe that it is of."""

from typing import Protocol

from sfu.worker import pipe_records as records
from sfu.worker.errors import RefusedError
from sfu.worker.pipe_inlet import PipeInlet
from sfu.worker.pipe_outlet import PipeOutlet
from sfu.worker.ports import PipeSocket


class PipeCounters:
    """What went over all links of a worker, in packets of media."""

    __slots__ = ("packets_received", "packets_sent")

    def __init__(self) -> None:
        self.packets_sent = 0
        self.packets_received = 0


class PipeLinkParent(Protocol):
    """The pipes of the worker, as one link needs them."""

    counters: PipeCounters

    def dropped(self, reason: str, count: int = 1) -> None:
        """Count what was dropped."""


class PipeLink:
    """Implements `OutletParent`, `InletLink` and `PipeListener`. Records of pipes that are not there any more,
    or not yet, are dropped."""

    def __init__(self, parent: PipeLinkParent) -> None:
        self.socket: PipeSocket | None = None
        self.outlets: dict[int, PipeOutlet] = {}
        self.inlets: dict[int, PipeInlet] = {}
        self._parent = parent

    def add_outlet(self, outlet: PipeOutlet) -> None:
        """Bring what comes for this pipe to an outlet."""
        self.outlets[outlet.number] = outlet

    def add_inlet(self, inlet: PipeInlet) -> None:
        """Bring what comes by this pipe to an inlet."""
        self.inlets[inlet.number] = inlet

    def refuse_taken(self, number: int) -> None:
        """Refuse a pipe's number that is in use. Raises: RefusedError."""
        if number in self.outlets or number in self.inlets:
            raise RefusedError("the pipe exists already")

    def close(self) -> None:
        """Send and receive no more. Producers lose their outlets; inlets are the control process's to close."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None
        for outlet in list(self.outlets.values()):
            outlet.close()

    # --- from the pipes ---

    def send_media(self, record: bytearray, packets: int) -> bool:
        """See `OutletParent`."""
        if self.socket is not None and self.socket.send(record):
            self._parent.counters.packets_sent += packets
            return True
        self._parent.dropped("pipe_full", packets)
        return False

    def post(self, record: bytes) -> None:
        """See `OutletParent` and `InletLink`."""
        if self.socket is not None and not self.socket.post(record):
            self._parent.dropped("pipe_post_full")

    def outlet_closed(self, outlet: PipeOutlet) -> None:
        """See `OutletParent`."""
        self.outlets.pop(outlet.number, None)

    def inlet_closed(self, inlet: PipeInlet) -> None:
        """See `InletLink`."""
        self.inlets.pop(inlet.number, None)

    # --- from the socket ---

    def on_record(self, record: memoryview, now: float) -> None:
        """See `PipeListener`.

        Raises:
            ValueError: the record is malformed: a bug of ours, as both workers are.
        """
        kind, number = records.read_head(record)
        if kind in {records.MEDIA, records.STATE}:
            inlet = self.inlets.get(number)
            if inlet is None:
                return
            if kind == records.STATE:
                inlet.receive_state(record, now)
            else:
                self._parent.counters.packets_received += inlet.receive_media(record, now)
            return
        outlet = self.outlets.get(number)
        if outlet is None:
            return
        if kind == records.DEMAND:
            outlet.receive_demand(records.read_demand(record))
        elif kind == records.KEY:
            outlet.receive_key_frame_request(records.read_key_frame_request(record), now)
        else:
            raise ValueError(f"a record of kind {kind}")

    def on_end(self) -> None:
        """See `PipeListener`."""
        self.close()
