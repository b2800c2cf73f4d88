"""Layers that a dependency descriptor tells of, for any codec: who gets which decode target."""

from sfu.codecs.dependency_descriptor import DependencyDescriptor, Indication, Structure
from sfu.rtp.layers import Layers, PictureNumbers


class DecodeTargets:
    """The decode targets of one structure, found by layers. One for each structure, shared by its packets."""

    __slots__ = ("_by_layers", "_structure", "top")

    def __init__(self, structure: Structure) -> None:
        self._structure = structure
        self._by_layers: dict[Layers, int | None] = {}  # bounded by the layers that there are
        self.top = Layers(*(max(each[n] for each in structure.target_layers) for n in (0, 1)))

    def find(self, layers: Layers) -> int | None:
        """Return the best decode target within these layers; `None` when even the least one is beyond them."""
        layers = Layers(min(layers.spatial, self.top.spatial), min(layers.temporal, self.top.temporal))
        if layers not in self._by_layers:
            fitting = [
                (spatial, temporal, -target)
                for target, (spatial, temporal) in enumerate(self._structure.target_layers)
                if spatial <= layers.spatial and temporal <= layers.temporal
            ]
            self._by_layers[layers] = -max(fitting)[2] if fitting else None
        return self._by_layers[layers]

    def spatial_of(self, target: int) -> int:
        """Return the spatial layer of a decode target."""
        return self._structure.target_layers[target][0]

    def contains(self, target: int, other: int) -> bool:
        """Tell whether who has decode target `target` has all frames of `other`."""
        return all(
            template.indications[target] != Indication.NOT_PRESENT
            or template.indications[other] == Indication.NOT_PRESENT
            for template in self._structure.templates
        )

    def is_everything(self, layers: Layers) -> bool:
        """Tell whether a receiver of these layers needs every frame."""
        target = self.find(layers)
        return target is not None and all(
            template.indications[target] != Indication.NOT_PRESENT for template in self._structure.templates
        )


class DescribedLayers:
    """What the dependency descriptor of a packet says of its layers (see `PacketLayers`)."""

    __slots__ = ("_descriptor", "_targets", "spatial", "starts_picture", "temporal")

    picture: PictureNumbers | None = None  # nothing in the payload is to be rewritten

    def __init__(self, descriptor: DependencyDescriptor, targets: DecodeTargets) -> None:
        self._descriptor = descriptor
        self._targets = targets
        self.spatial = descriptor.template.spatial
        self.temporal = descriptor.template.temporal
        self.starts_picture = descriptor.starts_frame and not self.spatial

    def belongs_to(self, layers: Layers) -> bool:
        """See `PacketLayers`."""
        target = self._targets.find(layers)
        if target is None:
            return self.spatial <= layers.spatial and self.temporal <= layers.temporal
        return self._descriptor.template.indications[target] != Indication.NOT_PRESENT

    def completes(self, layers: Layers) -> bool:
        """See `PacketLayers`."""
        target = self._targets.find(layers)
        return (
            self._descriptor.ends_frame and target is not None and self.spatial == self._targets.spatial_of(target)
        )

    def allows_switch(self, current: Layers, wanted: Layers) -> bool:
        """See `PacketLayers`. A frame with a switch indication that its receiver can decode opens its target."""
        if not self.starts_picture:
            return False
        if self._descriptor.has_structure:
            return True
        has, wants = self._targets.find(current), self._targets.find(wanted)
        if has is None or wants is None:
            return False
        if self._targets.contains(has, wants):
            return True
        indications = self._descriptor.template.indications
        return indications[wants] == Indication.SWITCH and indications[has] != Indication.NOT_PRESENT
