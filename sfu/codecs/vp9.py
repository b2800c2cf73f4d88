"""VP9 in RTP (RFC 9628): the payload descriptor and where a key frame starts."""

from dataclasses import dataclass

from sfu.codecs.bits import Payload, picture_id
from sfu.codecs.layer_ids import LayerIds
from sfu.codecs.picture_ids import PictureIds
from sfu.rtp.layers import PictureNumbers

MIME_TYPE = "video/vp9"

_HAS_PICTURE_ID = 0x80
_INTER_PICTURE = 0x40
_HAS_LAYERS = 0x20
_FLEXIBLE = 0x10
_STARTS_FRAME = 0x08
_ENDS_FRAME = 0x04
_HAS_STRUCTURE = 0x02
_NOT_REFERENCE = 0x01
_KEY_FRAME_MASK = _INTER_PICTURE | _STARTS_FRAME
_SWITCHING_UP = 0x10
_SPATIAL_MASK = 0x0E
_INTER_LAYER = 0x01
_LONG_ID = 0x80
_MORE_REFERENCES = 0x01
_MAX_REFERENCES = 3
_HAS_RESOLUTIONS = 0x10
_HAS_GROUP = 0x08


@dataclass(frozen=True, slots=True)
class Vp9Descriptor:
    """A payload descriptor (RFC 9628 4.2); what it does not carry is None.

    `size` is its length in bytes with the scalability structure. `inter_picture` is the P bit, `flexible` F,
    `starts_frame` B, `ends_frame` E, `not_reference` Z. `picture_id` has `picture_id_bits` (7 or 15) and lies at
    offset `picture_id_at`. `tid` and `sid` are the temporal and the spatial layer, `switching_up` U (the next
    higher temporal layer may start here), `inter_layer` D, `tl0_pic_idx` is there in the non-flexible mode.
    `references` are the distances of the pictures referred to in the flexible mode. `spatial_layers` is how many
    the scalability structure has, where there is one.
    """

    size: int
    inter_picture: bool
    flexible: bool
    starts_frame: bool
    ends_frame: bool
    not_reference: bool
    picture_id: int | None = None
    picture_id_bits: int = 0
    picture_id_at: int = 0
    tid: int | None = None
    sid: int | None = None
    switching_up: bool = False
    inter_layer: bool = False
    tl0_pic_idx: int | None = None
    references: tuple[int, ...] = ()
    spatial_layers: int | None = None


def is_key_frame(payload: Payload) -> bool:
    """Tell whether a payload starts a key picture, at its lowest spatial layer; a malformed one does not."""
    if not payload or payload[0] & _KEY_FRAME_MASK != _STARTS_FRAME:
        return False
    first = payload[0]
    if not first & _HAS_LAYERS:
        return True
    try:
        layers_at = 1 if not first & _HAS_PICTURE_ID else 3 if payload[1] & 0x80 else 2
        return not payload[layers_at] & _SPATIAL_MASK
    except IndexError:
        return False


def parse_descriptor(payload: Payload) -> Vp9Descriptor:
    """Parse the descriptor at the start of a packet's payload.

    Raises:
        ValueError: the payload ends before the descriptor does, or has more references than the RFC allows.
    """
    try:
        return _parse(payload)
    except IndexError:
        raise ValueError(f"VP9 payload of {len(payload)} bytes ends within its descriptor") from None


def _parse(payload: Payload) -> Vp9Descriptor:
    first = payload[0]
    position, identifier, identifier_bits, identifier_at = 1, None, 0, 0
    if first & _HAS_PICTURE_ID:
        identifier, identifier_bits, identifier_at = *picture_id(payload, position), position
        position += 1 + identifier_bits // 8
    layers, index = None, None
    if first & _HAS_LAYERS:
        layers = payload[position]
        position += 1
        if not first & _FLEXIBLE:
            index = payload[position]
            position += 1
    references: tuple[int, ...] = ()
    if first & _FLEXIBLE and first & _INTER_PICTURE:
        references = _references(payload, position)
        position += len(references)
    spatial_layers = None
    if first & _HAS_STRUCTURE:
        spatial_layers = (payload[position] >> 5) + 1
        position = _structure_end(payload, position)
        if position > len(payload):
            raise IndexError
    return Vp9Descriptor(
        size=position,
        inter_picture=first & _INTER_PICTURE > 0,
        flexible=first & _FLEXIBLE > 0,
        starts_frame=first & _STARTS_FRAME > 0,
        ends_frame=first & _ENDS_FRAME > 0,
        not_reference=first & _NOT_REFERENCE > 0,
        picture_id=identifier,
        picture_id_bits=identifier_bits,
        picture_id_at=identifier_at,
        tid=None if layers is None else layers >> 5,
        sid=None if layers is None else (layers & _SPATIAL_MASK) >> 1,
        switching_up=layers is not None and layers & _SWITCHING_UP > 0,
        inter_layer=layers is not None and layers & _INTER_LAYER > 0,
        tl0_pic_idx=index,
        references=references,
        spatial_layers=spatial_layers,
    )


def _references(payload: Payload, position: int) -> tuple[int, ...]:
    found: list[int] = []
    while True:
        if len(found) == _MAX_REFERENCES:
            raise ValueError(f"VP9 descriptor has more than {_MAX_REFERENCES} references")
        octet = payload[position + len(found)]
        found.append(octet >> 1)
        if not octet & _MORE_REFERENCES:
            return tuple(found)


def _structure_end(payload: Payload, position: int) -> int:
    head = payload[position]
    position += 1
    if head & _HAS_RESOLUTIONS:
        position += 4 * ((head >> 5) + 1)
    if head & _HAS_GROUP:
        pictures = payload[position]
        position += 1
        for _ in range(pictures):
            position += 1 + (payload[position] >> 2 & 3)
    return position


def read_layers(payload: Payload, is_key_frame: bool, ids: PictureIds, *, key_only: bool) -> LayerIds | None:
    """Read what a packet's descriptor says of layers; `None` when it is malformed.

    `is_key_frame` tells whether the packet starts a key picture, `ids` unwraps the picture ids of its stream,
    `key_only` that its spatial layers refer to each other in key pictures only.
    """
    try:
        first = payload[0]
        position, identifier, mask = 1, 0, 0
        if first & _HAS_PICTURE_ID:
            identifier, mask, position = payload[1], 0x7F, 2
            if identifier & _LONG_ID:
                identifier, mask, position = (identifier & 0x7F) << 8 | payload[2], 0x7FFF, 3
            identifier = ids.unwrap(identifier, mask, starts_anew=is_key_frame)
        layers, tl0_at, tl0 = 0, 0, 0
        if first & _HAS_LAYERS:
            layers = payload[position]
            if not first & _FLEXIBLE:
                tl0_at, tl0 = position + 1, payload[position + 1]
    except IndexError:
        return None
    return LayerIds(
        (layers & _SPATIAL_MASK) >> 1,
        layers >> 5,
        first & _STARTS_FRAME > 0,
        first & _ENDS_FRAME > 0,
        not first & _INTER_PICTURE,
        layers & _SWITCHING_UP > 0,
        key_only,
        PictureNumbers(1, mask, identifier, tl0_at, tl0) if mask else None,
    )
