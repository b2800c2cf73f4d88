"""The steady part of a run: everybody has joined and receives; measured is what it costs and what arrives."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.bench.load.generator import Counts, Generator, LoadEndpoint
from tests.bench.processes import cpu_seconds, pss_mib
from tests.bench.servers.base import Publication, Room, Server, ServerError

Json = dict[str, Any]

JOINING_AT_ONCE = 16
RECEIVING_WITHIN_S = 20.0
POLL_S = 0.25
DRAIN_S = 0.25
"""How long packets may be under way once nobody sends; repeated as long as some still arrive."""
DRAINS = 12
SATURATED_BELOW = 0.99
BUSY_LOAD = 0.9
"""A load that uses more of a core than this may have spoilt the latency."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a run waits before the steady part, and how long that is, in seconds."""

    warm_up: float = 2.0
    seconds: float = 10.0


@dataclass(slots=True)
class Figures:
    """What was measured in the steady part. `cpu_us` is CPU time of all the server's processes, a packet."""

    steady_s: float = 0.0
    packets_in: int = 0
    packets_out: int = 0
    delivery: float = 0.0
    recovered: int = 0
    duplicates: int = 0
    reordered: int = 0
    cpu_us: float | None = None
    cpu_us_by_process: dict[str, float] = field(default_factory=dict)
    packets_per_cpu_second: float | None = None
    server_load: float = 0.0
    pss_idle_mib: float = 0.0
    pss_mib: float = 0.0
    latency_ms: dict[str, float | None] = field(default_factory=dict)
    latency_samples: int = 0
    joined_in_s: float = 0.0
    totals: dict[str, int] = field(default_factory=dict)
    load: dict[str, float] = field(default_factory=dict)
    load_drops: int = 0
    load_lag_ms: dict[str, float] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    @property
    def is_saturated(self) -> bool:
        """Tell whether the server did not deliver what it was to."""
        return self.delivery < SATURATED_BELOW


COLUMNS = (
    "in/s",
    "out/s",
    "delivered",
    "CPU us/packet",
    "packets/CPU s",
    "server load",
    "PSS MiB idle",
    "loaded",
    "latency ms p50",
    "p95",
    "p99",
    "max",
    "load's CPU",
)


def cells(figures: Json) -> list[str]:
    """Return the texts under COLUMNS."""
    latency = figures["latency_ms"]
    return [
        f"{figures['packets_in'] / figures['steady_s']:,.0f}",
        f"{figures['packets_out'] / figures['steady_s']:,.0f}",
        f"{figures['delivery']:.2%}",
        number(figures["cpu_us"], 2),
        number(figures["packets_per_cpu_second"], 0),
        f"{figures['server_load']:.0%}",
        number(figures["pss_idle_mib"], 0),
        number(figures["pss_mib"], 0),
        *(number(latency.get(name), 2) for name in ("p50", "p95", "p99", "max")),
        f"{sum(figures['load'].values()):.0%}",
    ]


def number(value: float | None, digits: int) -> str:
    """Write a number, or a dash where there is none."""
    return "-" if value is None else f"{value:,.{digits}f}"


Audience = Mapping[tuple[str, int], int]
"""How many subscribers each sent stream has, by its sender's name and its SSRC."""


def audience_of(subscriptions: Sequence[Sequence[Publication]]) -> dict[tuple[str, int], int]:
    """Count the subscribers of each publication, from what each subscriber has subscribed to."""
    audience: dict[tuple[str, int], int] = {}
    for publications in subscriptions:
        for publication in publications:
            key = (publication.endpoint.name, publication.track.ssrc)
            audience[key] = audience.get(key, 0) + 1
    return audience


async def subscribe_all(room: Room, wishes: Sequence[tuple[LoadEndpoint, Sequence[Publication]]]) -> None:
    """Let subscribers join, a few at a time."""
    turn = asyncio.Semaphore(JOINING_AT_ONCE)

    async def subscribe(endpoint: LoadEndpoint, publications: Sequence[Publication]) -> None:
        async with turn:
            await room.subscribe(endpoint, publications)

    await asyncio.gather(*(subscribe(endpoint, publications) for endpoint, publications in wishes))


async def until_all_receive(generator: Generator) -> list[str]:
    """Wait until every expected stream has begun; return the names of subscribers that still lack one."""
    deadline = time.monotonic() + RECEIVING_WITHIN_S
    while True:
        counts = await generator.counts()
        lacking = [
            name
            for name, streams in counts.received.items()
            if any(numbers[0] == 0 for numbers in streams.values())
        ]
        if not lacking or time.monotonic() > deadline:
            return lacking
        await asyncio.sleep(POLL_S)


async def measure(server: Server, generator: Generator, audience: Audience, pace: Pace) -> Figures:
    """Measure the steady part. Both ends of it lie in a pause, so that what was sent and what arrived agree."""
    lacking = await until_all_receive(generator)
    await asyncio.sleep(pace.warm_up)
    await _pause(generator)
    await generator.reset()
    before, spent_before, began = await generator.counts(), _cpu(server), time.monotonic()
    await generator.go()
    await asyncio.sleep(pace.seconds)
    pss = pss_mib(server.pids())
    after = await _pause(generator)
    spent_after, took = _cpu(server), time.monotonic() - began
    await generator.go()
    figures = _compare(before, after, audience, reencodes=server.reencodes)
    figures.pss_mib, figures.steady_s = pss, pace.seconds
    spent = {name: spent_after[name] - spent_before.get(name, 0.0) for name in spent_after}
    _charge(figures, spent, took)
    figures.load = {name: (after.cpu_s[name] - before.cpu_s[name]) / took for name in after.cpu_s}
    if after.refused > before.refused:
        figures.remarks.append(f"the kernel refused {after.refused - before.refused} packets of the publishers")
    if lacking:
        figures.remarks.append(f"{len(lacking)} subscribers lacked a stream after {RECEIVING_WITHIN_S:.0f} s")
    _judge_load(figures)
    return figures


async def _pause(generator: Generator) -> Counts:
    """Stop sending, and wait until nothing arrives any more."""
    await generator.hold()
    return await drained(generator)


async def drained(generator: Generator) -> Counts:
    """Wait until no media arrives any more, within bounds; return the counts of then."""
    seen = -1
    for _ in range(DRAINS):
        await asyncio.sleep(DRAIN_S)
        counts = await generator.counts()
        arrived = sum(numbers[0] for streams in counts.received.values() for numbers in streams.values())
        arrived += counts.totals["unexpected"]
        if arrived == seen:
            break
        seen = arrived
    return counts


def _cpu(server: Server) -> dict[str, float]:
    spent: dict[str, float] = {}
    for pid, name in server.pids().items():
        try:
            spent[name] = spent.get(name, 0.0) + cpu_seconds(pid)
        except OSError:
            raise ServerError(f"{server.name}'s {name} (process {pid}) has died") from None
    return spent


def _compare(before: Counts, after: Counts, audience: Audience, *, reencodes: bool) -> Figures:
    figures = Figures()
    wanted = 0
    of_sent = 1 if reencodes else 0
    for (name, ssrc), subscribers in audience.items():
        new, old = after.sent[name][ssrc], before.sent[name][ssrc]
        figures.packets_in += new[0] - old[0]
        wanted += (new[of_sent] - old[of_sent]) * subscribers
    got = 0
    for name, streams in after.received.items():
        for ssrc, numbers in streams.items():
            old = before.received[name].get(ssrc, [0] * 6)
            packets, frames, _, duplicates, reordered, recovered = (
                new - past for new, past in zip(numbers, old, strict=True)
            )
            figures.packets_out += packets
            figures.duplicates += duplicates
            figures.reordered += reordered
            figures.recovered += recovered
            got += frames if reencodes else packets - recovered
    figures.delivery = got / wanted if wanted else 0.0
    figures.totals = after.totals
    figures.load_drops = after.drops - before.drops
    figures.load_lag_ms = {name: lag / 1000 for name, lag in after.lag_us.items()}
    latency = after.latency
    figures.latency_samples = latency.total
    if not reencodes:
        figures.latency_ms = {f"p{percent}": latency.percentile_ms(percent) for percent in (50, 95, 99)}
        figures.latency_ms["max"] = latency.longest_us / 1000
    return figures


def _charge(figures: Figures, spent: dict[str, float], took: float) -> None:
    total = sum(spent.values())
    figures.server_load = total / took
    if figures.packets_out:
        figures.cpu_us = total / figures.packets_out * 1e6
        figures.packets_per_cpu_second = figures.packets_out / total if total else None
        figures.cpu_us_by_process = {name: seconds / figures.packets_out * 1e6 for name, seconds in spent.items()}


def _judge_load(figures: Figures) -> None:
    if figures.load_drops:
        figures.remarks.append(
            f"the receivers' sockets dropped {figures.load_drops} packets: not the server's loss"
        )
    if sum(figures.load.values()) > BUSY_LOAD:
        share = sum(figures.load.values())
        figures.remarks.append(f"the load took {share:.0%} of a core: latency may be its own")
    if figures.totals["forged"]:
        figures.remarks.append(f"{figures.totals['forged']} packets were not authentic")
