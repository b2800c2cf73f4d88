"""A producer's packets of one moment, mapped once into the router's numbering and laid end to end for sending.

Every consumer of a router gets the same payload types and header extension ids, so a packet is rewritten once.
What differs between consumers (SSRC, sequence number, timestamp, MID, transport-wide number) lies at offsets that
are the same in every packet:

    0   fixed header (RFC 3550 5.1), no contributing sources
    12  0xBEDE and the length of the extension in words (RFC 8285 4.2)
    16  MID element, `MID_ELEMENT_BYTES` long with its padding (RFC 8843 15)
    21  abs-send-time in audio; in video the transport-wide sequence number, then abs-send-time
    ..  the publisher's own elements under the router's ids, padded to a word; then the payload

Contributing sources are left out (they name SSRCs of the publisher's side, which mean nothing behind a forwarding
unit), and so is the publisher's padding.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from sfu.rtp.layers import PacketLayers, PictureNumbers

FIRST_EXTENSION_AT = 16
MAX_MID_LENGTH = 4
MID_ELEMENT_BYTES = 1 + MAX_MID_LENGTH
TRANSPORT_SEQUENCE_AT = FIRST_EXTENSION_AT + MID_ELEMENT_BYTES
"""Where video has the header byte of the transport-wide sequence number; the number itself follows."""

TRANSPORT_SEQUENCE_ELEMENT_BYTES = 3

MAX_BATCH_PACKETS = 64
"""As many as are read from the socket at once."""

MAX_RUN_SEGMENTS = 64
"""`UDP_SEGMENT` takes no more (UDP_MAX_SEGMENTS before Linux 6.9)."""

MAX_RUN_BYTES = 65_000
"""Room for one `sendmsg`, just under the 65,507 bytes that a UDP payload may have."""

MAX_EQUALISING_PADDING = 64
"""Bytes of RTP padding (RFC 3550 5.1) spent to make packets equal. A browser's packets of one frame differ by a
byte or two, those with one more header extension by some; beyond that a second call is cheaper than the bytes.
Audio is never padded: what is sent again without RTX has to be the same to the bit (see `Sender.may_repeat`)."""

MAX_PADDING = 255
"""Its length is told in one byte (RFC 3550 5.1)."""

_PADDING_HEAD_BYTES = FIRST_EXTENSION_AT + MID_ELEMENT_BYTES + TRANSPORT_SEQUENCE_ELEMENT_BYTES
_FIRST_AND_EXTENSION_WORDS = struct.Struct("!H12xH").unpack_from
_PADDING_BIT = 0x2000
_MARKER_BIT = 0x80
_LONG_PICTURE_ID = 0x7FFF
_ORIGINAL_SEQUENCE_BYTES = 2


class MappedPacket:
    """One packet in the router's numbering. `data` has the publisher's SSRC, numbers and an empty MID in it.

    `sequence_number` is unwrapped; `timestamp` has 32 bits; `first_word` is the packet's first 16 bits (version,
    flags, marker, payload type), `extension_words` the length of its header extension in 32-bit words. `layers`
    is what it says of its layers, `picture` how its payload numbers its picture. `origin` is its sequence number
    in its producer's stream, where `sequence_number` is that of a part of it.
    """

    __slots__ = (
        "data",
        "extension_words",
        "first_word",
        "is_key_frame",
        "layers",
        "origin",
        "payload_size",
        "picture",
        "sequence_number",
        "timestamp",
    )

    def __init__(
        self,
        data: bytes,
        sequence_number: int,
        timestamp: int,
        payload_size: int,
        is_key_frame: bool,
        layers: PacketLayers | None = None,
        picture: PictureNumbers | None = None,
        origin: int | None = None,
    ) -> None:
        self.data = data
        self.sequence_number = sequence_number
        self.timestamp = timestamp
        self.payload_size = payload_size
        self.is_key_frame = is_key_frame
        self.layers = layers
        self.picture = picture
        self.origin = sequence_number if origin is None else origin
        self.first_word: int
        self.extension_words: int
        self.first_word, self.extension_words = _FIRST_AND_EXTENSION_WORDS(data)

    def __len__(self) -> int:
        return len(self.data)

    @property
    def marker(self) -> bool:
        """Whether it is the last of its picture (in video)."""
        return bool(self.first_word & _MARKER_BIT)

    @property
    def payload_at(self) -> int:
        """Where its payload begins."""
        return FIRST_EXTENSION_AT + 4 * self.extension_words


class StreamNumbers(NamedTuple):
    """How a consumer's numbers follow from the producer's; offsets are added modulo the field's width.

    `transport_sequence_header` is the header byte of the transport-wide sequence number's element, or 0 for a
    consumer that has not negotiated it (RFC 8285: zero bytes are padding). `picture_id_offset` and `tl0_offset`
    are added to the numbers of pictures in the payload (see `PictureNumbers`).
    """

    ssrc: int
    sequence_offset: int
    timestamp_offset: int
    mid_element: bytes
    transport_sequence_header: int
    picture_id_offset: int = 0
    tl0_offset: int = 0


class Row(NamedTuple):
    """Where one packet lies in a layout and what goes into its header."""

    at: int
    size: int
    first_word: int
    sequence_number: int
    timestamp: int
    extension_words: int


class PictureField(NamedTuple):
    """Where in a layout the picture numbers of row `row` lie; see `PictureNumbers`."""

    row: int
    id_at: int
    id_mask: int
    picture_id: int
    tl0_at: int
    tl0: int


class Run(NamedTuple):
    """Rows `first` up to `last` (exclusive) that may leave in one call, `segment_size` bytes apart with tag."""

    first: int
    last: int
    segment_size: int


class Layout:
    """A batch laid out for one length of authentication tag: packets end to end, room for each tag behind it.

    Packets are padded to equal size by at most `max_padding` bytes each.
    """

    __slots__ = ("_packets", "_pictures", "data", "rows", "runs", "tag_length")

    def __init__(self, packets: list[MappedPacket], tag_length: int, max_padding: int) -> None:
        self._packets = packets
        self._pictures: list[PictureField] | None = None
        self.tag_length = tag_length
        self.rows: list[Row] = []
        self.runs: list[Run] = []
        self.data = bytearray()
        first = 0
        while first < len(packets):
            last, size = _equalised_run(packets, first, tag_length, max_padding)
            self._lay(packets[first:last], size, first)
            first = last

    def renumber_pictures(self, target: memoryview, numbers: StreamNumbers, first: int, last: int) -> None:
        """Write the picture numbers of rows `first` up to `last` (exclusive) into `target`, a copy of `data`."""
        if self._pictures is None:
            self._pictures = list(self._find_pictures())
        for row, id_at, id_mask, picture_id, tl0_at, tl0 in self._pictures:
            if not first <= row < last:
                continue
            picture_id = picture_id + numbers.picture_id_offset & id_mask
            if id_mask == _LONG_PICTURE_ID:
                target[id_at] = 0x80 | picture_id >> 8
                target[id_at + 1] = picture_id & 0xFF
            elif id_mask:
                target[id_at] = picture_id
            if tl0_at:
                target[tl0_at] = tl0 + numbers.tl0_offset & 0xFF

    def _find_pictures(self) -> Iterator[PictureField]:
        for n, (packet, row) in enumerate(zip(self._packets, self.rows, strict=True)):
            if packet.picture is not None:
                start = row.at + packet.payload_at
                id_at, id_mask, picture_id, tl0_at, tl0 = packet.picture
                yield PictureField(n, start + id_at, id_mask, picture_id, tl0_at and start + tl0_at, tl0)

    def _lay(self, packets: list[MappedPacket], size: int, first: int) -> None:
        tag = bytes(self.tag_length)
        data, rows = self.data, self.rows
        for n, packet in enumerate(packets, 1):
            # A short packet amid longer ones would end the run: RTP padding makes them equal.
            padding = size - len(packet.data) if n < len(packets) else 0
            first_word = packet.first_word | _PADDING_BIT if padding else packet.first_word
            rows.append(
                Row(
                    len(data),
                    len(packet.data) + padding,
                    first_word,
                    packet.sequence_number,
                    packet.timestamp,
                    packet.extension_words,
                )
            )
            data += packet.data
            if padding:
                data += bytes(padding - 1)
                data.append(padding)
            data += tag
        self.runs.append(Run(first, first + len(packets), size + self.tag_length))


def _equalised_run(packets: list[MappedPacket], first: int, tag_length: int, max_padding: int) -> tuple[int, int]:
    """Find how many packets from `first` on make one run: its end, and the size that all but its last have."""
    smallest = size = len(packets[first].data)
    last = first + 1
    while last < len(packets) and last - first < MAX_RUN_SEGMENTS:
        length = len(packets[last].data)
        if max(size, length) - smallest > max_padding:
            break
        if (last - first + 1) * (max(size, length) + tag_length) > MAX_RUN_BYTES:
            break
        last += 1
        if size - length > max_padding:
            break  # as the last of its run it may be as short as it likes
        size, smallest = max(size, length), min(smallest, length)
    return last, size


class MappedBatch:
    """The packets of one stream that came in together, in order of arrival.

    `lowest` and `highest` are the ends of their sequence numbers, `newest` is the packet with the highest,
    `octets` the bytes of their payloads.
    """

    __slots__ = ("_layouts", "highest", "is_video", "lowest", "newest", "octets", "packets")

    def __init__(self, packets: list[MappedPacket], *, is_video: bool) -> None:
        self.packets = packets
        self.is_video = is_video
        self._layouts: dict[int, Layout] = {}
        if len(packets) == 1:
            self.newest = packet = packets[0]
            self.lowest = self.highest = packet.sequence_number
            self.octets = packet.payload_size
            return
        numbers = [packet.sequence_number for packet in packets]
        self.lowest = min(numbers)
        self.highest = max(numbers)
        self.octets = sum([packet.payload_size for packet in packets])
        self.newest = packets[numbers.index(self.highest)]

    def layout(self, tag_length: int) -> Layout:
        """Return the batch laid end to end with `tag_length` bytes behind each packet; made once, then shared."""
        layout = self._layouts.get(tag_length)
        if layout is None:
            max_padding = MAX_EQUALISING_PADDING if self.is_video else 0
            layout = self._layouts[tag_length] = Layout(self.packets, tag_length, max_padding)
        return layout


def retransmission(
    packet: MappedPacket,
    payload_type: int,
    original_sequence: int,
    sequence_number: int,
    send_time: bytes,
    *,
    is_video: bool,
) -> MappedPacket:
    """Wrap a packet for sending again in a stream of retransmissions (RFC 4588 4).

    `original_sequence` is the 16-bit number it went out with, `sequence_number` that of the retransmission,
    `send_time` its new abs-send-time.
    """
    data = bytearray(packet.data)
    at = TRANSPORT_SEQUENCE_AT + (TRANSPORT_SEQUENCE_ELEMENT_BYTES if is_video else 0) + 1
    data[at : at + len(send_time)] = send_time
    data[1] = data[1] & 0x80 | payload_type
    data[packet.payload_at : packet.payload_at] = original_sequence.to_bytes(_ORIGINAL_SEQUENCE_BYTES, "big")
    picture = packet.picture
    if picture is not None:
        moved = picture.tl0_at and picture.tl0_at + _ORIGINAL_SEQUENCE_BYTES
        picture = picture._replace(id_at=picture.id_at + _ORIGINAL_SEQUENCE_BYTES, tl0_at=moved)
    return MappedPacket(bytes(data), sequence_number, packet.timestamp, 0, is_key_frame=False, picture=picture)


def padding_packet(payload_type: int, size: int) -> bytes:
    """Build a mapped packet of video with nothing but padding in it (RFC 3550 5.1), about `size` bytes.

    It has the header extension's first elements, for the MID and the transport-wide sequence number.
    """
    padding = max(1, min(size - _PADDING_HEAD_BYTES, MAX_PADDING))
    words = (MID_ELEMENT_BYTES + TRANSPORT_SEQUENCE_ELEMENT_BYTES) // 4
    head = struct.pack("!BBHLLHH", 0xB0, payload_type, 0, 0, 0, 0xBEDE, words)
    return head + bytes(4 * words + padding - 1) + bytes([padding])


def mid_element(mid: str, extension_id: int) -> bytes:
    """Build the MID element that is patched into every packet (RFC 8285 4.2): `MID_ELEMENT_BYTES` with padding.

    Raises:
        ValueError: the MID has not 1 to `MAX_MID_LENGTH` characters.
    """
    raw = mid.encode()
    if not 0 < len(raw) <= MAX_MID_LENGTH:
        raise ValueError(f"MID {mid!r} must have 1 to {MAX_MID_LENGTH} characters")
    return (bytes([extension_id << 4 | len(raw) - 1]) + raw).ljust(MID_ELEMENT_BYTES, b"\0")
