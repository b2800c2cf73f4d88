"""The worker itself: drives its transports by packets and by the clock, and contains the faults of each."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from sfu.rtp.lanes import Lane, LaneGroups
from sfu.rtp.mapped_batch import MappedBatch
from sfu.worker.data_objects import DataObjects
from sfu.worker.media_objects import MediaObjects
from sfu.worker.pipe_inlet import PipeInlet
from sfu.worker.pipes import Pipes
from sfu.worker.ports import Clock, LinkFactory, PipeSockets, Timer
from sfu.worker.request_types import Answer, Request, Steps
from sfu.worker.requests import Requests
from sfu.worker.router import Router
from sfu.worker.timer_queue import TimerQueue
from sfu.worker.webrtc_transport import WebRtcTransport
from shared.logging import get_logger

log = get_logger(__name__)

RETRY_AFTER_FAULT_S = 1.0
"""Until a transport or router whose timeout has failed gets its next one: no sooner, for it may fail again."""

MAX_A_WAKE = 8
"""Timeouts handled one after another, a millisecond's worth at most; then packets have their turn."""

EARLY_S = 0.001
"""A timer may come so much too early, for event loops count in milliseconds. It is taken for due then: to set it
again would only wake up once more, or several times, for the rest of a millisecond."""

_NEVER = float("inf")

Notify = Callable[[str, dict[str, Any]], None]


Timed = WebRtcTransport | Router | PipeInlet
"""What has timeouts."""


class Worker:
    """Everything of one media worker but its sockets; `notify` tells the control process what happens.

    In each router the `audio_last_n` loudest voices are forwarded, all of them when it is 0. `pipe_sockets` lead
    to other workers, where there are others. `return_memory` is called when much has been closed, and all.
    `process_stats` tells of the process around, for `worker.stats`.
    """

    def __init__(
        self,
        links: LinkFactory,
        clock: Clock,
        notify: Notify,
        *,
        audio_last_n: int = 0,
        pipe_sockets: PipeSockets | None = None,
        return_memory: Callable[[], None] = lambda: None,
        process_stats: Callable[[], Answer] = dict,
    ) -> None:
        self.drops: Counter[str] = links.drops
        self.objects = MediaObjects(DataObjects(self), return_memory)
        self._links = links
        self._clock = clock
        self._notify = notify
        self._touched: set[WebRtcTransport] = set()
        self._timers: TimerQueue[Timed] = TimerQueue()
        self._timer: Timer | None = None
        self._timer_at = _NEVER
        self._waking = False
        self._pipes = Pipes(pipe_sockets, self)
        self._requests = Requests(
            self.objects, links, self._pipes, self, audio_last_n=audio_last_n, process_stats=process_stats
        )

    def steps(self, message: Request) -> Steps:
        """Execute a request of the control process, step by step, and return its answer."""
        return self._requests.handle(message)

    def handle(self, message: Request) -> Answer:
        """Execute a request of the control process at once and return its answer."""
        steps = self.steps(message)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                answer: Answer = end.value
                return answer

    def close(self) -> None:
        """Close everything, telling every peer."""
        for router in list(self.objects.routers.values()):
            for _ in self.objects.close_router(router):
                pass
        self._pipes.close()

    # --- for the media port ---

    def on_batch(self, now: float) -> None:
        """Forward what a batch of datagrams has brought."""
        touched, self._touched = self._touched, set()
        for transport in touched:
            try:
                transport.flush(now)
            except Exception:  # a bug of ours that this peer has found; the others are not to suffer
                self.fault("flush_fault")

    # --- for transports and routers ---

    def send_lanes(self, batch: MappedBatch, groups: LaneGroups) -> list[Lane]:
        """See `TransportParent`."""
        return self._links.send_lanes(batch, groups)

    def time(self) -> float:
        """See `TransportParent`."""
        return self._clock.time()

    def fault(self, reason: str) -> None:
        """See `TransportParent`."""
        self._links.fault(reason)

    def notify(self, event: str, data: dict[str, Any]) -> None:
        """See `TransportParent`."""
        self._notify(event, data)

    def touched(self, transport: WebRtcTransport) -> None:
        """See `TransportParent`."""
        self._touched.add(transport)

    def transport_state(self, transport: WebRtcTransport, ice: str, dtls: str) -> None:
        """See `TransportParent`."""
        data: dict[str, Any] = {"transportId": transport.id, "iceState": ice, "dtlsState": dtls}
        if transport.link.consent_expired:
            data["consentExpired"] = True
        if transport.data is not None:
            data["sctpState"] = transport.data.state
        log.debug(
            "transport state", transport_id=transport.id, ice=ice, dtls=dtls, srtp=transport.link.srtp_profile
        )
        self._notify("transport.state", data)

    def wake_at(self, whom: Timed, when: float | None) -> None:
        """See `ObjectParent`. To come too early does no harm: who has nothing to do asks again."""
        if when is None:
            if isinstance(whom, WebRtcTransport):
                self._touched.discard(whom)
            self._timers.disarm(whom)
            return
        self._timers.arm(whom, when)
        if when < self._timer_at and not self._waking:
            self._set_timer(when)

    def _set_timer(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_at = self._clock.call_at(when, self._wake), when

    def _wake(self) -> None:
        """Have everybody do what is due; one timer serves them all."""
        now = self._clock.time()
        if now < self._timer_at <= now + EARLY_S:
            now = self._timer_at
        self._timer, self._timer_at, self._waking = None, _NEVER, True
        for _ in range(MAX_A_WAKE):
            whom = self._timers.take(now)
            if whom is None:
                break
            try:
                whom.handle_timeout(now)
            except Exception:
                self.fault("timeout_fault")
                self.wake_at(whom, now + RETRY_AFTER_FAULT_S)
        self._waking = False
        soonest = self._timers.next_due()
        if soonest < _NEVER:
            self._set_timer(soonest)
