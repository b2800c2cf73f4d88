"""What a transport receives and sends in all, and how fast, worked out about once a second."""

from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple

from sfu.worker.tally import (
    PROBATION_BYTES,
    RTP_BYTES,
    RTX_BYTES,
    Tally,
    discarded_counters,
    received_counters,
    sent_counters,
)

if TYPE_CHECKING:
    from sfu.worker.consumer import Consumer
    from sfu.worker.producer import Producer


class Traffic(NamedTuple):
    """Bytes, or bits a second: all that passes, media, retransmissions (RTX), and padding that probes."""

    received: int = 0
    sent: int = 0
    rtp_received: int = 0
    rtp_sent: int = 0
    rtx_received: int = 0
    rtx_sent: int = 0
    probation_sent: int = 0


class TrafficMeter:
    """`received` and `sent` are the totals of streams, `bytes` and `bitrates` those as of the last measurement."""

    def __init__(self, now: float) -> None:
        self.received = Tally()
        self.sent = Tally()
        self.bytes = Traffic()
        self.bitrates = Traffic()
        self._at = now

    def measure(
        self,
        producers: Collection["Producer"],
        consumers: Collection["Consumer"],
        bytes_received: int,
        bytes_sent: int,
        now: float,
    ) -> None:
        """Take the counters as they are at `now`: the link's and those of all streams."""
        streams = [stream for producer in producers for stream in producer.streams]
        self.received.count(
            [(stream, received_counters(stream)) for stream in streams]
            + [(producer, discarded_counters(producer)) for producer in producers]
        )
        self.sent.count([(consumer.sent, sent_counters(consumer.sent)) for consumer in consumers])
        received, sent = self.received.totals, self.sent.totals
        total = Traffic(
            bytes_received,
            bytes_sent,
            received[RTP_BYTES],
            sent[RTP_BYTES],
            received[RTX_BYTES],
            sent[RTX_BYTES],
            sent[PROBATION_BYTES],
        )
        elapsed = now - self._at
        if elapsed > 0:
            grown = [now_at - was_at for now_at, was_at in zip(total, self.bytes, strict=True)]
            self.bitrates = Traffic(*(round(count * 8 / elapsed) for count in grown))
            self.bytes, self._at = total, now
