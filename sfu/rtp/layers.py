"""Layers of a video: which spatial and which temporal one a consumer gets, counted from 0, the lowest."""

from typing import NamedTuple, Protocol

MAX_LAYER = 7
"""No codec has a higher one: VP9 counts both kinds with three bits (RFC 9628 4.2), AV1 spatial ones with two."""


class Layers(NamedTuple):
    """A spatial layer (an encoding in simulcast, a layer of the one stream in SVC) and a temporal one."""

    spatial: int
    temporal: int


class LayerOption(NamedTuple):
    """Something that a consumer could be given: layers, and the bits a second that all up to them take."""

    layers: Layers
    bitrate_bps: int


class PictureNumbers(NamedTuple):
    """How a payload numbers its picture (RFC 7741 4.2, RFC 9628 4.2), and where, so that it can be rewritten.

    `id_at` is the offset of the picture id in the payload, `id_mask` 0x7F or 0x7FFF, or 0 when there is no id;
    `picture_id` is unwrapped. `tl0_at` is the offset of TL0PICIDX `tl0`, or 0 when there is none.
    """

    id_at: int
    id_mask: int
    picture_id: int
    tl0_at: int
    tl0: int


class PacketLayers(Protocol):
    """What a packet says of the layers that it belongs to. Layers in the arguments count within its own stream."""

    @property
    def spatial(self) -> int:
        """Its spatial layer."""

    @property
    def temporal(self) -> int:
        """Its temporal layer."""

    @property
    def starts_picture(self) -> bool:
        """Whether it is the first packet of all that is shown at one time."""

    @property
    def picture(self) -> PictureNumbers | None:
        """The numbers of its picture that close up when pictures are left out."""

    def belongs_to(self, layers: Layers) -> bool:
        """Tell whether a receiver of the layers up to these needs it."""

    def completes(self, layers: Layers) -> bool:
        """Tell whether it is the last of its picture for a receiver of these layers: it needs a marker then."""

    def allows_switch(self, current: Layers, wanted: Layers) -> bool:
        """Tell whether a receiver of the layers `current` can have `wanted` from this packet's picture on."""
