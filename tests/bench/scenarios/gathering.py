"""Rooms in which everybody hears, and may see, everybody else: meetings, and a large room with few speakers."""

import time
from dataclasses import dataclass

from tests.bench.load.clips import (
    AUDIO_SECONDS,
    SPEECH_BPS,
    Library,
    VideoFormat,
    silence_frames,
    speech_frames,
    video_frames,
)
from tests.bench.load.generator import Generator, LoadEndpoint
from tests.bench.processes import pss_mib
from tests.bench.scenarios.steady import (
    COLUMNS,
    Figures,
    Json,
    Pace,
    audience_of,
    cells,
    measure,
    subscribe_all,
)
from tests.bench.servers.base import Publication, Room, Server, Track
from tests.bench.tracks import sent_track


@dataclass(frozen=True, slots=True)
class Gathering:
    """`rooms` rooms of `size` people, of whom `speakers` speak, 50 packets/s each.

    The others' microphones are muted, or with `are_open` send comfort noise every 400 ms, as Opus with DTX does.
    All send video if `form` is given.
    """

    name: str
    sizes: tuple[int, ...]
    rooms: int
    speakers: int
    are_open: bool
    form: VideoFormat | None
    columns: tuple[str, ...] = COLUMNS
    receivers: int = 1

    @property
    def title(self) -> str:
        """What it is, in words."""
        rooms = "1 room" if self.rooms == 1 else f"{self.rooms} rooms"
        if self.form is None:
            return f"{rooms} of N, {self.speakers} speaking, audio only"
        video = f"{self.form.bitrate_bps / 1000:g} kbit/s at {self.form.fps} fps"
        return f"{rooms} of N, all to all: video at {video}, audio of which {self.speakers} speak"

    def library(self) -> Library:
        """Encode clips for one room of the greatest size; other rooms send the same in a group of their own."""
        library = Library(groups=self.rooms)
        for person in range(self._senders(max(self.sizes))):
            sound = speech_frames(person) if person < self.speakers else silence_frames(person)
            library.add("audio", sound, AUDIO_SECONDS)
            if self.form is not None:
                library.add("video", video_frames(self.form, person), self.form.seconds)
        return library

    async def run(self, server: Server, generator: Generator, size: int, pace: Pace) -> Figures:
        """Measure one size."""
        idle = pss_mib(server.pids())
        began = time.monotonic()
        subscriptions: list[list[Publication]] = []
        for number in range(self.rooms):
            room = await server.room(f"{self.name}-{number}")
            published = [
                await self._publish(room, generator, number, person, size) for person in range(self._senders(size))
            ]
            wishes: list[tuple[LoadEndpoint, list[Publication]]] = []
            for person in range(size):
                others = [one for owner, ones in enumerate(published) if owner != person for one in ones]
                wishes.append((await generator.subscriber(f"subscriber-{number}-{person}", number), others))
            await subscribe_all(room, wishes)
            subscriptions += [wanted for _, wanted in wishes]
        joined = time.monotonic() - began
        figures = await measure(server, generator, audience_of(subscriptions), pace)
        figures.joined_in_s, figures.pss_idle_mib = joined, idle
        return figures

    def cells(self, figures: Json) -> list[str]:
        """Return the columns' texts."""
        return cells(figures)

    def _senders(self, size: int) -> int:
        return size if self.are_open or self.form is not None else min(self.speakers, size)

    async def _publish(
        self, room: Room, generator: Generator, number: int, person: int, size: int
    ) -> list[Publication]:
        publisher = await generator.publisher(f"publisher-{number}-{person}", number)
        tracks = self._tracks(number * size + person)
        publications = await room.publish(publisher, tracks)
        clips_a_person = len(tracks)
        for n, track in enumerate(tracks):
            phase = (number * size + person) / (self.rooms * size) * 0.1
            await publisher.send(track, clip=person * clips_a_person + n, phase=phase)
        return publications

    def _tracks(self, number: int) -> list[Track]:
        tracks = [sent_track("audio", 2 * number, "0", SPEECH_BPS)]
        if self.form is not None:
            tracks.append(sent_track("video", 2 * number + 1, "1", self.form.bitrate_bps))
        return tracks
