"""A stream as its receivers see it: the whole of it, or the layers up to some, numbered without gaps.

What is left out is decided and renumbered once here, for all consumers that get the same layers. To each of them a
part of a stream is then as good as a stream of its own.
"""

from sfu.rtp.lanes import Lanes
from sfu.rtp.layers import Layers, PictureNumbers
from sfu.rtp.mapped_batch import MappedBatch, MappedPacket
from sfu.rtp.retransmission_buffer import RetransmissionBuffer
from sfu.rtp.seq_manager import SeqManager

_MARKER_BIT = 0x80
_LONG_PICTURE_ID = 0x7FFF


class LayerPart:
    """Picks the packets of `layers` out of a stream and closes the gaps that the others leave.

    `renumbers_pictures`: close those in the picture ids too.
    """

    __slots__ = ("_layers", "_numbers", "_pictures", "_renumbers_pictures")

    def __init__(self, layers: Layers, *, renumbers_pictures: bool) -> None:
        self._layers = layers
        self._renumbers_pictures = renumbers_pictures
        self._numbers: SeqManager | None = None
        self._pictures: SeqManager | None = None

    def pick(self, packets: list[MappedPacket]) -> list[MappedPacket]:
        """Return those that belong to the part, in their order, under its numbers.

        A packet that does not belong to it but has a number already, because the next came first, is there with
        nothing in it: nobody is to wait for it.
        """
        picked = []
        if self._numbers is None:
            self._numbers = self._begin(packets)
        for packet in packets:
            layers = packet.layers
            belongs = layers is None or layers.belongs_to(self._layers)
            if not belongs:
                self._numbers.drop(packet.sequence_number)
            number = self._numbers.map(packet.sequence_number)
            if number is not None:
                picked.append(self._as_part(packet, number) if belongs else emptied(packet, number))
            if self._renumbers_pictures and not belongs:
                self._leave_picture_out(packet)
        return picked

    def _begin(self, packets: list[MappedPacket]) -> SeqManager:
        """Begin with the least numbers of the first packets: they may have come out of order."""
        ids = [packet.picture.picture_id for packet in packets if packet.picture and packet.picture.id_mask]
        if self._renumbers_pictures and ids:
            self._pictures = _continuing(min(ids))
        return _continuing(min([packet.sequence_number for packet in packets]))

    def position(self, number: int) -> int:
        """Return the number here of the stream's packet `number`, or the next one if it is left out."""
        return self._numbers.position(number) if self._numbers is not None else number

    def picture_position(self, picture_id: int) -> int:
        """Return the id here of the stream's picture `picture_id`, or the next one if it is left out."""
        return self._pictures.position(picture_id) if self._pictures is not None else picture_id

    def _leave_picture_out(self, packet: MappedPacket) -> None:
        picture = packet.picture
        if picture is not None and picture.id_mask:
            if self._pictures is None:
                self._pictures = _continuing(picture.picture_id)
            self._pictures.drop(picture.picture_id)

    def _as_part(self, packet: MappedPacket, number: int) -> MappedPacket:
        data, picture = packet.data, packet.picture
        if self._renumbers_pictures and picture is not None and picture.id_mask:
            if self._pictures is None:
                self._pictures = _continuing(picture.picture_id)
            renumbered = self._pictures.map(picture.picture_id)
            if renumbered is None:
                return emptied(packet, number)  # later than any memory of the ids around it
            if renumbered != picture.picture_id:
                picture = picture._replace(picture_id=renumbered)
                data = _with_picture_id(data, packet.payload_at + picture.id_at, picture.id_mask, renumbered)
        if packet.layers is not None and not packet.marker and packet.layers.completes(self._layers):
            data = data[:1] + bytes((data[1] | _MARKER_BIT,)) + data[2:]
        return MappedPacket(
            data,
            number,
            packet.timestamp,
            packet.payload_size,
            packet.is_key_frame,
            packet.layers,
            picture,
            packet.origin,
        )


class LayerView:
    """A stream as those consumers see it who get `layers` of it, or all if `part` is None.

    `batch` is what came of it last, None when nothing did; `lanes` are those who get it as it is. `store` has what
    may be sent again, where `use_store`. `users` counts who holds on to it; `released_at` is when the last packet
    came before somebody let go. `newest` is the packet with the highest number so far, `newest_at` when it came;
    `key_frame` is the number that the last key frame began with.
    """

    __slots__ = (
        "_key_frame_timestamp",
        "_part",
        "batch",
        "key_frame",
        "lanes",
        "newest",
        "newest_at",
        "newest_picture",
        "released_at",
        "store",
        "users",
    )

    def __init__(self, part: LayerPart | None, *, use_store: bool) -> None:
        self._part = part
        self.lanes = Lanes()
        self.batch: MappedBatch | None = None
        self.store: RetransmissionBuffer[MappedPacket] | None = RetransmissionBuffer() if use_store else None
        self.users = 0
        self.released_at = 0.0
        self.newest: MappedPacket | None = None
        self.newest_at = 0.0
        self.newest_picture: PictureNumbers | None = None
        self.key_frame: int | None = None
        self._key_frame_timestamp = -1

    def take(self, batch: MappedBatch, now: float) -> None:
        """Make `batch` of the stream's packets."""
        if self._part is not None:
            picked = self._part.pick(batch.packets)
            if not picked:
                self.batch = None
                return
            batch = MappedBatch(picked, is_video=batch.is_video)
        self.batch = batch
        if self.newest is None or batch.highest > self.newest.sequence_number:
            self.newest, self.newest_at = batch.newest, now
            self._note_picture(batch)
        store = self.store
        if store is not None:
            for packet in batch.packets:
                store.add(packet.sequence_number, packet, now)
                if packet.is_key_frame:
                    self._note_key_frame(packet)

    def _note_key_frame(self, packet: MappedPacket) -> None:
        """Several packets of one may say that they begin it (parameter sets, for example): the first is meant."""
        number, known = packet.sequence_number, self.key_frame
        is_same = packet.timestamp == self._key_frame_timestamp
        if known is None or (number < known if is_same else number > known):
            self.key_frame, self._key_frame_timestamp = number, packet.timestamp

    def _note_picture(self, batch: MappedBatch) -> None:
        picture, known = batch.newest.picture, self.newest_picture
        if picture is None:  # the last packet may be an empty one
            found = [packet.picture for packet in batch.packets if packet.picture is not None]
            picture = max(found, key=lambda each: each.picture_id, default=None)
        if picture is not None and (known is None or picture.picture_id >= known.picture_id):
            self.newest_picture = picture

    def hold(self) -> None:
        """Count one more who holds on to it."""
        self.users += 1

    def release(self) -> None:
        """Count one less."""
        self.users -= 1
        self.released_at = self.newest_at

    def retire(self) -> None:
        """Let go of all packets: nothing comes any more."""
        self.batch = None
        if self.store is not None:
            self.store.clear()

    def position(self, number: int) -> int:
        """See `LayerPart`."""
        return number if self._part is None else self._part.position(number)

    def picture_position(self, picture_id: int) -> int:
        """See `LayerPart`."""
        return picture_id if self._part is None else self._part.picture_position(picture_id)


def emptied(packet: MappedPacket, number: int) -> MappedPacket:
    """Make a packet of no payload, for a number that is not used otherwise."""
    return MappedPacket(
        packet.data[: packet.payload_at], number, packet.timestamp, 0, is_key_frame=False, origin=packet.origin
    )


def _continuing(first: int) -> SeqManager:
    manager = SeqManager(initial_output=first)
    manager.sync(first)
    return manager


def _with_picture_id(data: bytes, at: int, mask: int, picture_id: int) -> bytes:
    if mask == _LONG_PICTURE_ID:
        return data[:at] + (0x8000 | picture_id & mask).to_bytes(2, "big") + data[at + 2 :]
    return data[:at] + bytes((picture_id & mask,)) + data[at + 1 :]
