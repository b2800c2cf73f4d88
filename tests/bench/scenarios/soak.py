"""What thousands of joins and leaves leave behind in our SFU: the memory of each of its processes, step by step.

    python -m tests.bench.scenarios.soak [--joins 10000] [--connected 10] [--json FILE]

Every visitor joins a room in which somebody produces, makes and connects two transports, produces audio and video,
consumes, and leaves. One in `--connected` does ICE and DTLS on both transports and sends some packets; of these,
every other one goes away without a word before it leaves. Memory is read when all visitors of a step have left.
"""

import argparse
import asyncio
import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop

from tests.bench.load.http_calls import HttpCalls, Json
from tests.bench.processes import pss_mib
from tests.bench.scenarios.control_calls import DTLS_PARAMETERS
from tests.bench.servers.base import ServerOptions, pinned
from tests.bench.servers.ortc import CAPABILITIES
from tests.bench.servers.vtp import Vtp, create
from tests.support.media_peer import MediaPeer
from tests.support.rtp_samples import producer_parameters

AT_ONCE = 16
ROOMS = 8
STEPS = 10
WARM_STEPS = 3
"""Steps before which the slope is not counted: caches fill, the heap takes the size that the load needs."""
SETTLE_S = 2.0
"""How long what a leave has begun (DTLS farewells, timers of its transports) may take to end."""
PACKETS = 20
PACKET_BYTES = 1000


@dataclass(frozen=True, slots=True)
class Size:
    """How many joins, and of how many one connects for real."""

    joins: int = 10_000
    connected: int = 10


@dataclass(slots=True)
class Soak:
    """The state of a run: `samples` has (joins so far, MiB by process)."""

    calls: HttpCalls
    size: Size
    residents: list[str] = field(default_factory=list)
    samples: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    async def prepare(self) -> None:
        """Let somebody produce a video in each room."""
        for room in range(ROOMS):
            path = f"/rooms/soak-{room}"
            await self._post(f"{path}/peers", {"peerId": "resident", "userId": "resident"})
            await self._transport(path, "resident", "send", None)
            self.residents.append(await self._produce(path, "resident", "video"))

    async def visit(self) -> None:
        """Join, take part, leave."""
        number = next(self.numbers)
        room = number % ROOMS
        path, peer = f"/rooms/soak-{room}", f"visitor-{number}"
        is_connected = number % self.size.connected == 0
        media = [MediaPeer(), MediaPeer()] if is_connected else [None, None]
        await self._post(f"{path}/peers", {"peerId": peer, "userId": peer})
        await self._transport(path, peer, "send", media[0])
        for kind in ("audio", "video"):
            await self._produce(path, peer, kind)
        if media[0] is not None:
            _send(media[0])
        await self._transport(path, peer, "recv", media[1])
        body = {"peerId": peer, "producerId": self.residents[room], "rtpCapabilities": CAPABILITIES}
        await self._post(f"{path}/consumers", {**body, "paused": False})
        for one in media:
            if one is not None:
                await one.close(politely=number // self.size.connected % 2 == 0)
        await self._post(f"{path}/peers/{peer}/leave", {})

    async def visits(self, count: int) -> None:
        """Let so many visitors come, some at a time."""
        left = itertools.repeat(None, count)

        async def one_after_the_other() -> None:
            for _ in left:
                await self.visit()

        await asyncio.gather(*(one_after_the_other() for _ in range(AT_ONCE)))

    async def _transport(self, path: str, peer: str, direction: str, media: MediaPeer | None) -> None:
        offered = await self._post(f"{path}/transports", {"peerId": peer, "direction": direction})
        parameters = DTLS_PARAMETERS if media is None else media.dtls_parameters
        connect = f"{path}/transports/{offered['transportId']}/connect"
        await self._post(connect, {"dtlsParameters": parameters})
        if media is not None:
            await media.connect(offered)

    async def _produce(self, path: str, peer: str, kind: str) -> str:
        ssrc = 1 if kind == "audio" else 2
        mid = "0" if kind == "audio" else "1"
        parameters = producer_parameters("chromium", kind, encodings=[{"ssrc": ssrc}], mid=mid)
        body = {"peerId": peer, "kind": kind, "rtpParameters": parameters}
        return str((await self._post(f"{path}/producers", body))["id"])

    async def _post(self, path: str, body: Json) -> Json:
        return await self.calls.call("soak", "POST", path, body)


def _send(media: MediaPeer) -> None:
    """Send a few packets of video, as no subscriber is there to see what is in them."""
    for number in range(PACKETS):
        head = bytes([0x80, 96]) + number.to_bytes(2, "big") + bytes(4) + (2).to_bytes(4, "big")
        media.send_rtp(head + bytes([0x10, 0, 0x9D, 1, 0x2A]) + bytes(PACKET_BYTES))


def slopes(samples: Sequence[tuple[int, dict[str, float]]]) -> dict[str, float]:
    """Return the growth of each process in bytes a join: the least-squares line through the samples given."""
    joins = [float(count) for count, _ in samples]
    middle = sum(joins) / len(joins)
    spread = sum((count - middle) ** 2 for count in joins)
    names = samples[-1][1]
    return {
        name: sum((count - middle) * mib[name] for count, mib in samples) * (1 << 20) / spread for name in names
    }


async def measure(server: Vtp, size: Size) -> dict[str, Any]:
    """Soak a server that runs."""
    calls = HttpCalls(*server.api_address, AT_ONCE)
    soak = Soak(calls, size)

    def sample(joins: int) -> None:
        soak.samples.append((joins, {name: pss_mib([pid]) for pid, name in server.pids().items()}))

    began = time.monotonic()
    await soak.prepare()
    sample(0)
    for step in range(STEPS):
        await soak.visits(size.joins // STEPS)
        await asyncio.sleep(SETTLE_S)
        sample(size.joins // STEPS * (step + 1))
    rooms = await calls.call("rooms", "GET", "/rooms")
    calls.close()
    return {
        "joins": size.joins,
        "connected": size.joins // size.connected,
        "seconds": round(time.monotonic() - began, 1),
        "peers_left": rooms["totalPeers"] - ROOMS,
        "samples": [{"joins": joins, "mib": mib} for joins, mib in soak.samples],
        "bytes_a_join": slopes(soak.samples[WARM_STEPS:]),
    }


async def run(size: Size, cores: Sequence[int], log_dir: Path) -> dict[str, Any]:
    """Start our SFU with one worker, and soak it."""
    server = create(ServerOptions(tuple(cores[:-1] or cores), 1, "gcm", log_dir), "")
    await server.start()
    try:
        with pinned(cores[-1:]):
            return {"server": server.name, "version": server.version, **await measure(server, size)}
    finally:
        await server.stop()


def table(result: dict[str, Any]) -> str:
    """Lay a result out for reading."""
    names = list(result["samples"][0]["mib"])
    lines = [f"{result['server']} {result['version']}: {result['joins']} joins, {result['connected']} with media"]
    lines.append("   joins" + "".join(f" {name:>10}" for name in names) + "  MiB")
    lines += [
        f"{sample['joins']:8d}" + "".join(f" {sample['mib'][name]:10.2f}" for name in names)
        for sample in result["samples"]
    ]
    lines.append("  B/join" + "".join(f" {result['bytes_a_join'][name]:10.1f}" for name in names))
    lines.append(f"{result['peers_left']} peers left over, {result['seconds']} s")
    return "\n".join(lines)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--joins", type=int, default=Size().joins)
    parser.add_argument("--connected", type=int, default=Size().connected)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    size = Size(arguments.joins, arguments.connected)
    with tempfile.TemporaryDirectory(prefix="bench-") as logs:
        result = uvloop.run(run(size, sorted(os.sched_getaffinity(0)), Path(logs)))
    sys.stdout.write(table(result) + "\n")
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
