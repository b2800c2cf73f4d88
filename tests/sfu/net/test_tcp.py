"""ICE-TCP over real sockets (RFC 6544, RFC 4571): calls, lost connections and hostile ones."""

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from sfu.net.media_port import MediaPort
from sfu.net.tcp_listener import (
    MAX_UNPROVEN,
    MAX_UNPROVEN_BYTES,
    MAX_UNPROVEN_PER_HOST,
    TcpListener,
    bind_tcp,
)
from sfu.rtp.mapped_batch import StreamNumbers, mid_element
from tests.support.live_port import batch, connected, media_port, receives, rtp, sends, until
from tests.support.media_paths import TcpPath
from tests.support.media_peer import media_peer

NUMBERS = StreamNumbers(777, 0, 0, mid_element("3", 1), 0x51)


@pytest.fixture
async def port() -> AsyncIterator[MediaPort]:
    async with media_port(tcp=True) as port:
        yield port


def listener_of(port: MediaPort) -> TcpListener:
    assert port._tcp is not None
    return port._tcp


@contextlib.contextmanager
def raw_connection(port: MediaPort) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", listener_of(port).port)) as sock:
        sock.setblocking(False)
        yield sock


async def is_closed(sock: socket.socket) -> None:
    async with asyncio.timeout(10):
        with contextlib.suppress(ConnectionResetError):
            while await asyncio.get_running_loop().sock_recv(sock, 4096):
                pass


async def test_a_call_over_tcp_alone(port: MediaPort) -> None:
    async with media_peer() as peer:
        endpoint, listener = await connected(port, peer, protocol="tcp")
        way = endpoint.selected_tuple
        assert way is not None
        assert (way.protocol, way.local_port) == ("tcp", listener_of(port).port)
        assert (way.remote_ip, way.remote_port) == peer.path.local
        await receives(listener, peer, *range(300))
        received: asyncio.Queue[bytes] = asyncio.Queue()
        peer.on_rtp = received.put_nowait
        whole, packets = batch(6), []
        for n in range(50):
            assert endpoint.send_batch(whole, NUMBERS._replace(sequence_offset=6 * n))
            packets += [await asyncio.wait_for(received.get(), 5) for _ in range(6)]
        assert [int.from_bytes(packet[22:24], "big") for packet in packets] == list(range(300))
        assert await sends(endpoint, peer) is peer.path


async def test_both_protocols_have_one_port_number_and_tcp_comes_second(port: MediaPort) -> None:
    udp, tcp = port.ice_candidates
    assert (udp.protocol, tcp.protocol, tcp.tcp_type) == ("udp", "tcp", "passive")
    assert udp.port == tcp.port == port.port
    assert udp.priority > tcp.priority
    assert udp.foundation != tcp.foundation


async def test_a_taken_number_gives_way_to_the_next_free_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        assert bind_tcp("127.0.0.1", number, number, number) is None
        with contextlib.closing(bind_tcp("127.0.0.1", number, 0, 0) or taken) as other:
            assert other.getsockname()[1] != number


async def test_bytes_may_come_one_by_one_and_all_at_once(port: MediaPort) -> None:
    async with media_peer() as peer:
        _, listener = await connected(port, peer, protocol="tcp")
        peer.stop_checking()
        path = peer.path
        assert isinstance(path, TcpPath)
        packets = [peer._dtls._tx_srtp.protect(rtp(n)) for n in range(150)]
        for byte in b"".join(struct.pack("!H", len(packet)) + packet for packet in packets[:3]):
            path.send_raw(bytes([byte]))
            await asyncio.sleep(0)
        path.send_raw(b"\0\0".join(struct.pack("!H", len(packet)) + packet for packet in packets[3:]))
        await listener.until(lambda: len(listener.rtp) == 150)
        assert listener.rtp == [rtp(n) for n in range(150)]


async def test_a_lost_connection_falls_back_to_another_proven_address(port: MediaPort) -> None:
    async with media_peer() as peer:
        endpoint, listener = await connected(port, peer)
        peer.stop_checking()
        udp = peer.path
        tcp = await peer.move(protocol="tcp")
        await peer.check()
        assert await sends(endpoint, peer) is tcp
        assert isinstance(tcp, TcpPath)
        tcp.abort()
        await until(lambda: endpoint.selected_tuple is not None and endpoint.selected_tuple.protocol == "udp")
        peer.send_by(udp)
        assert await sends(endpoint, peer) is udp
        await receives(listener, peer, 1)
        assert listener.states[-1] == ("completed", "connected")
        assert listener_of(port).connections == 0


async def test_without_another_address_it_is_disconnected_until_a_new_connection(port: MediaPort) -> None:
    async with media_peer() as peer:
        endpoint, listener = await connected(port, peer, protocol="tcp")
        peer.stop_checking()
        peer.path.close()
        await listener.until(lambda: listener.states[-1] == ("disconnected", "connected"))
        assert not endpoint.ready
        path = await peer.move(protocol="tcp")
        await peer.check()
        assert listener.states[-1] == ("completed", "connected")
        assert await sends(endpoint, peer) is path
        await receives(listener, peer, 1)


async def test_a_closed_transport_closes_its_connection_after_the_farewell(port: MediaPort) -> None:
    async with media_peer() as peer:
        endpoint, _ = await connected(port, peer, protocol="tcp")
        path = peer.path
        assert isinstance(path, TcpPath)
        endpoint.close()
        await asyncio.wait_for(path.closed.wait(), 10)
        async with asyncio.timeout(10):
            while peer._dtls.state != "closed":  # noqa: ASYNC110 - aiortc reads in a task of its own
                await asyncio.sleep(0)
        assert listener_of(port).connections == 0
        assert port._by_address == {}


async def test_a_connection_is_nobody_elses(port: MediaPort) -> None:
    """Media from the same host and port by UDP, or by another connection, is a stranger's."""
    async with media_peer() as peer:
        endpoint, listener = await connected(port, peer, protocol="tcp")
        peer.stop_checking()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, raw_connection(port) as tcp:
            udp.bind(peer.path.local)
            report = struct.pack("!BBHL", 0x80, 201, 1, 5)
            udp.sendto(report, ("127.0.0.1", port.port))
            tcp.send(struct.pack("!H", len(report)) + report)
            await until(lambda: port.drops["unknown_address"] == 2)
        assert listener.rtcp == []
        assert await sends(endpoint, peer) is peer.path


# --- hostile connections ---


async def test_garbage_half_frames_and_long_ones_hurt_nobody(port: MediaPort) -> None:
    rng = random.Random(5)  # noqa: S311 - not for secrets
    async with media_peer() as peer:
        endpoint, listener = await connected(port, peer, protocol="tcp")
        with contextlib.ExitStack() as stack:
            for first in (b"\xff\xff", b"\x08\x00", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00"):
                sock = stack.enter_context(raw_connection(port))
                sock.send(first + rng.randbytes(100))
                await is_closed(sock)
            assert port.drops["tcp_bad_frame"] == 4
            half = stack.enter_context(raw_connection(port))
            half.send(b"\x04")
            for size in (1, 19, 20, 100, 1400):
                sock = stack.enter_context(raw_connection(port))
                sock.send(struct.pack("!H", size) + rng.randbytes(size))
            await receives(listener, peer, 1)
            assert await sends(endpoint, peer) is peer.path


async def test_garbage_on_a_proven_connection_is_dropped_and_a_long_frame_ends_it(port: MediaPort) -> None:
    async with media_peer() as peer:
        endpoint, listener = await connected(port, peer, protocol="tcp")
        peer.stop_checking()
        for first in (0, 1, 22, 63, 128, 144, 191, 200):
            for size in (1, 11, 12, 100, 2047):
                peer.send_raw(bytes([first]) + bytes(size - 1))
        await receives(listener, peer, 1)
        assert await sends(endpoint, peer) is peer.path
        peer.send_raw(bytes(2048))
        await listener.until(lambda: listener.states[-1][0] == "disconnected")
        assert port.drops["tcp_bad_frame"] == 1


async def test_who_proves_nothing_in_time_is_closed(port: MediaPort, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sfu.net.tcp_listener.PROVE_WITHIN_S", 0.05)
    async with media_peer() as peer:
        endpoint, _ = await connected(port, peer, protocol="tcp")
        with raw_connection(port) as silent, raw_connection(port) as slow:
            slow.send(b"\0")
            await is_closed(silent)
            await is_closed(slow)
        assert port.drops["tcp_unproven"] == 2
        assert listener_of(port)._unproven_by_host == {}
        assert await sends(endpoint, peer) is peer.path, "who has proved it stays"


async def test_who_talks_much_and_proves_nothing_is_closed(port: MediaPort) -> None:
    with raw_connection(port) as sock:
        frame = struct.pack("!H", 100) + bytes([22]) + bytes(99)
        await asyncio.get_running_loop().sock_sendall(sock, frame * (MAX_UNPROVEN_BYTES // 100 + 1))
        await is_closed(sock)
    assert port.drops["tcp_unproven"] == 1


async def test_thousands_of_connects_are_bounded_and_shut_nobody_out(port: MediaPort) -> None:
    listener = listener_of(port)
    async with media_peer() as before, media_peer() as after:
        endpoint, _ = await connected(port, before, protocol="tcp")
        most = 0
        with contextlib.ExitStack() as stack:
            for n in range(2000):
                sock = stack.enter_context(socket.socket())
                sock.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    sock.connect(("127.0.0.1", listener.port))
                await asyncio.sleep(0)
                most = max(most, len(listener._unproven))
                if n % 500 == 499:
                    stack.pop_all().close()
            await connected(port, after, protocol="tcp")
        assert most <= MAX_UNPROVEN_PER_HOST < MAX_UNPROVEN
        assert port.drops["tcp_too_many"] > 0
        assert await sends(endpoint, before) is before.path


async def test_from_many_hosts_the_oldest_unproven_goes(port: MediaPort, monkeypatch: pytest.MonkeyPatch) -> None:
    names = iter(range(10_000))
    monkeypatch.setattr("sfu.net.tcp_listener._network", lambda _host: str(next(names)))
    monkeypatch.setattr("sfu.net.tcp_listener.MAX_UNPROVEN", 5)
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(raw_connection(port))
        for _ in range(9):
            stack.enter_context(raw_connection(port))
        await is_closed(first)
        await until(lambda: port.drops["tcp_too_many"] == 5)
        assert listener_of(port).connections == 5


async def test_proven_connections_are_bounded_too(port: MediaPort, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sfu.net.tcp_listener.MAX_CONNECTIONS", 1)
    async with media_peer() as peer:
        endpoint, _ = await connected(port, peer, protocol="tcp")
        with raw_connection(port) as sock:
            await is_closed(sock)
        assert port.drops["tcp_too_many"] == 1
        assert await sends(endpoint, peer) is peer.path


async def test_running_out_of_files_pauses_and_ends(port: MediaPort, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sfu.net.tcp_listener.PAUSE_S", 0.01)
    listener = listener_of(port)
    real = listener._sock

    class Exhausted:
        def accept(self) -> Any:
            raise OSError(24, "too many open files")

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

    listener._sock = Exhausted()  # type: ignore[assignment]
    with raw_connection(port):
        await until(lambda: port.drops["tcp_accept_failed"] >= 2)
        listener._sock = real
        await until(lambda: listener.connections == 1)


async def test_a_peer_that_does_not_read_loses_video_first_and_then_its_connection(port: MediaPort) -> None:
    async with media_peer() as slow, media_peer() as other:
        endpoint, listener = await connected(port, slow, protocol="tcp")
        _, others = await connected(port, other)
        slow.stop_checking()
        path = slow.path
        assert isinstance(path, TcpPath)
        path.stop_reading()
        connection = endpoint.ice.selected
        whole = batch(60)
        await _until_sent(
            lambda: endpoint.send_batch(whole, NUMBERS), lambda: port.sender.counters.queue_full > 60
        )
        assert listener.states[-1] == ("completed", "connected")
        assert endpoint.ice.selected is connection
        await _until_sent(
            lambda: endpoint.send_rtcp(struct.pack("!BBHL", 0x80, 201, 1, 5) + bytes(1200)),
            lambda: listener.states[-1] == ("disconnected", "connected"),
        )
        await receives(others, other, 1)
        assert listener_of(port).connections == 0


async def _until_sent(send: Callable[[], object], condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            send()
            await asyncio.sleep(0)


async def test_a_closed_port_leaves_no_connection() -> None:
    with contextlib.ExitStack() as stack:
        async with media_port(tcp=True) as port:
            sock = stack.enter_context(raw_connection(port))
            await until(lambda: listener_of(port).connections == 1)
        await is_closed(sock)
        assert listener_of(port).connections == 0
