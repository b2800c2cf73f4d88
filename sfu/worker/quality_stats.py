"""What `worker.stats` says of the quality of all streams, for `/metrics`."""

from collections import Counter
from collections.abc import Collection
from typing import Any

from sfu.rtp.stream_score import MAX_SCORE
from sfu.worker.tally import Tally
from sfu.worker.webrtc_transport import WebRtcTransport

SCORE_BUCKETS = (0, 3, 6, 8, MAX_SCORE)
"""Upper ends: dead, bad, poor, fair and good."""


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
        return {
            "received": {
                **received.render(),
                "bitrate": sum(rate.received for rate in bitrates),
                "availableBitrate": sum(incoming),
                "streamsByScore": _by_score(
                    [stream.received.score for producer in producers for stream in producer.streams]
                ),
            },
            "sent": {
                **sent.render(),
                "bitrate": sum(rate.sent for rate in bitrates),
                "availableBitrate": sum(outgoing),
                "streamsByScore": _by_score(
                    [consumer.sent.score for each in transports for consumer in each.consumers.values()]
                ),
            },
        }


def _by_score(scores: Collection[int]) -> dict[str, int]:
    counts = Counter(scores)
    buckets, lowest = {}, 0
    for highest in SCORE_BUCKETS:
        name = str(highest) if lowest == highest else f"{lowest}-{highest}"
        buckets[name] = sum(counts[score] for score in range(lowest, highest + 1))
        lowest = highest + 1
    return buckets
