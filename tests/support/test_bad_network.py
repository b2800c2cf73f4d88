"""The relay carries datagrams both ways, loses them, and changes what the server sees of the client."""

import socket
import time
from collections.abc import Callable, Iterator

import pytest

from tests.support.bad_network import Address, BadNetwork
from tests.support.network_link import Conditions

WITHIN_S = 10.0


class Host:
    """A socket that waits for what arrives, for a bounded time."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(WITHIN_S)
        self.address: Address = self.socket.getsockname()

    def send(self, data: bytes, to: Address) -> None:
        self.socket.sendto(data, to)

    def receive(self) -> tuple[bytes, Address]:
        data, sender = self.socket.recvfrom(2048)
        return data, sender


def until(holds: Callable[[], bool]) -> None:
    """Ask until it is so; each question goes through the relay's thread, which turns meanwhile."""
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline


@pytest.fixture
def server() -> Iterator[Host]:
    host = Host()
    yield host
    host.socket.close()


@pytest.fixture
def client() -> Iterator[Host]:
    host = Host()
    yield host
    host.socket.close()


def test_it_carries_both_ways_and_counts(server: Host, client: Host) -> None:
    with BadNetwork() as network:
        client.send(b"question", network.way_to(server.address))
        data, outside = server.receive()
        assert data == b"question"
        assert outside != client.address
        server.send(b"answer", outside)
        assert client.receive() == (b"answer", network.way_to(server.address))
        counts = network.counts()
        assert (counts.up.forwarded, counts.down.forwarded) == (1, 1)


def test_each_client_has_a_source_address_of_its_own(server: Host, client: Host) -> None:
    other = Host()
    with BadNetwork() as network:
        way = network.way_to(server.address)
        outsides = {}
        for host in (client, other):
            host.send(b"hello", way)
            outsides[host] = server.receive()[1]
        assert outsides[client] != outsides[other]
        for host, outside in outsides.items():
            server.send(str(host.address).encode(), outside)
            assert host.receive()[0] == str(host.address).encode()
    other.socket.close()


def test_a_rebound_client_comes_from_another_port_and_is_found_only_there(server: Host, client: Host) -> None:
    with BadNetwork() as network:
        way = network.way_to(server.address)
        client.send(b"before", way)
        _, old = server.receive()
        network.rebind()
        client.send(b"after", way)
        data, new = server.receive()
        assert data == b"after"
        assert new != old
        server.send(b"to where it was", old)
        server.send(b"to where it is", new)
        assert client.receive()[0] == b"to where it is"


def test_what_a_cut_network_is_given_is_lost(server: Host, client: Host) -> None:
    with BadNetwork() as network:
        way = network.way_to(server.address)
        network.cut()
        client.send(b"lost", way)
        until(lambda: network.counts().up.cut_off == 1)
        network.mend()
        client.send(b"carried", way)
        assert server.receive()[0] == b"carried"


def test_its_directions_are_bad_apart_from_each_other(server: Host, client: Host) -> None:
    with BadNetwork() as network:
        way = network.way_to(server.address)
        network.become(down=Conditions(loss=1.0))
        client.send(b"up", way)
        data, outside = server.receive()
        assert data == b"up"
        server.send(b"down", outside)
        until(lambda: network.counts().down.lost == 1)
        network.become(down=Conditions(delay_s=0.05))
        server.send(b"down again", outside)
        assert client.receive()[0] == b"down again"
