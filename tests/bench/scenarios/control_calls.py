"""How long our SFU's control calls take with a hundred rooms of five: all at once, and in a steady trickle.

    python -m tests.bench.scenarios.control_calls [--rooms 100] [--peers 5] [--seconds 25] [--rate 100]

First the rooms fill, as many calls at a time as there are rooms: every peer joins, makes and connects two
transports, produces audio and video and consumes all that the others produce. Then, with everything in place, one
peer after another leaves and comes back, at a fixed rate of calls, whatever their answers take.
"""

import argparse
import asyncio
import itertools
import json
import math
import os
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import uvloop

from tests.bench import termination
from tests.bench.load.http_calls import HttpCalls, Json
from tests.bench.scenarios.apart import measured
from tests.bench.servers.ortc import CAPABILITIES
from tests.bench.servers.vtp import Vtp
from tests.support.rtp_samples import producer_parameters

FINGERPRINT = {"algorithm": "sha-256", "value": ":".join(["AB"] * 32)}
DTLS_PARAMETERS = {"role": "client", "fingerprints": [FINGERPRINT]}
"""These calls end where media would begin, so nobody checks the certificate."""
TRICKLE_CONNECTIONS = 16
CONSUMED_WHEN_BACK = 4
PERCENTILES = (50, 95, 99, 100)

Call = Callable[..., Awaitable[Json]]


@dataclass(frozen=True, slots=True)
class Size:
    """How many rooms of how many peers, and the trickle's length and calls a second."""

    rooms: int = 100
    peers: int = 5
    seconds: float = 25.0
    rate: float = 100.0


class Classroom:
    """A room and what its peers produce."""

    def __init__(self, call: Call, name: str) -> None:
        self._call = call
        self._name = name
        self._path = f"/rooms/{name}"
        self._ssrcs = itertools.count(1000, 10)
        self.producers: dict[str, list[str]] = {}

    async def enter(self, peer: str) -> None:
        """Join, connect both transports, produce."""
        await self._post("join", "/peers", {"peerId": peer, "userId": peer})
        for direction in ("send", "recv"):
            body = {"peerId": peer, "direction": direction}
            transport = (await self._post("transport", "/transports", body))["transportId"]
            path = f"/transports/{transport}/connect"
            await self._post("connect", path, {"dtlsParameters": DTLS_PARAMETERS})
        self.producers[peer] = [await self._produce(peer, kind) for kind in ("audio", "video")]

    async def consume(self, peer: str, at_most: int | None = None) -> None:
        """Consume what the others produce."""
        others = [ids for owner, ids in self.producers.items() if owner != peer]
        for producer in list(itertools.chain(*others))[:at_most]:
            body = {"peerId": peer, "producerId": producer, "rtpCapabilities": CAPABILITIES, "paused": True}
            await self._post("consumer", "/consumers", body)

    async def leave(self, peer: str) -> None:
        """Leave with everything."""
        del self.producers[peer]
        await self._post("leave", f"/peers/{peer}/leave", {})

    async def _produce(self, peer: str, kind: str) -> str:
        encodings = [{"ssrc": next(self._ssrcs)}]
        parameters = producer_parameters(
            "chromium", kind, encodings=encodings, mid="0" if kind == "audio" else "1"
        )
        body = {"peerId": peer, "kind": kind, "rtpParameters": parameters}
        return str((await self._post("producer", "/producers", body))["id"])

    async def _post(self, name: str, path: str, body: Json) -> Json:
        return await self._call(name, "POST", self._path + path, body)


class Trickle:
    """Calls that begin at a fixed rate: each takes the next turn when the one before it has been answered."""

    def __init__(self, calls: HttpCalls, rate: float, seconds: float) -> None:
        self._calls = calls
        self._turns = itertools.count()
        self._interval = 1 / rate
        self._began = time.perf_counter()
        self._ends = self._began + seconds

    @property
    def is_over(self) -> bool:
        """True when the time is up."""
        return time.perf_counter() >= self._ends

    async def call(self, name: str, method: str, path: str, body: Json | None = None) -> Json:
        """Wait for the next turn and call."""
        due = self._began + next(self._turns) * self._interval
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        return await self._calls.call(name, method, path, body)


async def fill(calls: HttpCalls, size: Size) -> None:
    """Fill all rooms at the same time."""

    async def one(number: int) -> None:
        room = Classroom(calls.call, f"room-{number}")
        names = [f"peer-{number}-{n}" for n in range(size.peers)]
        for name in names:
            await room.enter(name)
        for name in names:
            await room.consume(name)

    await asyncio.gather(*(one(number) for number in range(size.rooms)))


async def trickle(calls: HttpCalls, size: Size) -> None:
    """Let peers of the filled rooms leave and come back under new names, a few of them at any moment."""
    pace = Trickle(calls, size.rate, size.seconds)
    numbers = itertools.count()

    async def visitors() -> None:
        while not pace.is_over:
            number = next(numbers)
            room = Classroom(pace.call, f"room-{number % size.rooms}")
            await pace.call("health", "GET", "/health")
            await pace.call("room list", "GET", "/rooms")
            detail = await pace.call("room", "GET", f"/rooms/room-{number % size.rooms}?detail=1")
            leaver = random.choice(detail["peers"])["peerId"]  # noqa: S311 - picks who leaves
            room.producers = {one["peerId"]: [held["id"] for held in one["producers"]] for one in detail["peers"]}
            await room.leave(leaver)
            await room.enter(f"visitor-{number}")
            await room.consume(f"visitor-{number}", CONSUMED_WHEN_BACK)

    await asyncio.gather(*(visitors() for _ in range(4)))


def summary(times: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """Sum each call's times up in milliseconds."""
    return {
        name: {"calls": len(values)} | {_label(percent): percentile_ms(values, percent) for percent in PERCENTILES}
        for name, values in times.items()
    }


def percentile_ms(seconds: Sequence[float], percent: float) -> float:
    """Return a percentile by nearest rank, in milliseconds."""
    ranked = sorted(seconds)
    return round(1000 * ranked[max(0, math.ceil(len(ranked) * percent / 100) - 1)], 2)


def _label(percent: int) -> str:
    return "max_ms" if percent == 100 else f"p{percent}_ms"


async def measure(server: Vtp, size: Size) -> dict[str, Any]:
    """Run both parts against a server that runs."""
    host, port = server.api_address
    calls = HttpCalls(host, port, size.rooms)
    began, cpu = time.perf_counter(), time.process_time()
    await fill(calls, size)
    took = time.perf_counter() - began
    at_once = calls.take_times()
    cpu = (time.process_time() - cpu) / took
    calls.close()
    calls = HttpCalls(host, port, TRICKLE_CONNECTIONS)
    await trickle(calls, size)
    calls.close()
    total = sum(map(len, at_once.values()))
    return {
        "size": {"rooms": size.rooms, "peers": size.peers, "rate": size.rate},
        "at_once": summary(at_once),
        "at_once_calls_per_s": round(total / took, 1),
        "at_once_client_cpu": round(cpu, 3),
        "trickle": summary(calls.times),
    }


def table(result: dict[str, Any]) -> str:
    """Lay a result out for reading."""
    lines = [f"{result['server']} {result['version']}"]
    for part in ("at_once", "trickle"):
        lines.append(f"{part:<10} {'calls':>6} {'p50':>8} {'p95':>8} {'p99':>8} {'max':>8}  ms")
        for name, row in result[part].items():
            values = "".join(f" {row[_label(percent)]:8.2f}" for percent in PERCENTILES)
            lines.append(f"  {name:<8} {row['calls']:6d}{values}")
    lines.append(f"at once {result['at_once_calls_per_s']} calls/s, client at {result['at_once_client_cpu']:.0%}")
    return "\n".join(lines)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    default = Size()
    parser.add_argument("--rooms", type=int, default=default.rooms)
    parser.add_argument("--peers", type=int, default=default.peers)
    parser.add_argument("--seconds", type=float, default=default.seconds)
    parser.add_argument("--rate", type=float, default=default.rate)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    size = Size(arguments.rooms, arguments.peers, arguments.seconds, arguments.rate)
    with tempfile.TemporaryDirectory(prefix="bench-") as logs:
        result = termination.run(
            measured(partial(measure, size=size), sorted(os.sched_getaffinity(0)), Path(logs)),
            uvloop.new_event_loop,
        )
    sys.stdout.write(table(result) + "\n")
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
