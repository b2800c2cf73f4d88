"""What consumers see of one stream: the whole of it, or parts by layers, each made once for all who get it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from sfu.codecs import LayerReader
from sfu.rtp.lanes import Lane, LaneGroups
from sfu.rtp.layer_rates import LayerRates
from sfu.rtp.layer_view import LayerPart, LayerView
from sfu.rtp.layers import Layers, PacketLayers
from sfu.rtp.mapped_batch import MappedBatch, MappedPacket
from sfu.rtp.seq_manager import SeqManager

SendLanes = Callable[[MappedBatch, LaneGroups], list[Lane]]
"""Sends a batch by lanes and returns those by which it could not be sent."""

Fault = Callable[[str], None]
"""Takes note of the exception that is being handled."""

if TYPE_CHECKING:
    from sfu.worker.consumer import Consumer

VIEW_LINGER_S = 1.0
"""How long a view that nobody follows any more takes packets that come late: who left it may still miss some."""

ONE_LAYER = Layers(0, 0)


class StreamViews:
    """The layers of one stream and its views. `reader` is `None` for codecs that tell of no layers.

    `rates` has the bitrate of each layer. `followers` are the consumers that forward the stream or wait to; of
    these the `attended` look at each batch themselves, the others have a lane.
    `fresh_from` is the first number that has not gone to them yet, `batch` what came last of the whole.
    """

    __slots__ = (
        "_numbers",
        "_reader",
        "_uses_store",
        "_views",
        "attended",
        "batch",
        "followers",
        "fresh_from",
        "rates",
    )

    def __init__(self, reader: LayerReader | None, *, uses_store: bool) -> None:
        self.rates = LayerRates()
        self.followers: tuple[Consumer, ...] = ()
        self.attended: tuple[Consumer, ...] = ()
        self.fresh_from = 0
        self.batch: MappedBatch | None = None
        self._reader = reader
        self._uses_store = uses_store
        self._numbers: SeqManager | None = None
        self._views: dict[Layers | None, LayerView] = {}

    # --- layers ---

    @property
    def top(self) -> Layers:
        """The highest spatial and temporal layer that have come within the stream."""
        return self._reader.top if self._reader is not None else ONE_LAYER

    def read(self, payload: memoryview, descriptor: memoryview | None, is_key_frame: bool) -> PacketLayers | None:
        """Read which layers a packet belongs to."""
        return self._reader.read(payload, descriptor, is_key_frame) if self._reader is not None else None

    def needs_key_frame(self, current: Layers, wanted: Layers) -> bool:
        """Tell whether a receiver of the layers `current` should ask for a key frame to get `wanted`."""
        return self._reader is not None and self._reader.needs_key_frame(current, wanted)

    def view(self, layers: Layers) -> LayerView:
        """Return the stream as who gets these layers of it sees it."""
        key, part = None, None
        if self._reader is not None and not self._reader.is_everything(layers):
            key = layers
            part = LayerPart(layers, renumbers_pictures=self._reader.renumbers_pictures)
        if key not in self._views:
            self._views[key] = LayerView(part, use_store=self._uses_store)
        return self._views[key]

    def renew(self, reader: LayerReader | None) -> None:
        """Begin anew: nothing that was known of layers and pictures holds any more."""
        self._reader = reader
        self._views = {}

    def keep_for(self, rtt_s: float) -> None:
        """Keep packets long enough for a receiver that is `rtt_s` away."""
        for view in self._views.values():
            if view.store is not None:
                view.store.serve_round_trip(rtt_s)

    # --- packets ---

    def number(self, sequence_number: int) -> int | None:
        """Number a packet so that those left out make no gaps; `None` if it is too late for a number."""
        if self._numbers is None:
            self._numbers = SeqManager(initial_output=sequence_number)
            self._numbers.sync(sequence_number)
        return self._numbers.map(sequence_number)

    def leave_out(self, sequence_number: int) -> int | None:
        """Have nobody miss this packet; its number if the packets after it have theirs already."""
        if self._numbers is None:
            return None
        self._numbers.drop(sequence_number)
        return self._numbers.map(sequence_number)

    def take(self, packets: list[MappedPacket], now: float, *, is_video: bool) -> None:
        """Let every view have new packets, and the consumers after them."""
        self.rates.read(now)
        if not self._views:
            self.batch = None
            return
        batch = self.batch = MappedBatch(packets, is_video=is_video)
        for key, view in tuple(self._views.items()):
            if view.users or now - view.released_at <= VIEW_LINGER_S:
                view.take(batch, now)
            else:
                view.retire()
                del self._views[key]

    def send_lanes(self, send: SendLanes, fault: Fault, now: float) -> "tuple[Consumer, ...]":
        """Let the lanes of every view have its last batch; returns who has to look at it himself.

        After a fault of `send` those with a lane lose the batch and have none any more: some may have been
        served, and under one key no number may be used for packets that differ (RFC 7714 9.1), as on a second try.
        """
        try:
            self._send_lanes(send, now)
        except Exception:
            fault("fan_out_fault")
            attended = self.attended
            self._clear_lanes()
            return attended
        return self.attended

    def _send_lanes(self, send: SendLanes, now: float) -> None:
        for view in tuple(self._views.values()):
            lanes, batch = view.lanes, view.batch
            if batch is None or not lanes.groups:
                continue
            for lane in lanes.too_late_for(batch.lowest):
                lane.owner.step_out()
            missed: list[Lane] = []
            try:
                missed = send(batch, lanes.groups)
            finally:
                for lane in missed:
                    lane.owner.step_out()
                lanes.sent(batch, now)

    def _clear_lanes(self) -> None:
        """Have every consumer look at its next batch itself."""
        for view in self._views.values():
            for lane in [lane for group in view.lanes.groups.values() for lane in group]:
                lane.owner.step_out()

    def taken(self) -> None:
        """Take note that the last batch has gone to the consumers."""
        if self.batch is not None:
            self.fresh_from = max(self.fresh_from, self.batch.highest + 1)

    # --- consumers ---

    def follow(self, consumer: "Consumer") -> None:
        """Have a consumer called at every flush."""
        if consumer not in self.followers:
            self.followers = (*self.followers, consumer)
            self.attended = (*self.attended, consumer)

    def unfollow(self, consumer: "Consumer") -> None:
        """Let go of a consumer."""
        self.followers = tuple(each for each in self.followers if each is not consumer)
        self.attended = tuple(each for each in self.attended if each is not consumer)

    def leave_alone(self, consumer: "Consumer") -> None:
        """Call a consumer no more: it has a lane."""
        self.attended = tuple(each for each in self.attended if each is not consumer)

    def attend(self, consumer: "Consumer") -> None:
        """Call a consumer that follows at every flush again: it has no lane any more."""
        if consumer in self.followers and consumer not in self.attended:
            self.attended = (*self.attended, consumer)
