"""The way of one consumer through a producer's layers: what it gets, what it waits for, where it may change."""

from typing import TYPE_CHECKING, NamedTuple

from sfu.rtp.layer_view import LayerView
from sfu.rtp.layers import Layers
from sfu.rtp.mapped_batch import MappedBatch, MappedPacket
from sfu.rtp.splice_clock import clock_of
from sfu.rtp.stream_splicer import StreamSplicer
from sfu.worker.layering import Choice

if TYPE_CHECKING:
    from sfu.worker.consumer import Consumer
    from sfu.worker.producer_stream import ProducerStream


class Leg(NamedTuple):
    """A part of the way: layers of a stream, and its view of them."""

    layers: Layers
    stream: "ProducerStream"
    inner: Layers
    view: LayerView


class LayerPath:
    """Follows the streams of the `flowing` and the `awaited` leg on behalf of a consumer.

    The consumer comes as an argument: nobody has to break up a circle when it goes.
    """

    __slots__ = ("_splicer", "awaited", "flowing")

    def __init__(self, splicer: StreamSplicer) -> None:
        self._splicer = splicer
        self.flowing: Leg | None = None
        self.awaited: Leg | None = None

    def aim(self, consumer: "Consumer", choice: Choice) -> bool:
        """Go for these layers; false when they flow already or are awaited."""
        flowing, awaited = self.flowing, self.awaited
        inner = self._next_step(choice)
        layers = choice.layers._replace(temporal=min(choice.layers.temporal, inner.temporal))
        leg = Leg(layers, choice.stream, inner, choice.stream.views.view(inner))
        if flowing is not None and leg.view is flowing.view:
            self._set(consumer, leg, None)
            return False
        is_new = awaited is None or awaited.view is not leg.view
        self._set(consumer, flowing, leg)
        return is_new

    def wait(self, consumer: "Consumer") -> None:
        """Let nothing flow until what flows now, or was awaited, can begin anew."""
        self._splicer.end()
        self._set(consumer, None, self.awaited or self.flowing)

    def renew(self, consumer: "Consumer", stream: "ProducerStream") -> None:
        """Begin anew with a stream that has new views."""
        if self.flowing is not None and self.flowing.stream is stream:
            self.wait(consumer)
        awaited = self.awaited
        if awaited is not None and awaited.stream is stream:
            self._set(consumer, self.flowing, awaited._replace(view=stream.views.view(awaited.inner)))

    def stop(self, consumer: "Consumer") -> None:
        """Give up everything."""
        self._splicer.end()
        self._set(consumer, None, None)

    def change_over(self, consumer: "Consumer", now: float) -> int | None:
        """Change to the awaited leg if the last batch of its stream allows that.

        What still comes of the old leg goes out. Returns the index of the first packet to send of the new one's
        batch; `None` if not yet.
        """
        flowing, awaited = self.flowing, self.awaited
        if awaited is None:
            return None
        if flowing is None or flowing.stream is not awaited.stream:
            first = self._begin(awaited, now)
        else:
            first = self._move(consumer, flowing, awaited, now)
        if first is not None:
            self._set(consumer, awaited, None)
        return first

    def _begin(self, awaited: Leg, now: float) -> int | None:
        batch = awaited.view.batch
        first = _first_entry(awaited.stream, batch) if batch is not None else None
        if batch is not None and first is not None:
            self._splicer.begin(awaited.view, clock_of(awaited.stream.received), batch.packets[first], now)
            return 0  # packets that overtook the first one belong to it, too; those before it have no number
        return None

    def _move(self, consumer: "Consumer", flowing: Leg, awaited: Leg, now: float) -> int | None:
        packet = _first_switch(flowing, awaited)
        if packet is None:
            return None
        if flowing.view.batch is not None:
            consumer.send(flowing.view.batch, 0, _count_before(packet, flowing.view.batch), now)
        self._splicer.move(awaited.view, packet, now)
        return _count_before(packet, awaited.view.batch) if awaited.view.batch is not None else 0

    def key_frame_stream(self) -> "ProducerStream | None":
        """Return the stream of which a key frame is awaited."""
        flowing, awaited = self.flowing, self.awaited
        if awaited is None:
            return None
        if flowing is None or flowing.stream is not awaited.stream:
            return awaited.stream
        return awaited.stream if awaited.stream.views.needs_key_frame(flowing.inner, awaited.inner) else None

    def _next_step(self, choice: Choice) -> Layers:
        """Climb temporal layers one at a time: each begins at a point of its own, on top of the one below."""
        flowing = self.flowing
        if flowing is None or flowing.stream is not choice.stream or flowing.inner.spatial != choice.inner.spatial:
            return choice.inner
        return choice.inner._replace(temporal=min(choice.inner.temporal, flowing.inner.temporal + 1))

    def _set(self, consumer: "Consumer", flowing: Leg | None, awaited: Leg | None) -> None:
        """Hold on to the views of the legs, follow their streams, and let go of those of before."""
        stays = flowing is not None and self.flowing is not None and flowing.view is self.flowing.view
        if not stays or (flowing is not None and awaited is not None and awaited.stream is flowing.stream):
            consumer.step_out()
        before = [leg for leg in (self.flowing, self.awaited) if leg is not None]
        after = [leg for leg in (flowing, awaited) if leg is not None]
        self.flowing, self.awaited = flowing, awaited
        for leg in after:
            leg.view.hold()
            leg.stream.views.follow(consumer)
        for leg in before:
            leg.view.release()
            if all(leg.stream is not other.stream for other in after):
                leg.stream.views.unfollow(consumer)


def _first_entry(stream: "ProducerStream", batch: MappedBatch) -> int | None:
    """Where in a batch a decoder can begin: at a key frame, or anywhere if the codec knows none."""
    if stream.codec.is_key_frame is None:
        return 0
    return next((n for n, packet in enumerate(batch.packets) if packet.is_key_frame), None)


def _first_switch(flowing: Leg, awaited: Leg) -> MappedPacket | None:
    """Find where other layers of the same stream can begin: with a picture none of which has gone out."""
    views, start = flowing.stream.views, None
    for packet in views.batch.packets if views.batch is not None else ():
        layers = packet.layers
        if layers is None or packet.origin < views.fresh_from:
            continue
        if layers.starts_picture:
            start = packet
        if start is not None and layers.allows_switch(flowing.inner, awaited.inner):
            return start
    return None


def _count_before(packet: MappedPacket, batch: MappedBatch) -> int:
    """Count the packets of a batch that come before that one of the stream."""
    return next((n for n, each in enumerate(batch.packets) if each.origin >= packet.origin), len(batch.packets))
