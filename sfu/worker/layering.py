"""Which layers a producer has at the moment, and which of them a consumer within some limit is to get."""

from collections.abc import Sequence
from typing import NamedTuple

from sfu.ortc import parse_scalability_mode
from sfu.rtp.layers import MAX_LAYER, LayerOption, Layers
from sfu.worker.producer_stream import ProducerStream
from shared.rtp_parameters import RtpParameters

STARTUP_S = 2.0
"""Streams that begin within this time of the first, or of a wish for them, were meant to: each is as good as
another."""

STEADY_S = 1.0
"""One that begins later, or again, has to last so long before anybody changes to it: browsers try
an upper layer and drop it again when their bandwidth does not bear it."""

STALLED_S = 0.5
"""A stream that is so far behind the newest of the others has stopped, long before it is dead: its consumers are
not to look at a still picture meanwhile."""

REVIEW_INTERVAL_S = 0.25
"""How often it is looked whether layers have come or gone."""

HIGHEST = Layers(MAX_LAYER, MAX_LAYER)


class Choice(NamedTuple):
    """What a consumer is to get: `layers` of the producer, which are the layers `inner` of this stream."""

    layers: Layers
    stream: ProducerStream
    inner: Layers


class Layering:
    """The layers of one producer. `spatial_layers` and `temporal_layers` are how many it has said to have.

    A producer of type `simple` has none to choose among: all of its stream is layer 0.
    """

    def __init__(self, producer_type: str, parameters: RtpParameters, streams: Sequence[ProducerStream]) -> None:
        modes = [parse_scalability_mode(encoding.scalability_mode) for encoding in parameters.encodings]
        self.is_layered = producer_type != "simple"
        self.spatial_layers = len(modes) if producer_type == "simulcast" else modes[0].spatial_layers
        self.temporal_layers = max(mode.temporal_layers for mode in modes)
        self._is_simulcast = producer_type == "simulcast"
        self._key_only = modes[0].ksvc
        self._streams = streams
        self._began_at: float | None = None
        self._reviewed: tuple[object, ...] = ()
        self._tops: tuple[Layers, ...] = ()
        self._review_at = float("-inf")

    def clamp(self, spatial: int, temporal: int | None) -> Layers:
        """Bring the layers that somebody asks for within what there is; no temporal layer means the highest."""
        highest = max([self.temporal_layers - 1, *(stream.views.top.temporal for stream in self._streams)])
        temporal = highest if temporal is None else min(max(temporal, 0), highest)
        return Layers(min(max(spatial, 0), self.spatial_layers - 1), temporal)

    def choose(self, limit: Layers, now: float) -> Choice | None:
        """Choose the best within `limit` of what comes, else the least of all; `None` when there is no stream."""
        candidates = self._candidates(now)
        if not candidates:
            return None
        if not self.is_layered:
            return Choice(Layers(0, 0), candidates[0], HIGHEST)
        fitting = [stream for stream in candidates if stream.index <= limit.spatial]
        stream = fitting[-1] if fitting else candidates[0]
        temporal = min(limit.temporal, max(self.temporal_layers - 1, stream.views.top.temporal))
        if self._is_simulcast:
            return Choice(Layers(stream.index, temporal), stream, Layers(MAX_LAYER, temporal))
        layers = Layers(min(limit.spatial, self._highest_spatial(stream, now)), temporal)
        return Choice(layers, stream, layers)

    def options(self, limit: Layers, now: float) -> list[LayerOption]:
        """List what there is within `limit` with its bitrate, the lowest quality first, each dearer than the last.

        What takes as many bits as something better, few pictures of a small size as many of a large one, is no
        option.
        """
        options: list[LayerOption] = []
        for option in self._all_options(limit, now):
            while options and options[-1].bitrate_bps >= option.bitrate_bps:
                options.pop()
            options.append(option)
        return options

    def _all_options(self, limit: Layers, now: float) -> list[LayerOption]:
        candidates = self._candidates(now)
        if not self.is_layered:
            rates = [stream.received.bitrate_bps(now) for stream in candidates[:1]]
            return [LayerOption(Layers(0, 0), bitrate_bps) for bitrate_bps in rates if bitrate_bps]
        if not self._is_simulcast:
            return [each for stream in candidates for each in self._options_within(stream, limit, now)]
        fitting = [stream for stream in candidates if stream.index <= limit.spatial] or candidates[:1]
        return [
            LayerOption(Layers(stream.index, temporal), bitrate_bps)
            for stream in fitting
            for temporal in _temporal_layers(stream, limit, lowest=stream is fitting[0])
            if (bitrate_bps := stream.views.rates.bitrate_bps(Layers(MAX_LAYER, temporal), now))
        ]

    def expect(self, now: float) -> None:
        """Take note that the publisher has just been asked for layers that it may have stopped sending."""
        if self._began_at is not None:
            self._began_at = now

    def look_again(self) -> None:
        """Have the next review look in any case: a stream has begun, or begun again."""
        self._review_at = float("-inf")

    def review(self, now: float, *, at_once: bool = False) -> bool:
        """Tell whether layers have come or gone since the last time; looks only now and then, unless `at_once`."""
        streams = self._streams
        if len(streams) == 1:
            tops: tuple[Layers, ...] = (streams[0].views.top,)
        else:
            tops = tuple([stream.views.top for stream in streams])
        if not at_once and now < self._review_at and tops == self._tops:
            return False
        self._review_at, self._tops = now + REVIEW_INTERVAL_S, tops
        candidates = self._candidates(now)
        highest = 0 if self._is_simulcast or not candidates else self._highest_spatial(candidates[0], now)
        state = (tuple((stream.ssrc, stream in candidates) for stream in self._streams), highest, tops)
        changed, self._reviewed = state != self._reviewed, state
        return changed

    def _candidates(self, now: float) -> Sequence[ProducerStream]:
        """List the streams to choose among: those that come and last, else those that come, else all."""
        if len(self._streams) < 2:
            return self._streams
        newest = max(stream.received.last_media_at for stream in self._streams)
        coming = [
            stream
            for stream in self._streams
            if stream.received.is_active(now) and stream.received.last_media_at >= newest - STALLED_S
        ]
        if self._began_at is None:
            self._began_at = min((stream.active_since for stream in coming), default=None)
        return [stream for stream in coming if self._lasts(stream, now)] or coming or self._streams

    def _lasts(self, stream: ProducerStream, now: float) -> bool:
        belongs_to_beginning = self._began_at is not None and stream.active_since <= self._began_at + STARTUP_S
        return belongs_to_beginning or now - stream.active_since >= STEADY_S

    def _highest_spatial(self, stream: ProducerStream, now: float) -> int:
        """Return the highest spatial layer that comes within a stream; what was promised, at its beginning."""
        if now - stream.active_since < STEADY_S or not stream.received.is_active(now):
            return self.spatial_layers - 1
        return stream.views.rates.highest_spatial(now - stream.received.inactive_after_s)

    def _options_within(self, stream: ProducerStream, limit: Layers, now: float) -> list[LayerOption]:
        rates = stream.views.rates
        return [
            LayerOption(layers, bitrate_bps)
            for spatial in range(min(limit.spatial, self._highest_spatial(stream, now)) + 1)
            for temporal in _temporal_layers(stream, limit, lowest=not spatial)
            if (bitrate_bps := rates.bitrate_bps(layers := Layers(spatial, temporal), now, alone=self._key_only))
        ]


def _temporal_layers(stream: ProducerStream, limit: Layers, *, lowest: bool) -> range:
    """List the temporal layers worth having: a larger picture only with half of its frames (a layer less) or all.

    Before it moves at less than that, a smaller one that moves as it should says more of a face.
    """
    top = min(limit.temporal, stream.views.top.temporal)
    return range(0 if lowest else max(0, top - 1), top + 1)
