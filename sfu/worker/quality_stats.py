"""What `worker.stats` says of the quality of all streams, for `/metrics`."""

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any

from sfu.rtp.stream_score import MAX_SCORE
from sfu.worker.tally import Tally
from sfu.worker.webrtc_transport import WebRtcTransport

SCORE_BUCKETS = (0, 3, 6, 8, MAX_SCORE)
"""Upper ends: dead, bad, poor, fair and good."""


QUANTILES = ("0.5", "0.95")
"""Of all streams: what is usual, and what those have who are badly off."""


class QualityStats:
    """Totals of the transports of a worker, those that are gone among them."""

    def __init__(self) -> None:
        self._received = Tally()
        self._sent = Tally()

    def closed(self, transport: WebRtcTransport) -> None:
        """Keep what a transport has counted."""
        self._received.absorb(transport.traffic.received)
        self._sent.absorb(transport.traffic.sent)

    def render(self, transports: Collection[WebRtcTransport]) -> dict[str, Any]:
        """Sum up what is there and what was; costs about as much as there are streams."""
        received, sent = Tally(), Tally()
        received.absorb(self._received)
        sent.absorb(self._sent)
        for transport in transports:
            received.absorb(transport.traffic.received)
            sent.absorb(transport.traffic.sent)
        incoming = [transport.available_incoming_bitrate_bps or 0 for transport in transports]
        outgoing = [transport.bandwidth.available_bps or 0 for transport in transports]
        bitrates = [transport.traffic.bitrates for transport in transports]
        producers = [producer for transport in transports for producer in transport.producers.values()]
        streams = [stream for producer in producers for stream in producer.streams]
        consumers = [consumer for transport in transports for consumer in transport.consumers.values()]
        return {
            "received": {
                **received.render(),
                "bitrate": sum(rate.received for rate in bitrates),
                "availableBitrate": sum(incoming),
                "streamsByScore": _by_score([stream.received.score for stream in streams]),
                "roundTripS": _spread(stream.received.round_trip.rtt_s for stream in streams),
                "jitterS": _spread(stream.received.jitter / stream.codec.clock_rate for stream in streams),
            },
            "sent": {
                **sent.render(),
                "bitrate": sum(rate.sent for rate in bitrates),
                "availableBitrate": sum(outgoing),
                "streamsByScore": _by_score([consumer.sent.score for consumer in consumers]),
                "roundTripS": _spread(consumer.sent.rtt_s for consumer in consumers),
            },
        }


def _spread(values: Iterable[float | None]) -> dict[str, float]:
    """Return the quantiles of what is known, by name; nothing when nothing is."""
    known = sorted(value for value in values if value is not None)
    return {name: known[int((len(known) - 1) * float(name))] for name in QUANTILES} if known else {}


def _by_score(scores: Collection[int]) -> dict[str, int]:
    counts = Counter(scores)
    buckets, lowest = {}, 0
    for highest in SCORE_BUCKETS:
        name = str(highest) if lowest == highest else f"{lowest}-{highest}"
        buckets[name] = sum(counts[score] for score in range(lowest, highest + 1))
        lowest = highest + 1
    return buckets
