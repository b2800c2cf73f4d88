"""Layers of a video: which spatial and which temporal one a consumer gets, counted from 0, the lowest."""

from typing import NamedTuple

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
