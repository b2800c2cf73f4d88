"""Which spatial layers of a producer anybody wants, told to its publisher, who may stop sending the others."""

LOWER_AFTER_S = 5.0
"""For so long layers are wanted less before it is told: stopping and starting an encoding costs key frames, and
who goes often comes back."""


class WantedLayers:
    """The highest spatial layer that is wanted, or `None`. Until something is told, all `spatial_layers` are.

    More is told at once, less after some time: whoever owns it counts then what is wanted, and tells it.
    """

    __slots__ = ("_due_at", "_told")

    def __init__(self, spatial_layers: int) -> None:
        self._told: int | None = spatial_layers - 1
        self._due_at: float | None = None

    def raised(self, spatial: int) -> bool:
        """Take note that somebody wants this layer now; true: tell it."""
        if self._told is not None and spatial < self._told:
            return False
        self._due_at = None  # all that was told is wanted again
        changed, self._told = spatial != self._told, spatial
        return changed

    def lowered(self, now: float) -> float:
        """Take note that somebody may want less than before; returns when to `settle`."""
        if self._due_at is None:
            self._due_at = now + LOWER_AFTER_S
        return self._due_at

    def next_timeout(self) -> float | None:
        """When to count what is wanted and call `settle`, if ever."""
        return self._due_at

    def settle(self, wanted: int | None) -> bool:
        """Take note of what has been wanted for some time; true: tell it."""
        self._due_at = None
        changed, self._told = wanted != self._told, wanted
        return changed
