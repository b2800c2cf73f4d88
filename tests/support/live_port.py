"""A media port with real sockets, and what a worker would do with it."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sfu.net.endpoint import Endpoint
from sfu.net.media_port import MediaPort
from sfu.net.tcp_listener import bind_tcp
from sfu.net.udp_socket import bind_udp
from sfu.rtp.mapped_batch import MappedBatch, MappedPacket
from shared.transport_parameters import dump_ice_candidate, dump_ice_parameters
from tests.support.media_peer import MediaPeer


class Listener:
    def __init__(self) -> None:
        self.rtp: list[bytes] = []
        self.rtcp: list[bytes] = []
        self.states: list[tuple[str, str]] = []
        self.rearmed = 0
        self.changed = asyncio.Event()

    def on_rtp(self, packet: memoryview, length: int, now: float) -> None:
        self.rtp.append(bytes(packet[:length]))
        self.changed.set()

    def on_rtcp(self, packet: memoryview, now: float) -> None:
        self.rtcp.append(bytes(packet))
        self.changed.set()

    def on_state(self, ice: str, dtls: str) -> None:
        self.states.append((ice, dtls))
        self.changed.set()

    def on_timeout_sooner(self) -> None:
        self.rearmed += 1

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def media_port(
    listen_ip: str = "127.0.0.1", announced: Sequence[str] = (), consent_timeout: float = 30, *, tcp: bool = False
) -> AsyncIterator[MediaPort]:
    """Run a media port on ports that the system chooses."""
    sock = bind_udp(listen_ip, 0, 0, 0)
    port = MediaPort(
        sock,
        asyncio.get_running_loop(),
        announced_ips=announced or [listen_ip],
        consent_timeout=consent_timeout,
        tcp_sock=bind_tcp(listen_ip, sock.getsockname()[1], 0, 0) if tcp else None,
    )
    port.start(lambda _: None)
    try:
        yield port
    finally:
        port.close()


def link(port: MediaPort) -> tuple[Endpoint, Listener, dict[str, Any]]:
    endpoint, listener = port.create_link(), Listener()
    endpoint.listener = listener
    offered = {
        "iceParameters": dump_ice_parameters(endpoint.ice_parameters),
        "iceCandidates": [dump_ice_candidate(candidate) for candidate in port.ice_candidates],
        "dtlsParameters": {
            "role": "auto",
            "fingerprints": [{"algorithm": "sha-256", "value": port.certificate_fingerprint}],
        },
    }
    return endpoint, listener, offered


def fingerprints(peer: MediaPeer) -> list[tuple[str, str]]:
    return [(entry["algorithm"], entry["value"]) for entry in peer.dtls_parameters["fingerprints"]]


async def connected(
    port: MediaPort, peer: MediaPeer, local_ip: str = "127.0.0.1", protocol: str = "udp"
) -> tuple[Endpoint, Listener]:
    endpoint, listener, offered = link(port)
    await peer.open(offered, local_ip, protocol)
    endpoint.connect("client" if peer.role == "server" else "server", fingerprints(peer))
    await peer.connect(offered)
    await listener.until(lambda: listener.states[-1] == ("completed", "connected"))
    return endpoint, listener


def rtp(sequence: int, size: int = 100, ssrc: int = 1234) -> bytes:
    return struct.pack("!BBHLL", 0x80, 96, sequence, 1000, ssrc) + bytes(size)


def batch(count: int, size: int = 1000) -> MappedBatch:
    extension = bytes(5) + bytes(3) + b"\x42abc"
    head = struct.pack("!BBHLLHH", 0x90, 101, 0, 7, 0, 0xBEDE, len(extension) // 4)
    return MappedBatch(
        [
            MappedPacket(head + extension + bytes([n]) * (size - n), 70_000 + n, 7, size, n == 0)
            for n in range(count)
        ],
        is_video=True,
    )


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - counters have no event
            await asyncio.sleep(0)


async def receives(listener: Listener, peer: MediaPeer, *numbers: int) -> None:
    """Send packets with these sequence numbers and wait until all have arrived."""
    for number in numbers:
        peer.send_rtp(rtp(number))
    wanted = [rtp(number) for number in numbers]
    await listener.until(lambda: all(packet in listener.rtp for packet in wanted))


async def sends(endpoint: Endpoint, peer: MediaPeer) -> Any:
    """Send a report to the peer and return the way that it has come by."""
    seen = len(peer.rtcp)
    assert endpoint.send_rtcp(struct.pack("!BBHL", 0x80, 201, 1, 5))
    await until(lambda: len(peer.rtcp) > seen)
    return peer.heard_by
