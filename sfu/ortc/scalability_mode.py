"""Scalability modes of WebRTC-SVC, such as `L3T2_KEY`: three spatial and two temporal layers."""

import re
from dataclasses import dataclass
from typing import Final

_MODE: Final = re.compile(r"[LS]([1-9][0-9]?)T([1-9][0-9]?)(_KEY)?")


@dataclass(frozen=True, slots=True)
class ScalabilityMode:
    """How many layers a stream has, and whether spatial layers depend on each other at key frames only."""

    spatial_layers: int = 1
    temporal_layers: int = 1
    ksvc: bool = False


def parse_scalability_mode(text: str | None) -> ScalabilityMode:
    """Read a scalability mode. None and text that is no mode mean one layer of each; a suffix is overlooked."""
    match = _MODE.match(text or "")
    if match is None:
        return ScalabilityMode()
    return ScalabilityMode(int(match[1]), int(match[2]), match[3] is not None)
