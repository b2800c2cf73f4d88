"""What a producer calls up to."""

from typing import TYPE_CHECKING, Any, Protocol

from sfu.rtp.lanes import Lane, LaneGroups
from sfu.rtp.mapped_batch import MappedBatch
from sfu.rtp.rtcp import Nack

if TYPE_CHECKING:
    from sfu.worker.producer import Producer


class ProducerParent(Protocol):
    """The transport, or the pipe from another worker, as a producer needs it."""

    def send_feedback(self, packet: Nack) -> None:
        """Send one RTCP feedback packet to the publisher."""

    def request_key_frame(self, ssrc: int, now: float) -> None:
        """Ask the publisher for a key frame of this stream, merged with other such requests."""

    def key_frame_received(self, ssrc: int) -> None:
        """Take note that a key frame has come, so that it is not asked for any more."""

    def forget_key_frame(self, ssrc: int) -> None:
        """Ask for no key frame of this stream any more, as none can come."""

    def send_lanes(self, batch: MappedBatch, groups: LaneGroups) -> list[Lane]:
        """Send a batch to many peers; returns the lanes that it could not be sent by."""

    def batch_pending(self, producer: "Producer") -> None:
        """Have `flush` called at the end of this batch of datagrams."""

    def fault(self, reason: str) -> None:
        """Take note of the exception that is being handled."""

    def notify(self, event: str, data: dict[str, Any]) -> None:
        """Tell the control process something about one of its objects."""

    def time(self) -> float:
        """What time it is."""

    def wake_at(self, when: float) -> None:
        """Have `handle_timeout` called at that time, at the latest."""
