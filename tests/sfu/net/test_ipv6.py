"""IPv6, both families on one socket, and several announced addresses, over real sockets."""

import socket
from contextlib import closing

import pytest

from sfu.net.udp_socket import MAX_SEGMENT_BYTES, UdpSender, bind_udp
from sfu.rtp.mapped_batch import StreamNumbers, mid_element
from tests.support.live_port import batch, connected, media_port, receives, sends, until
from tests.support.media_peer import media_peer

NUMBERS = StreamNumbers(777, 0, 0, mid_element("3", 1), 0x51)


def _has_ipv6() -> bool:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind(("::1", 0))
        except OSError:
            return False
        return True


pytestmark = pytest.mark.skipif(not _has_ipv6(), reason="THIS MACHINE HAS NO ::1, so IPv6 is not tested here")


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
async def test_a_call_over_ipv6(protocol: str) -> None:
    async with media_port("::1", tcp=True) as port, media_peer() as peer:
        endpoint, listener = await connected(port, peer, "::1", protocol)
        await receives(listener, peer, 1, 2, 3)
        assert await sends(endpoint, peer) is peer.path
        endpoint.send_batch(batch(6), NUMBERS)
        await until(lambda: len(peer.rtp) == 6)
        way = endpoint.selected_tuple
        assert way is not None
        assert (way.local_address, way.remote_ip, way.protocol) == ("::1", "::1", protocol)
        assert (way.local_port, way.remote_port) == (port.port, peer.path.local[1])
        peer.stop_checking()
        path = await peer.move("::1", protocol)
        await peer.check()
        await receives(listener, peer, 4)
        assert await sends(endpoint, peer) is path


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
async def test_one_socket_serves_both_families(protocol: str) -> None:
    announced = ["127.0.0.1", "::1"]
    async with media_port("::", announced, tcp=True) as port, media_peer() as old, media_peer() as new:
        for peer, ip in ((old, "127.0.0.1"), (new, "::1")):
            endpoint, listener = await connected(port, peer, ip, protocol)
            await receives(listener, peer, 1)
            assert await sends(endpoint, peer) is peer.path
            way = endpoint.selected_tuple
            assert way is not None
            assert (way.local_address, way.remote_ip) == (ip, ip)
        answer = await old.check()
        assert answer.attributes["XOR-MAPPED-ADDRESS"] == old.path.local[:2]


async def test_a_peer_moves_between_families_and_protocols() -> None:
    async with media_port("::", ["::1", "127.0.0.1"], tcp=True) as port, media_peer() as peer:
        endpoint, listener = await connected(port, peer)
        peer.stop_checking()
        for number, (ip, protocol) in enumerate((("::1", "udp"), ("127.0.0.1", "tcp"), ("::1", "tcp"))):
            path = await peer.move(ip, protocol)
            await peer.check()
            await receives(listener, peer, number)
            assert await sends(endpoint, peer) is path


async def test_segments_are_no_larger_than_an_ipv6_path_takes() -> None:
    with closing(bind_udp("::1", 0, 0, 0)) as here, closing(bind_udp("::1", 0, 0, 0)) as there:
        size = MAX_SEGMENT_BYTES[socket.AF_INET6]
        assert size == 1500 - 40 - 8
        sender = UdpSender(here)
        for segment in (size, size + 1):
            sender.send_run(bytes(3 * segment), segment, there.getsockname(), video=True)
            assert [len(there.recv(2048)) for _ in range(3)] == [segment] * 3
        assert sender.counters.sent == 6


async def test_each_announced_address_is_a_candidate_in_order() -> None:
    announced = ["192.0.2.1", "2001:db8::1", "192.0.2.2"]
    async with media_port("::", announced, tcp=True) as port:
        candidates = port.ice_candidates
    assert [(one.protocol, one.ip) for one in candidates] == [
        (protocol, ip) for protocol in ("udp", "tcp") for ip in announced
    ]
    priorities = [one.priority for one in candidates]
    assert priorities == sorted(set(priorities), reverse=True)
    assert len({one.foundation for one in candidates}) == 6
    assert all(0 < priority < 2**31 for priority in priorities)
    assert [one.tcp_type for one in candidates] == [None] * 3 + ["passive"] * 3
