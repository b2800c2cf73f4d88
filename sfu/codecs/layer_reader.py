"""Reads of one stream, packet by packet, which layers there are."""

from typing import Protocol

from sfu.codecs import av1, h264, vp8, vp9
from sfu.codecs.bits import Payload
from sfu.codecs.decode_targets import DecodeTargets, DescribedLayers
from sfu.codecs.dependency_descriptor import Structure, parse_dependency_descriptor
from sfu.codecs.picture_ids import PictureIds
from sfu.rtp.layers import Layers, PacketLayers


class LayerReader(Protocol):
    """Follows the layers of one stream."""

    renumbers_pictures: bool
    """Whether picture ids have to be continuous for who gets a part of the stream."""

    top: Layers
    """The highest layers that have come, each for itself."""

    def read(self, payload: Payload, descriptor: Payload | None, is_key_frame: bool) -> PacketLayers | None:
        """Read a packet, with its dependency descriptor if it has one; `None` when it tells nothing.

        `is_key_frame` says that it starts a key frame.
        """

    def is_everything(self, layers: Layers) -> bool:
        """Tell whether a receiver of these layers needs every packet."""

    def needs_key_frame(self, current: Layers, wanted: Layers) -> bool:
        """Tell whether to ask for a key frame, to get from the one to the other."""


class DescriptorReader:
    """Reads the payload descriptors of VP8 and VP9, which number their layers.

    `key_only`: spatial layers refer to each other in key pictures only (see `LayerIds`).
    """

    __slots__ = ("_ids", "_is_vp8", "_key_only", "renumbers_pictures", "top")

    def __init__(self, *, is_vp8: bool, key_only: bool) -> None:
        self._is_vp8 = self.renumbers_pictures = is_vp8
        # A receiver of VP9 works out by distances of ids which pictures refer to which: there gaps must stay.
        self._key_only = key_only
        self._ids = PictureIds()
        self.top = Layers(0, 0)

    def read(self, payload: Payload, descriptor: Payload | None, is_key_frame: bool) -> PacketLayers | None:
        """See `LayerReader`."""
        if self._is_vp8:
            layers = vp8.read_layers(payload, is_key_frame, self._ids)
        else:
            layers = vp9.read_layers(payload, is_key_frame, self._ids, key_only=self._key_only)
        top = self.top
        if layers is not None and (layers.temporal > top.temporal or layers.spatial > top.spatial):
            self.top = Layers(max(layers.spatial, top.spatial), max(layers.temporal, top.temporal))
        return layers

    def is_everything(self, layers: Layers) -> bool:
        """See `LayerReader`."""
        top = self.top
        if layers.temporal < top.temporal or layers.spatial < top.spatial:
            return False
        return not (self._key_only and top.spatial)

    def needs_key_frame(self, current: Layers, wanted: Layers) -> bool:
        """See `LayerReader`."""
        return wanted.spatial > current.spatial or (self._key_only and wanted.spatial != current.spatial)


class DependencyReader:
    """Reads dependency descriptors, whatever the codec."""

    __slots__ = ("_structure", "_structure_frame", "_targets", "renumbers_pictures", "top")

    def __init__(self) -> None:
        self._structure: Structure | None = None
        self._structure_frame = 0
        self._targets: DecodeTargets | None = None
        self.renumbers_pictures = False
        self.top = Layers(0, 0)

    def read(self, payload: Payload, descriptor: Payload | None, is_key_frame: bool) -> PacketLayers | None:
        """See `LayerReader`."""
        if descriptor is None:
            return None
        try:
            found = parse_dependency_descriptor(descriptor, self._structure)
        except ValueError:
            return None
        if found.structure is self._structure and self._targets is not None:
            return DescribedLayers(found, self._targets)
        targets = DecodeTargets(found.structure)
        behind = (self._structure_frame - found.frame_number) & 0xFFFF
        if self._structure is None or not 0 < behind < 0x8000:  # not that of an older frame, which comes late
            self._structure, self._structure_frame, self._targets = found.structure, found.frame_number, targets
            self.top = targets.top
        return DescribedLayers(found, targets)

    def is_everything(self, layers: Layers) -> bool:
        """See `LayerReader`."""
        return self._targets is None or self._targets.is_everything(layers)

    def needs_key_frame(self, current: Layers, wanted: Layers) -> bool:
        """See `LayerReader`."""
        if wanted.spatial == current.spatial or self._targets is None:
            return False
        has, wants = self._targets.find(current), self._targets.find(wanted)
        return has is None or wants is None or not self._targets.contains(has, wants)


def layer_reader(mime_type: str, *, key_only: bool, has_descriptors: bool) -> LayerReader | None:
    """Return a reader for a new stream; `None` when its packets tell of no layers.

    `key_only` says that the publisher's spatial layers refer to each other in key pictures only, `has_descriptors`
    that it has negotiated the dependency descriptor.
    """
    name = mime_type.lower()
    if name in {vp8.MIME_TYPE, vp9.MIME_TYPE}:
        return DescriptorReader(is_vp8=name == vp8.MIME_TYPE, key_only=key_only)
    return DependencyReader() if has_descriptors and name in {h264.MIME_TYPE, av1.MIME_TYPE} else None
