"""Layers that a payload descriptor names by their numbers: those of VP8 and VP9."""

from sfu.rtp.layers import Layers, PictureNumbers


class LayerIds:
    """What the payload descriptor of a packet says of its layers (see `PacketLayers`).

    `starts_frame` and `ends_frame` are of the frame of its spatial layer. `is_intra` says that this frame refers
    to no other picture, though it may to lower spatial layers of its own. `switches_up` says that its temporal
    layer may begin here. In `key_only` streams spatial layers refer to each other in key pictures only, so that
    whoever has one needs no other in between (K-SVC).
    """

    __slots__ = (
        "ends_frame",
        "is_intra",
        "key_only",
        "picture",
        "spatial",
        "starts_frame",
        "starts_picture",
        "switches_up",
        "temporal",
    )

    def __init__(
        self,
        spatial: int,
        temporal: int,
        starts_frame: bool,
        ends_frame: bool,
        is_intra: bool,
        switches_up: bool,
        key_only: bool,
        picture: PictureNumbers | None,
    ) -> None:
        self.spatial = spatial
        self.temporal = temporal
        self.starts_frame = starts_frame
        self.starts_picture = starts_frame and not spatial
        self.ends_frame = ends_frame
        self.is_intra = is_intra
        self.switches_up = switches_up
        self.key_only = key_only
        self.picture = picture

    def belongs_to(self, layers: Layers) -> bool:
        """See `PacketLayers`."""
        spatial, temporal = layers
        if self.temporal > temporal or self.spatial > spatial:
            return False
        return not self.key_only or self.is_intra or self.spatial == spatial

    def completes(self, layers: Layers) -> bool:
        """See `PacketLayers`."""
        return self.ends_frame and self.spatial == layers.spatial

    def allows_switch(self, current: Layers, wanted: Layers) -> bool:
        """See `PacketLayers`. A temporal layer opens at a point of its own, if the one below is there."""
        if self.is_intra and self.starts_picture:
            return True
        if wanted.spatial != current.spatial and self.key_only:
            return False
        if wanted.spatial > current.spatial:
            return self._opens_spatial_layer(current, wanted)
        if wanted.temporal > current.temporal:
            opens = self.switches_up and self.temporal == wanted.temporal == current.temporal + 1
            return opens and self.starts_picture
        return self.starts_picture

    def _opens_spatial_layer(self, current: Layers, wanted: Layers) -> bool:
        opens = self.starts_frame and self.is_intra and self.spatial == wanted.spatial == current.spatial + 1
        return opens and wanted.temporal <= current.temporal
