"""What thousands of joins and leaves leave behind in our SFU: the memory of each of its processes, step by step.

    python -m tests.bench.scenarios.soak [--joins 10000] [--connected 10] [--json FILE]

Every visitor joins a room in which somebody sends, makes and connects two transports, produces audio and video,
consumes, and leaves. One in `--connected` does ICE and DTLS on both transports, sends some packets and receives
some; of these, every other one goes away without a word before it leaves. The rooms live all the time. Memory is
read when all visitors of a step have left.
"""

import argparse
import asyncio
import itertools
import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import uvloop

from tests.bench import termination
from tests.bench.load.http_calls import HttpCalls, Json
from tests.bench.scenarios.apart import measured
from tests.bench.scenarios.control_calls import DTLS_PARAMETERS
from tests.bench.scenarios.memory_samples import STEPS, MemorySamples, table
from tests.bench.servers.ortc import CAPABILITIES
from tests.bench.servers.vtp import Vtp
from tests.support.media_peer import MediaPeer
from tests.support.rtp_packets import build_rtp
from tests.support.rtp_samples import producer_parameters

AT_ONCE = 16
ROOMS = 8
SETTLE_S = 2.0
"""How long what a leave has begun (DTLS farewells, timers of its transports) may take to end."""
PACKETS = 20
"""What a connected visitor sends."""
RECEIVED = 3
"""What it waits for, for as many seconds at most as follow."""
RECEIVED_WITHIN_S = 15.0
RESIDENT_SENDS_EVERY_S = 0.05
KEY_FRAME = bytes([0x10, 0, 0x9D, 1, 0x2A]) + bytes(1000)
VIDEO_SSRC = 2


@dataclass(frozen=True, slots=True)
class Size:
    """How many joins, and of how many one connects for real."""

    joins: int = 10_000
    connected: int = 10


@dataclass(slots=True)
class Soak:
    """The state of a run: the producer of each room's resident by room, and those who send."""

    calls: HttpCalls
    size: Size
    residents: list[str] = field(default_factory=list)
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _peers: list[MediaPeer] = field(default_factory=list)
    _sending: "asyncio.Task[None] | None" = None

    async def prepare(self) -> None:
        """Let somebody send a video in each room."""
        for room in range(ROOMS):
            path = f"/rooms/soak-{room}"
            await self._post(f"{path}/peers", {"peerId": "resident", "userId": "resident"})
            self._peers.append(MediaPeer())
            await self._transport(path, "resident", "send", self._peers[-1])
            self.residents.append(await self._produce(path, "resident", "video"))
        self._sending = asyncio.create_task(self._send())

    async def close(self) -> None:
        """Let the residents go."""
        if self._sending is not None:
            self._sending.cancel()
        for peer in self._peers:
            await peer.close()

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
            for packet in range(PACKETS):
                media[0].send_rtp(_video(packet))
        await self._transport(path, peer, "recv", media[1])
        body = {"peerId": peer, "producerId": self.residents[room], "rtpCapabilities": CAPABILITIES}
        await self._post(f"{path}/consumers", {**body, "paused": False})
        if media[1] is not None:
            await _receives(media[1])
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

    async def _send(self) -> None:
        for number in itertools.count():
            for peer in self._peers:
                peer.send_rtp(_video(number))
            await asyncio.sleep(RESIDENT_SENDS_EVERY_S)

    async def _transport(self, path: str, peer: str, direction: str, media: MediaPeer | None) -> None:
        offered = await self._post(f"{path}/transports", {"peerId": peer, "direction": direction})
        parameters = DTLS_PARAMETERS if media is None else media.dtls_parameters
        connect = f"{path}/transports/{offered['transportId']}/connect"
        await self._post(connect, {"dtlsParameters": parameters})
        if media is not None:
            await media.connect(offered)

    async def _produce(self, path: str, peer: str, kind: str) -> str:
        ssrc = 1 if kind == "audio" else VIDEO_SSRC
        mid = "0" if kind == "audio" else "1"
        parameters = producer_parameters("chromium", kind, encodings=[{"ssrc": ssrc}], mid=mid)
        body = {"peerId": peer, "kind": kind, "rtpParameters": parameters}
        return str((await self._post(f"{path}/producers", body))["id"])

    async def _post(self, path: str, body: Json) -> Json:
        return await self.calls.call("soak", "POST", path, body)


def _video(number: int) -> bytes:
    """Build a frame that can be decoded by itself, so that whoever comes receives from the next one on."""
    return build_rtp(
        payload=KEY_FRAME,
        marker=True,
        sequence_number=number & 0xFFFF,
        timestamp=number * 4500 & 0xFFFFFFFF,
        ssrc=VIDEO_SSRC,
    )


async def _receives(media: MediaPeer) -> None:
    """Wait for some packets. Raises: TimeoutError."""
    left = itertools.count(RECEIVED - 1, -1)
    arrived = asyncio.Event()
    media.on_rtp = lambda _: None if next(left) else arrived.set()
    async with asyncio.timeout(RECEIVED_WITHIN_S):
        await arrived.wait()


async def measure(server: Vtp, size: Size) -> dict[str, Any]:
    """Soak a server that runs."""
    calls = HttpCalls(*server.api_address, AT_ONCE)
    soak, memory = Soak(calls, size), MemorySamples()
    processes = {name: [pid] for pid, name in server.pids().items()}
    began = time.monotonic()
    await soak.prepare()
    memory.take(0, processes)
    for step in range(1, STEPS + 1):
        await soak.visits(size.joins // STEPS)
        await asyncio.sleep(SETTLE_S)
        memory.take(size.joins // STEPS * step, processes)
    rooms = await calls.call("rooms", "GET", "/rooms")
    await soak.close()
    calls.close()
    return {
        "joins": size.joins,
        "connected": size.joins // size.connected,
        "seconds": round(time.monotonic() - began, 1),
        "peers_left": rooms["totalPeers"] - ROOMS,
        **memory.render(),
    }


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--joins", type=int, default=Size().joins)
    parser.add_argument("--connected", type=int, default=Size().connected)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    size = Size(arguments.joins, arguments.connected)
    with tempfile.TemporaryDirectory(prefix="bench-") as logs:
        result = termination.run(
            measured(partial(measure, size=size), sorted(os.sched_getaffinity(0)), Path(logs)),
            uvloop.new_event_loop,
        )
    head = f"{result['server']} {result['version']}: {result['joins']} joins, {result['connected']} with media"
    tail = f"{result['peers_left']} peers left over, {result['seconds']} s"
    sys.stdout.write(f"{head}\n{table(result)}\n{tail}\n")
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
