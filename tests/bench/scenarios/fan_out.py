"""One lecture: a publisher's video at 1.5 Mbit/s, to N subscribers. And the same as many small rooms."""

import time
from dataclasses import dataclass

from tests.bench.load.clips import Library, VideoFormat, video_frames
from tests.bench.load.generator import Generator, LoadEndpoint
from tests.bench.processes import pss_mib
from tests.bench.scenarios.steady import COLUMNS, Figures, Json, Pace, audience_of, cells, measure, subscribe_all
from tests.bench.servers.base import Publication, Room, Server, ServerError
from tests.bench.servers.c import CLoop
from tests.bench.tracks import sent_track


@dataclass(frozen=True, slots=True)
class FanOut:
    """`rooms` lectures at a time, each with its own publisher and with `size` subscribers."""

    name: str
    sizes: tuple[int, ...]
    rooms: int
    form: VideoFormat
    columns: tuple[str, ...] = COLUMNS
    receivers: int = 1

    @property
    def title(self) -> str:
        """What it is, in words."""
        rate = f"{self.form.bitrate_bps / 1e6:g} Mbit/s of video"
        return (
            f"1 publisher of {rate} to N" if self.rooms == 1 else f"{self.rooms} rooms, 1 publisher of {rate} to N"
        )

    def library(self) -> Library:
        """Encode the clip that all rooms send."""
        library = Library(groups=self.rooms)
        library.add("video", video_frames(self.form, seed=0), self.form.seconds)
        return library

    async def run(self, server: Server, generator: Generator, size: int, pace: Pace) -> Figures:
        """Measure one size."""
        if isinstance(server, CLoop):
            if self.rooms > 1:
                raise ServerError("the C loop knows one publisher only")
            return await server.fan_out(generator, size, pace)
        idle = pss_mib(server.pids())
        began = time.monotonic()
        subscriptions: list[list[Publication]] = []
        for number in range(self.rooms):
            room = await server.room(f"{self.name}-{number}")
            publications = await self._publish(room, generator, number)
            wishes: list[tuple[LoadEndpoint, list[Publication]]] = [
                (await generator.subscriber(f"subscriber-{number}-{n}", number), publications) for n in range(size)
            ]
            await subscribe_all(room, wishes)
            subscriptions += [wanted for _, wanted in wishes]
        joined = time.monotonic() - began
        figures = await measure(server, generator, audience_of(subscriptions), pace)
        figures.joined_in_s, figures.pss_idle_mib = joined, idle
        return figures

    def cells(self, figures: Json) -> list[str]:
        """Return the columns' texts."""
        return cells(figures)

    async def _publish(self, room: Room, generator: Generator, number: int) -> list[Publication]:
        publisher = await generator.publisher(f"publisher-{number}", number)
        track = sent_track("video", number, "0", self.form.bitrate_bps)
        publications = await room.publish(publisher, [track])
        await publisher.send(track, clip=0, phase=number / self.rooms / self.form.fps)
        return publications
