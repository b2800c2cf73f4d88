"""Totals over streams that come and go: what a transport, or a whole worker, has received and sent so far.

Streams count for themselves. What comes in is added up once a second by its growth, for streams come and go with
the publisher's packets; what goes out only when somebody asks, and when a consumer goes. A packet costs nothing
more for it, and totals never fall, as scrapers of `/metrics` need it.
"""

from collections.abc import Hashable, Iterable
from operator import add, sub
from typing import TYPE_CHECKING

from sfu.rtp.stream_send import SendStream

if TYPE_CHECKING:
    from sfu.worker.producer import Producer
    from sfu.worker.producer_stream import ProducerStream

Counters = tuple[int, ...]

COUNTERS = (
    "rtpPackets",
    "rtpBytes",
    "packetsLost",
    "packetsRepaired",
    "packetsRetransmitted",
    "rtxBytes",
    "probationBytes",
    "nackCount",
    "nackPacketCount",
    "pliCount",
    "firCount",
    "packetsDiscarded",
)
"""What is added up, in this order. Lost packets are those of the receiver's reports in what is sent."""

LOST = COUNTERS.index("packetsLost")
RTP_BYTES = COUNTERS.index("rtpBytes")
RTX_BYTES = COUNTERS.index("rtxBytes")
PROBATION_BYTES = COUNTERS.index("probationBytes")

_NONE: Counters = (0,) * len(COUNTERS)


class Tally:
    """Add up the growth of counters by whom they belong to; `totals` has one number for each of `COUNTERS`."""

    __slots__ = ("_seen", "totals")

    def __init__(self, totals: Counters = _NONE) -> None:
        self.totals = totals
        self._seen: dict[Hashable, Counters] = {}

    @property
    def counts(self) -> bool:
        """Whether the last call of `count` told of anybody."""
        return bool(self._seen)

    def count(self, counters: Iterable[tuple[Hashable, Counters]]) -> None:
        """Add what has grown since the last call; who is not among `counters` any more is forgotten.

        Only losses can be taken back; they count once all the same.
        """
        seen: dict[Hashable, Counters] = {}
        totals = self.totals
        for owner, values in counters:
            known = self._seen.get(owner, _NONE)
            if values[LOST] < known[LOST]:  # packets that came late
                values = tuple(map(max, values, known))
            seen[owner] = values
            totals = tuple(map(add, totals, map(sub, values, known)))
        self.totals, self._seen = totals, seen

    def absorb(self, other: "Tally") -> None:
        """Add the totals of another that is at its end."""
        self.add(other.totals)

    def add(self, counters: Counters) -> None:
        """Add what somebody has counted who will count no more, or whom nobody asks again."""
        self.totals = tuple(map(add, self.totals, counters))

    def let_go(self) -> None:
        """Forget who has been counted, for nothing more will be; the totals stay."""
        self._seen = {}

    def render(self) -> dict[str, int]:
        """Name the totals."""
        return dict(zip(COUNTERS, self.totals, strict=True))


def received_counters(stream: "ProducerStream") -> Counters:
    """Return what one incoming stream has counted; discarded packets are their producer's to count."""
    received, retransmissions = stream.received, stream.retransmissions
    return (
        received.packets_received,
        received.bytes_received,
        received.packets_lost,
        received.packets_repaired,
        received.packets_retransmitted,
        retransmissions.bytes_received if retransmissions is not None else 0,
        0,
        received.nack_count,
        received.nack_packet_count,
        received.pli_count,
        received.fir_count,
        0,
    )


def discarded_counters(producer: "Producer") -> Counters:
    """Return what a producer has discarded, of any of its streams or of none."""
    return (*_NONE[:-1], producer.packets_discarded)


def sent_counters(sent: SendStream) -> Counters:
    """Return what one outgoing stream has counted."""
    return (
        sent.packets_sent,
        sent.bytes_sent,
        sent.most_lost,
        sent.packets_repaired,
        sent.packets_retransmitted,
        sent.bytes_retransmitted,
        sent.bytes_of_padding,
        sent.nack_count,
        sent.nack_packet_count,
        sent.pli_count,
        sent.fir_count,
        0,
    )
