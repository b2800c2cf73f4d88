"""Data channels over real sockets, with aiortc's own SCTP as the peer."""

import asyncio
import gc
import struct
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiortc.rtcsctptransport import InitChunk, serialize_packet

from sfu.net.endpoint import Endpoint
from sfu.net.media_port import MediaPort
from sfu.net.sctp import SctpAssociation
from sfu.net.udp_socket import bind_udp
from shared.transport_parameters import dump_ice_candidate, dump_ice_parameters
from tests.support.data_peer import DataPeer, data_peer

TEXT = 51


class Listener:
    def __init__(self) -> None:
        self.messages: list[tuple[int, int, bytes]] = []
        self.states: list[str] = []

    def on_rtp(self, packet: memoryview, length: int, now: float) -> None:
        raise AssertionError("nobody sends media")

    def on_rtcp(self, packet: memoryview, now: float) -> None:
        raise AssertionError("nobody sends media")

    def on_state(self, *_states: object) -> None:
        pass

    def on_message(self, stream_id: int, ppid: int, data: bytes) -> int:
        self.messages.append((stream_id, ppid, data))
        return 1

    def on_data_state(self, state: str) -> None:
        self.states.append(state)


@pytest.fixture
async def port() -> AsyncIterator[MediaPort]:
    sock = bind_udp("127.0.0.1", 0, 0, 0)
    port = MediaPort(sock, asyncio.get_running_loop(), announced_ips=["127.0.0.1"], consent_timeout=30)
    port.start(lambda _: None)
    yield port
    port.close()


def link(port: MediaPort) -> tuple[Endpoint, Listener, dict[str, Any]]:
    endpoint, listener = port.create_link(), Listener()
    endpoint.listener = listener
    endpoint.open_data(1024, 1024).listener = listener
    offered = {
        "iceParameters": dump_ice_parameters(endpoint.ice_parameters),
        "iceCandidates": [dump_ice_candidate(candidate) for candidate in port.ice_candidates],
        "dtlsParameters": {"fingerprints": [{"algorithm": "sha-256", "value": port.certificate_fingerprint}]},
    }
    return endpoint, listener, offered


def connect(endpoint: Endpoint, peer: DataPeer) -> None:
    prints = [(entry["algorithm"], entry["value"]) for entry in peer.dtls_parameters["fingerprints"]]
    endpoint.connect("client" if peer.role == "server" else "server", prints)


@asynccontextmanager
async def connected(port: MediaPort, **options: Any) -> AsyncIterator[tuple[SctpAssociation, Listener, DataPeer]]:
    endpoint, listener, offered = link(port)
    async with data_peer(**options) as peer:
        connect(endpoint, peer)
        await peer.connect(offered)
        await peer.connected()
        assert endpoint.data is not None
        await peer.until(lambda: listener.states[-1] == "connected")
        yield endpoint.data, listener, peer
    endpoint.close()


def send(association: SctpAssociation, stream_id: int, text: str, **how: Any) -> bool:
    reliable = {"ordered": True, "lifetime_ms": None, "max_retransmits": None}
    return association.send(stream_id, TEXT, text.encode(), **{**reliable, **how})


@pytest.mark.parametrize("role", ["client", "server"])
@pytest.mark.parametrize("loss", [0.0, 0.1])
async def test_everything_reliable_arrives_in_order_both_ways(port: MediaPort, role: str, loss: float) -> None:
    async with connected(port, role=role, loss=loss) as (association, listener, peer):
        channel = peer.channel(7)
        texts = [f"{number}" * (1 + 400 * number) for number in range(40)]
        for text in texts:
            channel.channel.send(text)
            assert send(association, 7, text)
        await peer.until(lambda: len(listener.messages) == len(channel.messages) == len(texts))
        assert [data.decode() for _, _, data in listener.messages] == texts
        assert channel.messages == texts
        assert not port.drops


async def test_unreliable_messages_get_lost_and_hold_up_nobody(port: MediaPort) -> None:
    async with connected(port, loss=0.3, seed=5) as (association, _, peer):
        loose, strict = peer.channel(1, ordered=False, maxRetransmits=0), peer.channel(2)
        for number in range(60):
            send(association, 1, f"{number}", ordered=False, max_retransmits=0)
        send(association, 2, "last")
        await peer.until(lambda: strict.messages == ["last"] and not association.buffered(1))
        peer.loss = 0.0
        send(association, 1, "end", ordered=False, max_retransmits=3)
        await peer.until(lambda: loose.messages[-1:] == ["end"])
        assert 10 < len(loose.messages) < 61
        assert len(set(loose.messages)) == len(loose.messages)


async def test_garbage_in_place_of_sctp_harms_nobody(port: MediaPort) -> None:
    async with connected(port) as (association, listener, peer):
        for packet in (b"x", bytes(12), bytes(1000), struct.pack("!HHLL", 5000, 5000, 1, 2) + bytes(20)):
            await peer.send_packet(packet)
        init = InitChunk()
        init.initiate_tag, init.initial_tsn = 5, 5
        for tag, destination in ((0, 5000), (9, 5000), (0, 9)):
            await peer.send_packet(serialize_packet(5000, destination, tag, init))
        peer.channel(3).channel.send("still here")
        await peer.until(lambda: listener.messages == [(3, TEXT, b"still here")])
        assert port.drops["sctp_malformed"] == 4
        assert port.drops["sctp_not_expected"] == 2
        assert association.state.value == "connected"


async def test_many_records_in_one_datagram_are_all_read(port: MediaPort) -> None:
    async with connected(port) as (_, listener, peer):
        channel = peer.channel(3)
        held: list[bytes] = []
        pass_on: Callable[[bytes], None] = peer.send_raw
        peer._records._send_now = held.append
        for number in range(3):
            channel.channel.send(f"{number}")
        await peer.until(lambda: len(held) == 3)
        peer._records._send_now = pass_on
        pass_on(b"".join(held))
        await peer.until(lambda: len(listener.messages) == 3)


async def test_a_flood_is_limited_and_what_is_reliable_arrives_all_the_same(port: MediaPort) -> None:
    async with connected(port) as (_, listener, peer):
        channel = peer.channel(3)
        for number in range(2000):
            channel.channel.send(f"{number}")
        await peer.until(lambda: len(listener.messages) == 2000)
        assert [int(data) for _, _, data in listener.messages] == list(range(2000))


@pytest.mark.parametrize("when", ["before", "during", "after"])
async def test_a_closed_transport_is_freed_at_once(port: MediaPort, when: str) -> None:
    gc.collect()
    gc.disable()
    try:
        endpoint, listener, offered = link(port)
        gone = [weakref.ref(endpoint), weakref.ref(endpoint.data), weakref.ref(endpoint.data._core)]  # type: ignore[union-attr, arg-type]
        async with data_peer() as peer:
            connect(endpoint, peer)
            await peer.open(offered)
            if when == "during":
                await peer.check()
                peer.send_raw(b"\x16\xfe\xfd" + bytes(100))
            elif when == "after":
                await peer.connect(offered)
                await peer.connected()
                peer.channel(1).channel.send(bytes(200_000))
                send(endpoint.data, 1, "x" * 200_000)  # type: ignore[arg-type]
                await peer.until(lambda: "connected" in listener.states)
            endpoint.close()
            assert listener.states[-1] == "closed"
            del endpoint
            await peer.until(lambda: all(one() is None for one in gone))
    finally:
        gc.enable()
