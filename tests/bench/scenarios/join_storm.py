"""A class runs while many join: how soon they receive, and what those who were there before notice of it."""

import asyncio
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.bench.load.clips import Library, VideoFormat, video_frames
from tests.bench.load.generator import Counts, Generator, LoadEndpoint
from tests.bench.load.histogram import Histogram
from tests.bench.processes import cpu_seconds
from tests.bench.scenarios.steady import Json, Pace, number, subscribe_all, until_all_receive
from tests.bench.servers.base import Publication, Room, Server, ServerError
from tests.bench.tracks import sent_track

CLASS_SIZE = 20
RECEIVING_WITHIN_S = 20.0
POLL_S = 0.25
BUSY_CLIENTS = 0.85
"""Clients that use more of their core than this while the others join are what was measured, not the server."""

COLUMNS = (
    "receiving",
    "first packet ms p50",
    "p95",
    "p99",
    "max",
    "all receive after s",
    "all can decode after s",
    "class's latency ms p99",
    "max",
    "before p99",
    "class lost",
    "server CPU s",
    "clients' CPU",
)


@dataclass(slots=True)
class Storm:
    """What a storm came to. Times of peers are from when each of them began to join, in milliseconds.

    CPU times and `clients_load` (a share of one core) are until the last has connected.
    """

    peers: int = 0
    receiving: int = 0
    first_packet_ms: dict[str, float] = field(default_factory=dict)
    decodable_ms: dict[str, float] = field(default_factory=dict)
    all_receive_s: float | None = None
    all_decode_s: float | None = None
    class_latency_before_ms: dict[str, float | None] = field(default_factory=dict)
    class_latency_ms: dict[str, float | None] = field(default_factory=dict)
    class_lost: int = 0
    server_cpu_s: dict[str, float] = field(default_factory=dict)
    clients_load: float = 0.0
    remarks: list[str] = field(default_factory=list)

    @property
    def is_saturated(self) -> bool:
        """Tell whether somebody never received anything."""
        return self.receiving < self.peers


@dataclass(frozen=True, slots=True)
class JoinStorm:
    """`size` peers begin to join within `spread_s`, evenly, a room in which a class of CLASS_SIZE listens."""

    name: str
    sizes: tuple[int, ...]
    spread_s: float
    columns: tuple[str, ...] = COLUMNS
    receivers: int = 3
    """One receiving process for the class, the others for those who join."""

    @property
    def title(self) -> str:
        """What it is, in words."""
        when = f"within {self.spread_s:g} s" if self.spread_s else "at once"
        return f"N peers join a running class of {CLASS_SIZE} {when}"

    def library(self) -> Library:
        """Encode the teacher's video."""
        library = Library()
        form = VideoFormat()
        library.add("video", video_frames(form, 0), form.seconds)
        return library

    async def run(self, server: Server, generator: Generator, size: int, pace: Pace) -> Storm:
        """Measure one storm."""
        room = await server.room(self.name)
        publications = await _start_class(room, generator)
        joiners = await _joiners(generator, size)
        await until_all_receive(generator)
        await generator.reset()
        await asyncio.sleep(pace.warm_up)
        storm = Storm(size, class_latency_before_ms=await _class_latency(generator))
        await generator.reset()
        before, began, spent, clients = await generator.counts(), time.time_ns(), _cpu(server), time.process_time()
        starts, problems = await self._let_join(room, joiners, publications)
        joined, own = time.time_ns(), time.process_time() - clients
        storm.server_cpu_s = {name: round(used - spent.get(name, 0.0), 3) for name, used in _cpu(server).items()}
        after = await generator.counts()
        own += sum(after.cpu_s.values()) - sum(before.cpu_s.values())
        storm.clients_load = own / ((joined - began) / 1e9)
        after = await _until_begun(generator, joiners, began)
        _arrivals(storm, after, starts, began)
        storm.class_latency_ms = await _class_latency(generator)
        storm.class_lost = _lost(after) - _lost(before)
        _remark(storm, problems)
        return storm

    async def _let_join(
        self, room: Room, joiners: Sequence[LoadEndpoint], publications: Sequence[Publication]
    ) -> tuple[dict[str, int], list[str]]:
        """Let all of them join; return when each began (ns of the wall clock), and why some could not."""
        starts: dict[str, int] = {}
        problems: list[str] = []
        began = time.monotonic()

        async def join(n: int, endpoint: LoadEndpoint) -> None:
            await asyncio.sleep(max(0.0, began + n * self.spread_s / len(joiners) - time.monotonic()))
            starts[endpoint.name] = time.time_ns()
            try:
                await room.subscribe(endpoint, publications)
            except (ServerError, TimeoutError) as error:
                problems.append(f"{type(error).__name__}: {error}")

        await asyncio.gather(*(join(n, endpoint) for n, endpoint in enumerate(joiners)))
        return starts, problems

    def cells(self, figures: Json) -> list[str]:
        """Return the columns' texts."""
        first, during = figures["first_packet_ms"], figures["class_latency_ms"]
        return [
            f"{figures['receiving']:.0f}/{figures['peers']:.0f}",
            *(number(first.get(name), 0) for name in ("p50", "p95", "p99", "max")),
            number(figures["all_receive_s"], 2),
            number(figures["all_decode_s"], 2),
            number(during.get("p99"), 1),
            number(during.get("max"), 1),
            number(figures["class_latency_before_ms"].get("p99"), 1),
            f"{figures['class_lost']:.0f}",
            f"{sum(figures['server_cpu_s'].values()):.2f}",
            f"{figures['clients_load']:.0%}",
        ]


async def _start_class(room: Room, generator: Generator) -> list[Publication]:
    teacher = await generator.publisher("teacher")
    track = sent_track("video", 0, "0", VideoFormat().bitrate_bps)
    publications = await room.publish(teacher, [track])
    await teacher.send(track, clip=0)
    there = [await generator.subscriber(f"class-{n}", process=0) for n in range(CLASS_SIZE)]
    await subscribe_all(room, [(endpoint, publications) for endpoint in there])
    return publications


async def _joiners(generator: Generator, size: int) -> list[LoadEndpoint]:
    """Open the sockets of those who will join, in the processes that the class is not in."""
    others = len(generator.receivers) - 1
    return [await generator.subscriber(f"joiner-{n}", process=1 + n % others) for n in range(size)]


async def _until_begun(generator: Generator, joiners: Sequence[LoadEndpoint], began: int) -> Counts:
    """Wait until all that joined can decode, or until there is no hope."""
    names = [endpoint.name for endpoint in joiners]
    while True:
        counts = await generator.counts()
        waiting = [name for name in names if not any(at for _, at in counts.begun[name].values())]
        if not waiting or time.time_ns() - began > RECEIVING_WITHIN_S * 1e9:
            return counts
        await asyncio.sleep(POLL_S)


async def _class_latency(generator: Generator) -> dict[str, float | None]:
    answer = (await generator.receivers[0].ask("counts"))["latency"]
    latency = Histogram({int(bucket): count for bucket, count in answer["counts"].items()}, answer["longest_us"])
    found = {f"p{percent}": latency.percentile_ms(percent) for percent in (50, 95, 99)}
    return {**found, "max": latency.longest_us / 1000}


def _arrivals(storm: Storm, counts: Counts, starts: Mapping[str, int], began: int) -> None:
    begun = {name: next(iter(counts.begun[name].values()), [0, 0]) for name in starts}
    for place, label in ((0, "receive"), (1, "decode")):
        arrived = {name: times[place] for name, times in begun.items() if times[place]}
        spread = percentiles([(at - starts[name]) / 1e6 for name, at in arrived.items()])
        last = (max(arrived.values()) - began) / 1e9 if len(arrived) == len(starts) else None
        if label == "receive":
            storm.receiving, storm.first_packet_ms, storm.all_receive_s = len(arrived), spread, last
        else:
            storm.decodable_ms, storm.all_decode_s = spread, last


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Return percentiles by nearest rank; nothing for no values."""
    ranked = sorted(values)
    if not ranked:
        return {}
    found = {f"p{percent}": ranked[math.ceil(len(ranked) * percent / 100) - 1] for percent in (50, 95, 99)}
    return {**found, "max": ranked[-1]}


def _lost(counts: Counts) -> int:
    """Sum what is missing in the class's streams: expected by sequence number, and not received."""
    streams = [numbers for n in range(CLASS_SIZE) for numbers in counts.received[f"class-{n}"].values()]
    return sum(expected - received for received, _, expected, *_ in streams)


def _cpu(server: Server) -> dict[str, float]:
    return {name: cpu_seconds(pid) for pid, name in server.pids().items()}


def _remark(storm: Storm, problems: Sequence[str]) -> None:
    if problems:
        storm.remarks.append(f"{len(problems)} could not join: {problems[0]}")
    if storm.clients_load > BUSY_CLIENTS:
        storm.remarks.append(f"the clients took {storm.clients_load:.0%} of a core: the times may be their own")
