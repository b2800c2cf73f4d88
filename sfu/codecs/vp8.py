"""VP8 in RTP (RFC 7741): the payload descriptor and where a key frame starts."""

from dataclasses import dataclass

from sfu.codecs.bits import Payload, picture_id
from sfu.codecs.layer_ids import LayerIds
from sfu.codecs.picture_ids import PictureIds
from sfu.rtp.layers import PictureNumbers

MIME_TYPE = "video/vp8"

_EXTENDED = 0x80
_NON_REFERENCE = 0x20
_START = 0x10
_PARTITION_MASK = 0x07
_START_AND_PARTITION_MASK = _START | _PARTITION_MASK
_HAS_PICTURE_ID = 0x80
_HAS_TL0_PIC_IDX = 0x40
_HAS_TID = 0x20
_HAS_KEYIDX = 0x10
_LAYER_SYNC = 0x20
_KEYIDX_MASK = 0x1F
_INTER_FRAME = 0x01
_LONG_ID = 0x80


@dataclass(frozen=True, slots=True)
class Vp8Descriptor:
    """A payload descriptor (RFC 7741 4.2); what it does not carry is None.

    `size` is its length in bytes. `starts_partition` is the S bit, `partition` the PID, `non_reference` the N bit.
    `picture_id` has `picture_id_bits` (7 or 15) and lies at offset `picture_id_at`, `tl0_pic_idx` at
    `tl0_pic_idx_at`, so that both can be rewritten. `tid` is the temporal layer, `y` that it depends only on the
    base layer, `keyidx` the temporal key frame index.
    """

    size: int
    starts_partition: bool
    partition: int
    non_reference: bool
    picture_id: int | None = None
    picture_id_bits: int = 0
    picture_id_at: int = 0
    tl0_pic_idx: int | None = None
    tl0_pic_idx_at: int = 0
    tid: int | None = None
    y: bool = False
    keyidx: int | None = None


def is_key_frame(payload: Payload) -> bool:
    """Tell whether a packet's payload starts a key frame; a malformed one does not."""
    if not payload or payload[0] & _START_AND_PARTITION_MASK != _START:
        return False
    try:
        size = _descriptor_size(payload)
        return not payload[size] & _INTER_FRAME
    except IndexError:
        return False


def parse_descriptor(payload: Payload) -> Vp8Descriptor:
    """Parse the descriptor at the start of a packet's payload.

    Raises:
        ValueError: the payload ends before the descriptor does.
    """
    try:
        return _parse(payload)
    except IndexError:
        raise ValueError(f"VP8 payload of {len(payload)} bytes ends within its descriptor") from None


def _descriptor_size(payload: Payload) -> int:
    if not payload[0] & _EXTENDED:
        return 1
    flags = payload[1]
    size = 2
    if flags & _HAS_PICTURE_ID:
        size += 2 if payload[2] & 0x80 else 1
    if flags & _HAS_TL0_PIC_IDX:
        size += 1
    if flags & (_HAS_TID | _HAS_KEYIDX):
        size += 1
    return size


def _parse(payload: Payload) -> Vp8Descriptor:
    first = payload[0]
    starts, partition, non_reference = first & _START > 0, first & _PARTITION_MASK, first & _NON_REFERENCE > 0
    if not first & _EXTENDED:
        return Vp8Descriptor(1, starts, partition, non_reference)
    flags = payload[1]
    position, identifier, identifier_bits, identifier_at = 2, None, 0, 0
    if flags & _HAS_PICTURE_ID:
        identifier, identifier_bits, identifier_at = *picture_id(payload, position), position
        position += 1 + identifier_bits // 8
    index, index_at = None, 0
    if flags & _HAS_TL0_PIC_IDX:
        index, index_at = payload[position], position
        position += 1
    tid, sync, key_index = None, False, None
    if flags & (_HAS_TID | _HAS_KEYIDX):
        layer = payload[position]
        position += 1
        if flags & _HAS_TID:
            tid, sync = layer >> 6, layer & _LAYER_SYNC > 0
        if flags & _HAS_KEYIDX:
            key_index = layer & _KEYIDX_MASK
    return Vp8Descriptor(
        size=position,
        starts_partition=starts,
        partition=partition,
        non_reference=non_reference,
        picture_id=identifier,
        picture_id_bits=identifier_bits,
        picture_id_at=identifier_at,
        tl0_pic_idx=index,
        tl0_pic_idx_at=index_at,
        tid=tid,
        y=sync,
        keyidx=key_index,
    )


def read_layers(payload: Payload, is_key_frame: bool, ids: PictureIds) -> LayerIds | None:
    """Read what a packet's descriptor says of layers; `None` when it is malformed.

    `is_key_frame` tells whether the packet starts a key frame, `ids` unwraps the picture ids of its stream.
    """
    try:
        first = payload[0]
        starts = first & _START_AND_PARTITION_MASK == _START
        if not first & _EXTENDED:
            return LayerIds(0, 0, starts, False, is_key_frame, False, False, None)
        return _read_extended(payload, starts, is_key_frame, ids)
    except IndexError:
        return None


def _read_extended(payload: Payload, starts: bool, is_key_frame: bool, ids: PictureIds) -> LayerIds:
    flags = payload[1]
    position, identifier, mask, tl0_at, tl0 = 2, 0, 0, 0, 0
    if flags & _HAS_PICTURE_ID:
        identifier, mask, position = payload[2], 0x7F, 3
        if identifier & _LONG_ID:
            identifier, mask, position = (identifier & 0x7F) << 8 | payload[3], 0x7FFF, 4
        identifier = ids.unwrap(identifier, mask, starts_anew=is_key_frame)
    if flags & _HAS_TL0_PIC_IDX:
        tl0_at, tl0 = position, payload[position]
        position += 1
    layer = payload[position] if flags & _HAS_TID else 0
    picture = PictureNumbers(2, mask, identifier, tl0_at, tl0) if mask or tl0_at else None
    return LayerIds(0, layer >> 6, starts, False, is_key_frame, layer & _LAYER_SYNC > 0, False, picture)
