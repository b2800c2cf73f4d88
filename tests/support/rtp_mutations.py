"""Changes RTP objects at random, reproducibly, the way a broken or hostile client might."""

import random
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

Path = tuple[str | int, ...]

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, 2, 3, 5, 8, 13, -1, 1.5, 96, 101, 102, 127, 128, 300, 48000, 90000, 2**32, 2**60),
    *("", "x", "0", "1", "nack", "pli", "transport-cc", "goog-remb", "recvonly", "audio", "video"),
    *("audio/opus", "AUDIO/OPUS", "audio/PCMU", "audio/", "audio", "text/plain", "xaudio/opus", "audio/\n"),
    *("video/VP8", "video/vp9", "video/H264", "video/AV1", "video/rtx", "VIDEO/RTX", "audio/rtx", "video/x/rtx"),
    *("42e01f", "42001f", "4d0032", "4d001f", "640032", "640c1f", "f4001f", "42f00b", "42e00a", "zz", "000000"),
    *("L1T3", "L3T3_KEY", "S2T2", "L0T1", "L1T1"),
    *([], [1], ["x"], [None], {}, {"a": 1}, {"ssrc": 5}, {"type": "nack"}, {"apt": 101}, {"profile-id": 2}),
)
FIELDS_TO_ADD = (
    "mid", "msid", "channels", "parameters", "rtcpFeedback", "preferredPayloadType", "direction", "ssrc", "rid",
    "rtx", "dtx", "scalabilityMode", "maxBitrate", "codecPayloadType", "cname", "reducedSize", "apt", "profile-id",
    "packetization-mode", "profile-level-id", "level-asymmetry-allowed", "encrypt", "preferredEncrypt", "surplus",
)  # fmt: skip


@dataclass(frozen=True)
class Mutation:
    """What was done to an object: the place, and the value that stands there now, unless it was taken away."""

    path: Path
    value: Any = None
    removed: bool = False

    @property
    def field(self) -> str:
        """The name of the changed field, or of the list that the changed item is in."""
        return next((part for part in reversed(self.path) if isinstance(part, str)), "")

    @property
    def is_item(self) -> bool:
        """Whether it is an item of a list."""
        return bool(self.path) and isinstance(self.path[-1], int)


def mutate(wire: Any, rng: random.Random) -> Mutation:
    """Change the object in place, once."""
    path, parent = rng.choice(list(_places(wire)))
    key = path[-1]
    choice = rng.random()
    if choice < 0.15:
        del parent[key]
        return Mutation(path, removed=True)
    if choice < 0.25 and isinstance(parent, list):
        value = deepcopy(rng.choice(parent))
        parent.insert(key, value)
        return Mutation(path, value)
    value = deepcopy(rng.choice(VALUES))
    if choice < 0.4 and isinstance(parent, dict):
        key = rng.choice(FIELDS_TO_ADD)
        path = (*path[:-1], key)
    parent[key] = value
    return Mutation(path, value)


def _places(wire: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    items = wire.items() if isinstance(wire, dict) else enumerate(wire) if isinstance(wire, list) else ()
    for key, value in items:
        yield (*path, key), wire
        yield from _places(value, (*path, key))
