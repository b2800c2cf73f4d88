"""Which spatial layers of a producer anybody wants, told to its publisher, who may stop sending the others."""

from collections.abc import Callable

LOWER_AFTER_S = 5.0
"""For so long layers are wanted less before it is told: stopping and starting an encoding costs key frames, and
who goes often comes back."""


class WantedLayers:
    """The highest spatial layer that is wanted, or `None`. Until something is told, all `spatial_layers` are.

    `count` works out what is wanted now, `tell` tells it; more is told at once, less after some time.
    """

    __slots__ = ("_count", "_due_at", "_tell", "_told")

    def __init__(
        self, spatial_layers: int, count: Callable[[], int | None], tell: Callable[[int | None], None]
    ) -> None:
        self._count = count
        self._tell = tell
        self._told: int | None = spatial_layers - 1
        self._due_at: float | None = None

    def raised(self, spatial: int) -> None:
        """Take note that somebody wants this layer now."""
        if self._told is None or spatial > self._told:
            self._told = spatial
            self._tell(spatial)

    def lowered(self, now: float) -> None:
        """Take note that somebody may want less than before."""
        if self._due_at is None:
            self._due_at = now + LOWER_AFTER_S

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due."""
        return self._due_at

    def handle_timeout(self, now: float) -> None:
        """Tell if less has been wanted for some time."""
        if self._due_at is None or now < self._due_at:
            return
        self._due_at = None
        wanted = self._count()
        if wanted != self._told:
            self._told = wanted
            self._tell(wanted)
