"""What forwarding one publisher's video to many subscribers costs, measured on a real SFU over loopback.

    python -m tests.bench.one_to_many [--subscribers 50] [--seconds 10] [--frames 30] [--packets 6]

The publisher sends frames of equal packets (by default 1.5 Mbit/s at 30 fps) through ICE, DTLS and SRTP; the
subscribers do the same handshake, then count what arrives without decrypting it. Reported: CPU time of the workers
for each forwarded packet, delivery, and latency from the publisher's send to the subscriber's receive.
"""

import argparse
import asyncio
import json
import struct
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.media_peer import MediaPeer
from tests.support.rtp_samples import producer_parameters, receiver_capabilities
from tests.support.services import Platform, fresh_data_dir

SSRC = 4711
VP8_KEY_FRAME = bytes([0x10, 0x00, 0x9D, 0x01, 0x2A])
VP8_DELTA = bytes([0x00, 0x01])


@dataclass
class Load:
    """What is sent."""

    subscribers: int
    seconds: float
    frames: int
    packets: int
    size: int = 1040


@dataclass
class Count:
    """What one subscriber got."""

    packets: int = 0
    latencies: list[float] = field(default_factory=list)


class Subscriber(MediaPeer):
    """Counts media instead of decrypting it."""

    def __init__(self, frame_sent_at: list[float]) -> None:
        super().__init__()
        self.count = Count()
        self._frame_sent_at = frame_sent_at

    def receive_srtp(self, data: bytes) -> None:
        """Count an RTP packet."""
        if not 192 <= data[1] <= 223:
            self.count.packets += 1
            self.count.latencies.append(time.perf_counter() - self._frame_sent_at[-1])


async def call(session: aiohttp.ClientSession, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """POST to the SFU."""
    async with session.post(path, json=body) as response:
        answer: dict[str, Any] = await response.json()
        assert response.status == 200, answer
        return answer


async def connected(session: aiohttp.ClientSession, peer_id: str, direction: str, peer: MediaPeer) -> str:
    """Join, make a transport and connect it; returns its id."""
    await call(session, "/rooms/bench/peers", {"peerId": peer_id, "userId": peer_id})
    offered = await call(session, "/rooms/bench/transports", {"peerId": peer_id, "direction": direction})
    await peer.open(offered)
    path = f"/rooms/bench/transports/{offered['transportId']}/connect"
    await call(session, path, {"dtlsParameters": peer.dtls_parameters})
    await peer.connect(offered)
    transport_id: str = offered["transportId"]
    return transport_id


async def publish(peer: MediaPeer, load: Load, frame_sent_at: list[float]) -> int:
    """Send frames at an even pace; returns the number of packets."""
    sequence, began = 0, time.perf_counter()
    total = int(load.seconds * load.frames)
    for frame in range(total):
        due = began + frame / load.frames
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        frame_sent_at.append(time.perf_counter())
        for n in range(load.packets):
            head = VP8_KEY_FRAME if frame % (10 * load.frames) == 0 and n == 0 else VP8_DELTA
            packet = struct.pack(
                "!BBHLL", 0x80, 96 | (n == load.packets - 1) << 7, sequence & 0xFFFF, frame * 3000, SSRC
            )
            peer.send_rtp(packet + head + bytes(load.size - len(head)))
            sequence += 1
    await asyncio.sleep(0.5)
    return sequence


def cpu_seconds(pids: list[int]) -> float:
    """Sum user and system time of processes from /proc."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / 100


def children(pid: int) -> list[int]:
    """List the processes that a process has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def run(url: str, pids: list[int], load: Load) -> dict[str, Any]:
    """Set the room up, send, and sum up."""
    sent_at = [0.0]
    async with aiohttp.ClientSession(url) as session:
        publisher = MediaPeer()
        await connected(session, "publisher", "send", publisher)
        parameters = producer_parameters("chromium", "video", encodings=[{"ssrc": SSRC}], mid="0")
        producer = await call(
            session,
            "/rooms/bench/producers",
            {"peerId": "publisher", "kind": "video", "rtpParameters": parameters},
        )
        subscribers = [Subscriber(sent_at) for _ in range(load.subscribers)]
        for n, subscriber in enumerate(subscribers):
            await connected(session, f"subscriber-{n}", "recv", subscriber)
            body = {
                "peerId": f"subscriber-{n}",
                "producerId": producer["id"],
                "rtpCapabilities": receiver_capabilities("chromium"),
                "paused": False,
            }
            await call(session, "/rooms/bench/consumers", body)
        before = cpu_seconds(pids)
        sent = await publish(publisher, load, sent_at)
        spent = cpu_seconds(pids) - before
        for peer in (publisher, *subscribers):
            await peer.close()
        await call(session, "/rooms/bench/peers", {"peerId": "last", "userId": "last"})
        await session.delete("/rooms/bench")
    return summary(load, sent, spent, [subscriber.count for subscriber in subscribers])


def summary(load: Load, sent: int, spent: float, counts: list[Count]) -> dict[str, Any]:
    """Make the figures."""
    forwarded = sum(count.packets for count in counts)
    latencies = sorted(latency * 1000 for count in counts for latency in count.latencies)
    return {
        "subscribers": load.subscribers,
        "packetsIn": sent,
        "packetsOut": forwarded,
        "delivery": round(forwarded / (sent * load.subscribers), 5),
        "cpuMicrosecondsPerPacket": round(spent / forwarded * 1e6, 2) if forwarded else None,
        "latencyMs": {
            f"p{share}": round(latencies[int(len(latencies) * share / 100)], 2) for share in (50, 95, 99)
        }
        if latencies
        else {},
    }


async def main() -> None:
    """Read the arguments, start an SFU, measure it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--packets", type=int, default=6)
    options = parser.parse_args()
    load = Load(options.subscribers, options.seconds, options.frames, options.packets)
    with fresh_data_dir() as data_dir:
        sfu = Platform(data_dir, {"SFU_WORKERS": "1"}).sfu
        sfu.start()
        try:
            figures = await run(sfu.url, children(sfu.pid), load)
        finally:
            sfu.stop()
    print(json.dumps(figures, indent=2))  # noqa: T201 - a command's output


if __name__ == "__main__":
    asyncio.run(main())
