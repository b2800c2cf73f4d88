"""Picture ids of one stream, unwrapped: those of VP8 and VP9 have 7 or 15 bits."""

MAX_LATE_PICTURES = 256
"""A key frame whose id lies further behind than this is no late one: its encoder has begun to count anew."""


class PictureIds:
    """Unwraps the ids of one stream. They do not go back but for pictures that come late."""

    __slots__ = ("_highest",)

    def __init__(self) -> None:
        self._highest = -1

    def unwrap(self, identifier: int, mask: int, *, starts_anew: bool) -> int:
        """Return an id without its limit. `mask` is 0x7F or 0x7FFF; `starts_anew`: it is a key frame's."""
        highest = self._highest
        if highest < 0:
            self._highest = identifier + mask + 1
            return self._highest
        step = (identifier - highest) & mask
        if step > mask >> 1 and not (starts_anew and mask + 1 - step > MAX_LATE_PICTURES):
            return highest + step - mask - 1
        self._highest = highest + step
        return self._highest
