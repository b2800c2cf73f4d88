"""The way to a peer, on which is noted what the bandwidth estimation has to know of everything sent."""

from collections.abc import Callable

from sfu.bwe.repair_budget import RepairBudget
from sfu.bwe.sent_history import SentHistory
from sfu.rtp.lanes import Lane, LaneOwner
from sfu.rtp.mapped_batch import MappedBatch, StreamNumbers
from sfu.worker.ports import Link


class RecordingSender:
    """Hands batches on to the link and records each, one entry a batch.

    `probe` labels what is sent while it is set; `tracked_since` is when the first packet with a transport-wide
    number went out; `repairs` bounds what is sent again.
    """

    __slots__ = ("_clock", "_history", "_link", "probe", "repairs", "tracked_since")

    def __init__(self, link: Link, history: SentHistory, clock: Callable[[], float]) -> None:
        self.probe = 0
        self.tracked_since: float | None = None
        self.repairs = RepairBudget()
        self._link = link
        self._history = history
        self._clock = clock

    @property
    def ready(self) -> bool:
        """See `Sender`."""
        return self._link.ready

    @property
    def may_repeat(self) -> bool:
        """See `Sender`."""
        return self._link.may_repeat

    def repair_room(self, now: float) -> float:
        """See `BudgetedSender`."""
        return self.repairs.room(now)

    def repaired(self, octets: int) -> None:
        """See `BudgetedSender`."""
        self.repairs.spend(octets)

    def lane(self, owner: LaneOwner, numbers: StreamNumbers, first: int) -> Lane | None:
        """See `BudgetedSender`. What goes by it is noted like everything else."""
        tag_length = self._link.fan_out_tag
        if tag_length is None:
            return None
        return Lane(owner, self._link, self._history.log, numbers, tag_length, first)

    def send_batch(
        self, batch: MappedBatch, numbers: StreamNumbers, first: int = 0, last: int | None = None
    ) -> bool:
        """See `Sender`."""
        link = self._link
        number, octets = link.transport_sequence, link.bytes_sent
        now = self._clock()  # before it is sent: a later time would make the path look faster than it is
        if not link.send_batch(batch, numbers, first, last):
            return False
        count, octets = link.transport_sequence - number, link.bytes_sent - octets
        if not count:
            self._history.sent_untracked(octets)
            return True
        if self.tracked_since is None:
            self.tracked_since = now
        self._history.sent(number, count, octets, now, self.probe)
        return True
