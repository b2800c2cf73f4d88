"""Where else a producer's packets go besides its consumers: to other workers, for the consumers there."""

from typing import TYPE_CHECKING, Protocol

from sfu.rtp.packet import RtpHeader

if TYPE_CHECKING:
    from sfu.worker.producer_stream import ProducerStream


class Outlet(Protocol):
    """One of these ways, as a producer needs it."""

    @property
    def flowing(self) -> bool:
        """Whether anybody there wants packets now."""

    @property
    def wanted_spatial(self) -> int | None:
        """The highest spatial layer that is wanted there; `None` for nothing."""

    def take(
        self, stream: "ProducerStream", packet: memoryview, header: RtpHeader, number: int, *, is_key_frame: bool
    ) -> None:
        """Take a packet of this unwrapped number; it is valid during the call."""

    def flush(self) -> None:
        """Send what was taken."""

    def interrupt(self, stream: "ProducerStream", *, left_out: bool) -> None:
        """Have consumers there begin anew with a stream; with `left_out` nothing comes for now."""

    def tell_state(self) -> None:
        """Tell whether the producer is paused and how well its streams come in, if that has changed."""

    def close(self) -> None:
        """Let go of the producer, which is closed."""


class Outlets:
    """All outlets of one producer. `flowing` are those that want packets, to be asked for before `take`."""

    __slots__ = ("_all", "flowing")

    def __init__(self) -> None:
        self._all: list[Outlet] = []
        self.flowing: tuple[Outlet, ...] = ()

    @property
    def wanted_layers(self) -> list[int]:
        """The highest spatial layer that each of those wants which flow."""
        return [each.wanted_spatial for each in self.flowing if each.wanted_spatial is not None]

    def add(self, outlet: Outlet) -> None:
        """Take one in."""
        self._all.append(outlet)
        self.flow_changed()

    def remove(self, outlet: Outlet) -> None:
        """Let one go; safe to call twice."""
        if outlet in self._all:
            self._all.remove(outlet)
            self.flow_changed()

    def flow_changed(self) -> None:
        """Take note that an outlet wants packets from now on, or none any more."""
        self.flowing = tuple(each for each in self._all if each.flowing)

    def take(
        self, stream: "ProducerStream", packet: memoryview, header: RtpHeader, number: int, *, is_key_frame: bool
    ) -> None:
        """See `Outlet`."""
        for outlet in self.flowing:
            outlet.take(stream, packet, header, number, is_key_frame=is_key_frame)

    def flush(self) -> None:
        """See `Outlet`."""
        for outlet in self.flowing:
            outlet.flush()

    def interrupt(self, stream: "ProducerStream", *, left_out: bool) -> None:
        """See `Outlet`."""
        for outlet in self.flowing:
            outlet.interrupt(stream, left_out=left_out)

    def tell_state(self) -> None:
        """See `Outlet`."""
        for outlet in self._all:
            outlet.tell_state()

    def close(self) -> None:
        """See `Outlet`."""
        for outlet in list(self._all):
            outlet.close()
