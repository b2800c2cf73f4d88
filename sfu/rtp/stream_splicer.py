"""One outgoing stream, spliced together of parts of others so that its receiver notices nothing.

Sequence numbers, timestamps and picture numbers go on where those before ended, whatever was skipped, paused or
switched to. What went out is remembered by splice, so that a number can be led back to its packet.
"""

from dataclasses import dataclass, replace

from sfu.rtp.layer_view import LayerView
from sfu.rtp.mapped_batch import MappedPacket, StreamNumbers
from sfu.rtp.seq_manager import SeqManager
from sfu.rtp.splice_clock import SourceClock, continue_clock

INITIAL_SEQUENCE_RANGE = 1 << 15
"""First numbers lie below: a receiver that misses the first packets must not mistake the wrap (RFC 3711 3.3.1).
They follow the source's modulo this, so that nearly all consumers of a stream have the same numbers: what is equal
for them is written once (see `FanOut`)."""

MAX_SPLICES = 64
"""Remembered at most; whoever switches more often within a second has packets of the first ones lost for good."""


@dataclass(slots=True)
class Splice:
    """A stretch of the outgoing stream: a view from packet `first` on, and what its numbers are changed by."""

    view: LayerView
    clock: SourceClock
    first: int
    timestamp_offset: int = 0
    picture_id_offset: int = 0
    tl0_offset: int = 0
    ended_at: float | None = None


@dataclass(frozen=True, slots=True)
class _End:
    """Where the stretch before ended, in outgoing numbers but for the clock."""

    at: float
    timestamp: int
    picture_id: int
    tl0: int
    completed: bool


class StreamSplicer:
    """Follows one view at a time. `numbers` are the fixed ones of the outgoing stream."""

    def __init__(self, numbers: StreamNumbers, *, is_video: bool) -> None:
        self.sequence = SeqManager()
        self.current: Splice | None = None
        self._is_video = is_video
        self._numbers = numbers
        self._begun_at = 0
        self._splices: dict[int, Splice] = {}
        self._label = 0
        self._end: _End | None = None

    def begin(self, view: LayerView, clock: SourceClock, packet: MappedPacket, now: float) -> None:
        """Go on with another stream, or one that was not followed for a while, from this packet of its view on."""
        self.end()
        if not self._label:
            self.sequence = SeqManager(packet.sequence_number % INITIAL_SEQUENCE_RANGE)
        end, last = self._end, self._splices.get(self._label)
        splice = Splice(view, clock, packet.sequence_number)
        gap = 0
        if end is not None and last is not None:
            splice.timestamp_offset = continue_clock(
                (last.clock, last.timestamp_offset, end.timestamp, end.at), clock, packet.timestamp, now
            )
            # A frame that is not complete, with nothing missing after it, would look as if it were (libwebrtc).
            gap = 1 if self._is_video and not end.completed else 0
            if packet.picture is not None:
                splice.picture_id_offset = end.picture_id + 1 - packet.picture.picture_id
                splice.tl0_offset = end.tl0 + 1 - packet.picture.tl0
        self._begun_at = self.sequence.highest_output + 1 + gap
        self._follow(splice, gap)

    @property
    def needed_from(self) -> int:
        """The outgoing number that the last key frame began with: nothing before it is needed to go on."""
        splice = self.current
        key_frame = splice.view.key_frame if splice is not None else None
        if splice is None or key_frame is None or key_frame < splice.first:
            return self._begun_at
        return max(self._begun_at, self.sequence.position(key_frame))

    def move(self, view: LayerView, packet: MappedPacket, now: float) -> None:
        """Go on with another view of the same stream, from this packet of the stream on.

        Packets of before that are still missing keep their numbers.
        """
        before = self.current
        assert before is not None  # noqa: S101 - nobody moves who is nowhere
        before.ended_at = now
        expected = self.sequence.position(before.view.position(packet.origin))
        self._begun_at = self.needed_from
        splice = replace(before, view=view, first=view.position(packet.origin), ended_at=None)
        picture_id = tl0 = -1
        if packet.picture is not None and packet.layers is not None:
            picture_id = before.view.picture_position(packet.picture.picture_id) + before.picture_id_offset
            splice.picture_id_offset = picture_id - view.picture_position(packet.picture.picture_id)
            picture_id -= 1
            tl0 = packet.picture.tl0 + before.tl0_offset - (packet.layers.temporal == 0)
        # Should nothing come of the new view, this is where the stream ends.
        self._end = _End(now, packet.timestamp + before.timestamp_offset, picture_id, tl0, completed=True)
        self._follow(splice, max(0, expected - self.sequence.highest_output - 1))

    def end(self) -> None:
        """Stop following."""
        splice = self.current
        if splice is None:
            return
        splice.ended_at = splice.view.newest_at
        self.current = None
        newest = splice.view.newest
        if newest is None or newest.sequence_number < splice.first:
            return
        picture = splice.view.newest_picture
        self._end = _End(
            splice.view.newest_at,
            newest.timestamp + splice.timestamp_offset,
            picture.picture_id + splice.picture_id_offset if picture is not None else -1,
            picture.tl0 + splice.tl0_offset if picture is not None else -1,
            newest.marker,
        )

    def numbers(self, sequence_offset: int) -> StreamNumbers:
        """Return how packets of the view that is followed, or was last, go out at this offset of their numbers."""
        splice = self._splices.get(self._label)
        return self._numbers if splice is None else self.numbers_of(splice, sequence_offset)

    def numbers_of(self, splice: Splice, sequence_offset: int) -> StreamNumbers:
        """Return how packets of a stretch went out."""
        fixed = self._numbers
        return StreamNumbers(
            fixed.ssrc,
            sequence_offset & 0xFFFF,
            splice.timestamp_offset,
            fixed.mid_element,
            fixed.transport_sequence_header,
            splice.picture_id_offset,
            splice.tl0_offset,
        )

    def find(self, output: int, now: float) -> tuple[Splice, MappedPacket] | None:
        """Find the packet that went out under a number, and how; `None` when it is not there any more."""
        located = self.sequence.locate(output)
        splice = self._splices.get(located[0]) if located is not None else None
        if located is None or splice is None or splice.view.store is None:
            return None
        packet = splice.view.store.get(located[1], now)
        return None if packet is None else (splice, packet)

    def is_past(self, output: int, before: float) -> bool:
        """Tell whether the packet that went out under a number did so before this time."""
        located = self.sequence.locate(output)
        splice = self._splices.get(located[0]) if located is not None else None
        if located is None or splice is None or splice.view.store is None:
            return False
        return splice.view.store.is_past(located[1], before)

    def forget(self, before: float) -> None:
        """Let go of stretches that ended before this time, and of the packets that they hold."""
        if len(self._splices) < 2:
            return
        self._splices = {
            label: splice
            for label, splice in self._splices.items()
            if label == self._label or splice.ended_at is None or splice.ended_at >= before
        }

    def _follow(self, splice: Splice, gap: int) -> None:
        self._label += 1
        self._splices[self._label] = self.current = splice
        if len(self._splices) > MAX_SPLICES:
            del self._splices[next(iter(self._splices))]
        self.sequence.sync(splice.first, self._label, gap)
