"""One RTP stream as we send it: what went out, what its receiver reports, what may go out again."""

from sfu.rtp.round_trip import RoundTrip
from sfu.rtp.rtcp.reports import ReportBlock, SenderReport
from sfu.rtp.stream_score import StreamScore

MAX_REMEMBERED_RETRANSMISSIONS = 512
"""Packets whose last retransmission is remembered. Older ones may go out again: that is a second's worth of heavy
loss, and a round trip is over by then."""

MIN_RETRANSMISSION_INTERVAL_S = 0.005
"""Least time between two retransmissions of a packet, when the round trip is unknown or tiny."""

_NTP_UNITS_PER_S = 1 << 32


class SendStream:
    """Count what one SSRC sends and keep what its receiver says.

    `clock_rate` is the codec's in Hz. To read: `packets_sent` and `bytes_sent` (without retransmissions),
    `last_timestamp` and `last_sent_at`, `rtt_s` (None before it is measured), `fraction_lost` (256ths),
    `packets_lost` and `jitter` (in units of the clock) as the receiver reports them, `most_lost` (what came late
    can be taken back, but counts once all the same), and those the owner keeps:
    `nack_count`, `nack_packet_count` (numbers asked for), `pli_count`, `fir_count`, `packets_retransmitted`,
    `bytes_retransmitted`, and `bytes_of_padding` (packets that probe for bandwidth).
    `packets_repaired` counts packets that were sent again, each once.
    """

    __slots__ = (
        "_retransmitted_at",
        "_round_trip",
        "_rtx_sequence",
        "_score",
        "_scored",
        "bytes_of_padding",
        "bytes_retransmitted",
        "bytes_sent",
        "clock_rate",
        "fir_count",
        "fraction_lost",
        "jitter",
        "last_sent_at",
        "last_timestamp",
        "most_lost",
        "nack_count",
        "nack_packet_count",
        "packets_lost",
        "packets_repaired",
        "packets_retransmitted",
        "packets_sent",
        "payload_type",
        "pli_count",
        "rtx_payload_type",
        "rtx_ssrc",
        "ssrc",
    )

    def __init__(
        self,
        ssrc: int,
        payload_type: int,
        clock_rate: int,
        *,
        rtx_ssrc: int | None = None,
        rtx_payload_type: int | None = None,
    ) -> None:
        self.ssrc = ssrc
        self.payload_type = payload_type
        self.clock_rate = clock_rate
        self.rtx_ssrc = rtx_ssrc
        self.rtx_payload_type = rtx_payload_type
        self.packets_sent = 0
        self.bytes_sent = 0
        self.bytes_retransmitted = 0
        self.bytes_of_padding = 0
        self.last_timestamp = 0
        self.last_sent_at: float | None = None
        self.fraction_lost = 0
        self.packets_lost = 0
        self.most_lost = 0
        self.jitter = 0
        self.nack_count = 0
        self.nack_packet_count = 0
        self.pli_count = 0
        self.fir_count = 0
        self.packets_retransmitted = 0
        self.packets_repaired = 0
        self._score = StreamScore()
        self._scored = 0
        self._round_trip = RoundTrip()
        self._rtx_sequence = 0
        self._retransmitted_at: dict[int, float] = {}  # by sequence number, oldest retransmission first

    @property
    def rtt_s(self) -> float | None:
        """The round-trip time to the receiver in seconds, as last measured."""
        return self._round_trip.rtt_s

    @property
    def score(self) -> int:
        """How well the receiver gets it: 0 to 10, by its reports."""
        return self._score.value

    def sent(self, count: int, octets: int, last_timestamp: int, now: float) -> None:
        """Count a batch: `octets` of payload in `count` packets, the last of which has `last_timestamp`."""
        self.packets_sent += count
        self.bytes_sent += octets
        self.last_timestamp = last_timestamp
        self.last_sent_at = now

    def sender_report(self, now: float, source: tuple[int, int, float], timestamp_offset: int) -> SenderReport:
        """Make a sender report on the publisher's clock, so that its streams stay in sync at the receiver.

        `source` is the publisher's last one, `(ntp, rtp_timestamp, arrival)`; `timestamp_offset` is what this
        stream adds to the publisher's RTP timestamps. Both clocks are carried on by the time since its arrival.
        """
        source_ntp, source_timestamp, arrival = source
        elapsed_s = max(0.0, now - arrival)
        ntp = source_ntp + int(elapsed_s * _NTP_UNITS_PER_S) & 0xFFFFFFFFFFFFFFFF
        timestamp = source_timestamp + round(elapsed_s * self.clock_rate) + timestamp_offset
        self._round_trip.sent(ntp, now)
        return SenderReport(
            self.ssrc,
            ntp,
            timestamp & 0xFFFFFFFF,
            self.packets_sent & 0xFFFFFFFF,
            self.bytes_sent & 0xFFFFFFFF,
        )

    def receiver_report(self, block: ReportBlock, now: float) -> None:
        """Take what the receiver reports of this stream; its `rtt_s` if it answers a report of ours."""
        self.fraction_lost = block.fraction_lost
        self.packets_lost = block.packets_lost
        self.most_lost = max(self.most_lost, block.packets_lost)
        self._update_score()
        self.jitter = block.jitter
        if block.lsr:
            self._round_trip.returned(block.lsr, block.dlsr, now)

    def _update_score(self) -> None:
        lost = max(0, self.packets_lost)
        totals = self.packets_sent, lost, self.packets_repaired, self.packets_retransmitted
        if self.packets_sent == self._scored:
            self._score.skip(*totals)  # nothing was sent that the report could speak of
        else:
            self._score.update(*totals)
        self._scored = self.packets_sent

    def next_rtx_sequence(self) -> int:
        """Return the 16-bit sequence number for the next RTX packet (RFC 4588 4)."""
        sequence = self._rtx_sequence
        self._rtx_sequence = sequence + 1 & 0xFFFF
        return sequence

    def may_retransmit(self, seq: int, now: float, rtt_s: float) -> bool:
        """Tell whether to send packet `seq` once more, and take it for sent if so.

        False while an earlier retransmission may still be under way: the receiver asks again before it can have
        arrived. `rtt_s` is the round-trip time to the receiver.
        """
        last = self._retransmitted_at.pop(seq, None)
        if last is not None and now - last < max(rtt_s, MIN_RETRANSMISSION_INTERVAL_S):
            self._retransmitted_at[seq] = last
            return False
        if last is None:
            self.packets_repaired += 1
        if len(self._retransmitted_at) >= MAX_REMEMBERED_RETRANSMISSIONS:
            del self._retransmitted_at[next(iter(self._retransmitted_at))]
        self._retransmitted_at[seq] = now
        return True
