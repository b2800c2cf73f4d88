"""Datagrams read by `recvmmsg` are those that were sent, from where they were sent."""

import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.net.address import UdpAddress
from sfu.net.receive_vector import ReceiveVector, address_of, name_of
from sfu.net.srtp import PinnedBuffer
from sfu.net.udp_socket import bind_udp

SLOT_BYTES = 64
HOSTS = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


@pytest.fixture(params=list(HOSTS), ids=lambda family: family.name)
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, socket.socket]]:
    host = HOSTS[request.param]
    with bind_udp(host, 0, 0, 0) as receiver, bind_udp(host, 0, 0, 0) as sender:
        yield receiver, sender


def vector_of(sock: socket.socket, count: int) -> tuple[ReceiveVector, PinnedBuffer]:
    memory = PinnedBuffer(count * SLOT_BYTES)
    starts = range(memory.address, memory.address + count * SLOT_BYTES, SLOT_BYTES)
    vector = ReceiveVector(sock, [(start, SLOT_BYTES) for start in starts])
    if not vector.available:
        pytest.skip("no recvmmsg here")
    return vector, memory


def test_a_burst_comes_in_order_and_no_more_than_there_is_room_for(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    receiver, sender = pair
    vector, memory = vector_of(receiver, 4)
    assert vector.receive() == 0
    for n in range(6):
        sender.sendto(bytes([n]) * n, receiver.getsockname())
    assert vector.receive() == 4
    assert list(vector.lengths) == [0, 1, 2, 3]
    assert [bytes(memory.view[n * SLOT_BYTES :][:n]) for n in range(4)] == [bytes([n]) * n for n in range(4)]
    assert {address_of(vector.name(n)) for n in range(4)} == {sender.getsockname()}
    assert vector.name(0) == name_of(sender.getsockname())
    assert vector.receive() == 2
    assert vector.receive() == 0


def test_what_is_too_long_fills_its_slot_and_nothing_else(pair: tuple[socket.socket, socket.socket]) -> None:
    receiver, sender = pair
    vector, memory = vector_of(receiver, 2)
    sender.sendto(b"x" * 1000, receiver.getsockname())
    assert vector.receive() == 1
    assert vector.lengths[0] == SLOT_BYTES
    assert bytes(memory.view[SLOT_BYTES:]) == bytes(SLOT_BYTES)


def test_an_icmp_error_is_raised_once(pair: tuple[socket.socket, socket.socket]) -> None:
    receiver, _ = pair
    vector, _ = vector_of(receiver, 2)
    with bind_udp(HOSTS[receiver.family], 0, 0, 0) as gone:
        nowhere = gone.getsockname()
    receiver.connect(nowhere)
    receiver.send(b"is anybody there?")
    with pytest.raises(ConnectionRefusedError):
        vector.receive()
    assert vector.receive() == 0


@given(
    st.one_of(
        st.tuples(st.ip_addresses(v=4).map(str), st.integers(0, 65535)),
        st.tuples(
            st.ip_addresses(v=6).map(lambda ip: socket.inet_ntop(socket.AF_INET6, ip.packed)),
            st.integers(0, 65535),
            st.just(0),
            st.integers(0, 2**32 - 1),
        ),
    )
)
def test_a_name_is_an_address(address: UdpAddress) -> None:
    assert address_of(name_of(address)) == address
