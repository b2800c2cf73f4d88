"""What a transport does once a second: reports to its peer, bitrates, scores."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sfu.rtp.round_trip import ReferenceTimes
from sfu.worker.ports import Link
from sfu.worker.reports import receiver_reports, sender_reports
from sfu.worker.timer_queue import next_step
from sfu.worker.traffic_meter import TrafficMeter

if TYPE_CHECKING:
    from sfu.worker.consumer import Consumer
    from sfu.worker.producer import Producer

INTERVAL_S = 1.0
"""Between measurements, and between RTCP reports where there is video, as browsers have it; up to a step of the
timers more."""

FIRST_INTERVAL_S = 0.2
"""Until the first report of a fresh transport, so that lip sync and round trip are known early."""

AUDIO_REPORT_INTERVALS = 5
"""A transport of audio alone reports every five seconds (RFC 3550 6.2), sooner when something was added."""


class TransportReports:
    """Reports on the producers and consumers of one transport. `reference_times` are the peer's to send back."""

    def __init__(
        self, producers: Mapping[str, "Producer"], consumers: Mapping[str, "Consumer"], link: Link, now: float
    ) -> None:
        self.traffic = TrafficMeter(producers, consumers, link, now)
        self.reference_times = ReferenceTimes()
        self._producers = producers
        self._consumers = consumers
        self._link = link
        self._next_tick = next_step(now + FIRST_INTERVAL_S)
        self._next_silence = now
        self._ticks_without_report = 0
        self._reported_on = 0

    def next_timeout(self) -> float:
        """When `handle_timeout` is due, as long as the peer can be reached and there is something to report on."""
        return min(self._next_tick, self._next_silence)

    def handle_timeout(self, now: float) -> None:
        """Do what is due."""
        if now >= self._next_tick:
            # Counted from when it was due: who had to wait for a batch of packets would else fall in with those of
            # the next step, second by second, until all are due at once.
            self._next_tick = next_step(max(self._next_tick, now - INTERVAL_S / 2) + INTERVAL_S)
            self._measure(now)
            if self._report_is_due():
                self._report(now)
        elif now < self._next_silence:
            return
        else:
            for producer in self._producers.values():
                producer.check_silence(now)
        self._tell_scores(now)
        self._next_silence = min(
            (
                silent_at
                for producer in self._producers.values()
                for stream in producer.streams
                if (silent_at := stream.received.silent_at()) > now
            ),
            default=self._next_tick,
        )

    def _report_is_due(self) -> bool:
        self._ticks_without_report += 1
        reported_on, self._reported_on = self._reported_on, self._reportable()
        return (
            self._reported_on != reported_on
            or self._ticks_without_report >= AUDIO_REPORT_INTERVALS
            or self._has_video()
        )

    def _reportable(self) -> int:
        """Count the streams that there is something to say of."""
        sources = [consumer.stream for consumer in self._consumers.values()]
        return sum(len(producer.streams) for producer in self._producers.values()) + sum(
            source is not None and source.received.last_sender_report is not None for source in sources
        )

    def _has_video(self) -> bool:
        return any(consumer.kind == "video" for consumer in self._consumers.values()) or any(
            producer.is_video for producer in self._producers.values()
        )

    def _report(self, now: float) -> None:
        self._ticks_without_report = 0
        if self._producers:
            for report in receiver_reports(self._producers.values(), now):
                self._link.send_rtcp(report)
        for report in sender_reports(self._consumers.values(), self.reference_times, now):
            self._link.send_rtcp(report)

    def _measure(self, now: float) -> None:
        self.traffic.measure(now)
        for producer in self._producers.values():
            producer.measure(now)
        for consumer in self._consumers.values():
            consumer.measure(now)

    def _tell_scores(self, now: float) -> None:
        for producer in self._producers.values():
            producer.tell_score(now)
        for consumer in self._consumers.values():
            consumer.tell_score(now)
