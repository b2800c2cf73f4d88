"""What a transport receives and sends in all, and how fast, by snapshots taken about once a second."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from sfu.worker.ports import Link
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
    """`received` has the totals of incoming streams as of the last measurement, `bytes` those of everything."""

    __slots__ = ("_at", "_before", "_before_at", "_consumers", "_gone", "_link", "_producers", "bytes", "received")

    def __init__(
        self, producers: Mapping[str, "Producer"], consumers: Mapping[str, "Consumer"], link: Link, now: float
    ) -> None:
        self.received = Tally()
        self.bytes = self._before = Traffic()
        self._at = self._before_at = now
        self._gone = Tally()  # what was sent to consumers that are gone
        self._producers = producers
        self._consumers = consumers
        self._link = link

    @property
    def sent(self) -> Tally:
        """The totals of outgoing streams, as they are now."""
        tally = Tally(self._gone.totals)
        for consumer in self._consumers.values():
            tally.add(sent_counters(consumer.sent))
        return tally

    @property
    def bitrates(self) -> Traffic:
        """The rates of `bytes`, between the last two measurements."""
        elapsed = self._at - self._before_at
        if elapsed <= 0:
            return Traffic()
        grown = [now_at - was_at for now_at, was_at in zip(self.bytes, self._before, strict=True)]
        return Traffic(*(round(count * 8 / elapsed) for count in grown))

    def consumer_gone(self, consumer: "Consumer") -> None:
        """Keep what was sent to a consumer that is none of the transport's any more."""
        self._gone.add(sent_counters(consumer.sent))

    def close(self) -> None:
        """Keep what was measured and none of those who were."""
        self.received.let_go()

    def measure(self, now: float) -> None:
        """Take the counters as they are at `now`: the link's and those of all streams."""
        if self._producers or self.received.counts:
            self._count_received()
        received, gone, link = self.received.totals, self._gone.totals, self._link
        rtp_sent, rtx_sent, padding = gone[RTP_BYTES], gone[RTX_BYTES], gone[PROBATION_BYTES]
        for consumer in self._consumers.values():
            sent = consumer.sent
            rtp_sent += sent.bytes_sent
            rtx_sent += sent.bytes_retransmitted
            padding += sent.bytes_of_padding
        if now > self._at:
            self._before, self._before_at, self._at = self.bytes, self._at, now
            self.bytes = Traffic(
                link.bytes_received,
                link.bytes_sent,
                received[RTP_BYTES],
                rtp_sent,
                received[RTX_BYTES],
                rtx_sent,
                padding,
            )

    def _count_received(self) -> None:
        producers = self._producers.values()
        streams = [stream for producer in producers for stream in producer.streams]
        self.received.count(
            [(stream, received_counters(stream)) for stream in streams]
            + [(producer, discarded_counters(producer)) for producer in producers]
        )
