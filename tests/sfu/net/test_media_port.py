"""The media port over real sockets, with a peer that does real ICE, DTLS and SRTP."""

import asyncio
import contextlib
import gc
import random
import struct
import weakref
from collections.abc import AsyncIterator
from typing import Any

import pytest
import structlog
from aiortc.rtcdtlstransport import SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80, SRTPProtectionProfile
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.net.dtls import MAX_WAITING_RECORDS
from sfu.net.ice_lite import ADDRESS_HELD_S, Proven
from sfu.net.media_port import MediaPort
from sfu.net.udp_socket import bind_udp
from sfu.rtp.mapped_batch import StreamNumbers, mid_element
from tests.support.live_port import batch, connected, fingerprints, link, media_port, rtp, until
from tests.support.media_peer import media_peer

KNOWN, STRANGER = ("127.0.0.1", 1), ("127.0.0.1", 2)
FIRST_BYTES = st.sampled_from([0, 1, 3, 4, 19, 20, 22, 23, 63, 64, 127, 128, 144, 191, 192, 255])
DATAGRAMS = st.tuples(
    st.one_of(
        st.binary(max_size=100),
        st.builds(lambda first, rest: bytes([first]) + rest, FIRST_BYTES, st.binary(max_size=2047)),
        st.builds(
            lambda body: struct.pack("!HHL12s", 1, len(body), 0x2112A442, bytes(12)) + body,
            st.binary(max_size=200),
        ),
    ),
    st.booleans(),
)


@pytest.fixture
async def port() -> AsyncIterator[MediaPort]:
    async with media_port() as port:
        yield port


@pytest.mark.parametrize(
    "profile", [SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80], ids=lambda p: p.openssl_profile
)
@pytest.mark.parametrize("role", ["client", "server"])
async def test_media_flows_both_ways(port: MediaPort, profile: SRTPProtectionProfile, role: str) -> None:
    async with media_peer(profiles=[profile], role=role) as peer:
        endpoint, listener = await connected(port, peer)
        assert endpoint.srtp_profile == profile.openssl_profile.decode() == peer.srtp_profile
        peer.send_rtp(rtp(1))
        peer.send_rtcp(struct.pack("!BBHL", 0x80, 201, 1, 5))
        await listener.until(lambda: bool(listener.rtp and listener.rtcp))
        assert listener.rtp == [rtp(1)]
        assert listener.rtcp == [struct.pack("!BBHL", 0x80, 201, 1, 5)]
        received: asyncio.Queue[bytes] = asyncio.Queue()
        peer.on_rtp = received.put_nowait
        assert endpoint.send_batch(batch(6), StreamNumbers(777, -60_000, 5, mid_element("3", 1), 0x51))
        packets = [await asyncio.wait_for(received.get(), 5) for _ in range(6)]
        heads = [struct.unpack_from("!BBHLLHH5sBH", packet) for packet in packets]
        assert [head[2] for head in heads] == list(range(10_000, 10_006))
        assert {head[3:5] for head in heads} == {(12, 777)}
        assert {head[7] for head in heads} == {b"\x103\0\0\0"}
        assert [head[8:] for head in heads] == [(0x51, n) for n in range(6)]
        padded = [packet[: -packet[-1]] if packet[0] & 0x20 else packet for packet in packets]
        assert [packet[28:] for packet in padded] == [bytes([n]) * (1000 - n) for n in range(6)]


async def test_without_recvmmsg_datagrams_are_read_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sfu.net.receive_vector._find_recvmmsg", lambda: None)
    async with media_port() as port, media_peer() as peer:
        _, listener = await connected(port, peer)
        for n in range(3):
            peer.send_rtp(rtp(n))
        await listener.until(lambda: len(listener.rtp) == 3)
        assert listener.rtp == [rtp(n) for n in range(3)]
        assert not port._vector.available


async def test_the_server_prefers_gcm_when_both_are_offered(port: MediaPort) -> None:
    async with media_peer(profiles=[SRTP_AES128_CM_SHA1_80, SRTP_AEAD_AES_128_GCM]) as peer:
        endpoint, _ = await connected(port, peer)
        assert endpoint.srtp_profile == "SRTP_AEAD_AES_128_GCM"


async def test_part_of_a_batch_is_numbered_from_its_own_first(port: MediaPort) -> None:
    async with media_peer() as peer:
        endpoint, _ = await connected(port, peer)
        received: asyncio.Queue[bytes] = asyncio.Queue()
        peer.on_rtp = received.put_nowait
        numbers = StreamNumbers(777, 0, 0, mid_element("3", 1), 0x51)
        whole = batch(6)
        endpoint.send_batch(whole, numbers, 2, 4)
        endpoint.send_batch(whole, numbers, 5, 6)
        packets = [await asyncio.wait_for(received.get(), 5) for _ in range(3)]
        assert [packet[100] for packet in packets] == [2, 3, 5]
        assert [int.from_bytes(packet[22:24], "big") for packet in packets] == [0, 1, 2]


async def test_a_wrong_fingerprint_ends_the_handshake(port: MediaPort) -> None:
    endpoint, listener, offered = link(port)
    async with media_peer() as peer:
        await peer.open(offered)
        endpoint.connect("server", [("sha-256", ":".join(["00"] * 32))])
        with contextlib.suppress(AssertionError, ConnectionError, TimeoutError):
            await peer.connect(offered)
        await listener.until(lambda: listener.states[-1][1] == "failed")
        assert endpoint.dtls.inbound is None
        assert not endpoint.send_rtcp(struct.pack("!BBHL", 0x80, 201, 1, 5))


async def test_media_from_an_address_without_a_check_is_dropped(port: MediaPort) -> None:
    async with media_peer() as peer, media_peer() as stranger:
        _, listener = await connected(port, peer)
        _, _, offered = link(port)
        await stranger.open(offered)
        for data in (rtp(9), b"\x16\xfe\xfd" + bytes(50), struct.pack("!BBHL", 0x80, 201, 1, 5), b"\xff", b""):
            stranger.send_raw(data)
        peer.send_rtp(rtp(1))
        await listener.until(lambda: bool(listener.rtp))
        assert listener.rtp == [rtp(1)]
        assert port.drops["unknown_address"] >= 2
        assert port.drops["unknown_protocol"] >= 1


async def test_garbage_on_a_validated_address_is_counted_and_media_goes_on(port: MediaPort) -> None:
    async with media_peer() as peer:
        _, listener = await connected(port, peer)
        rng = random.Random(5)  # noqa: S311 - not for secrets
        for first in (0, 1, 2, 22, 23, 63, 128, 144, 191, 200):
            for size in (1, 7, 11, 12, 20, 100, 1500, 2048):
                peer.send_raw(bytes([first]) + rng.randbytes(size - 1))
        replay = peer._dtls._tx_srtp.protect(rtp(1))
        for _ in range(3):
            peer.send_raw(replay)
        peer.send_rtp(rtp(2))
        await listener.until(lambda: rtp(2) in listener.rtp)
        assert listener.rtp == [rtp(1), rtp(2)]
        assert port.drops["srtp_refused"] >= 2
        assert port.drops["stun_malformed"] > 0
        assert port.drops["bad_length"] > 0


async def test_a_second_client_hello_from_elsewhere_disturbs_nothing(port: MediaPort) -> None:
    async with media_peer() as peer, media_peer() as stranger:
        endpoint, listener, offered = link(port)
        await peer.open(offered)
        await stranger.open(offered)
        hello = asyncio.create_task(stranger._dtls.start(_parameters(offered)))
        endpoint.connect("server", fingerprints(peer))
        await peer.connect(offered)
        await listener.until(lambda: listener.states[-1] == ("completed", "connected"))
        hello.cancel()
        assert port.drops["unknown_address"] >= 1


async def test_an_address_is_its_transports_while_that_one_is_checked_from_it(port: MediaPort) -> None:
    async with media_peer() as peer:
        first, _ = await connected(port, peer)
        second, _, offered = link(port)
        peer.ice = offered["iceParameters"]
        peer.send_raw(peer.binding_request())
        peer.send_raw(b"\xff")
        await until(lambda: port.drops["unknown_protocol"] == 1)
        address = peer.path.local
        assert port.drops["stun_address_taken"] == 1
        assert (first.ice.selected, second.ice.selected) == (address, None)


async def test_an_address_that_is_not_checked_any_more_moves_to_who_proves_it(port: MediaPort) -> None:
    async with media_peer() as peer:
        first, listener = await connected(port, peer)
        second, _, offered = link(port)
        address = peer.path.local
        first.ice.addresses[address].checked_at -= ADDRESS_HELD_S
        peer.ice = offered["iceParameters"]
        await peer.check()
        assert (first.ice.selected, second.ice.selected) == (None, address)
        assert listener.states[-1] == ("disconnected", "connected")
        assert not first.ready
        second.close()
        assert address not in port._by_address
        first.close()


async def test_close_frees_every_address_and_says_goodbye(port: MediaPort) -> None:
    async with media_peer() as peer:
        endpoint, _ = await connected(port, peer)
        closed = asyncio.Event()
        peer._dtls.on("statechange", lambda: closed.set() if peer._dtls.state == "closed" else None)
        endpoint.close()
        endpoint.close()
        assert port._by_address == {}
        assert port._by_fragment == {}
        await asyncio.wait_for(closed.wait(), 5)


async def test_an_exception_costs_the_packet_that_raised_it_and_no_other(port: MediaPort) -> None:
    async with media_peer() as peer, media_peer() as other:
        _, listener = await connected(port, peer)
        _, other_listener = await connected(port, other)
        take = listener.on_rtp

        def fail_at_three(packet: memoryview, length: int, now: float) -> None:
            if packet[3] == 3:
                raise RuntimeError("a bug")
            take(packet, length, now)

        listener.on_rtp = fail_at_three  # type: ignore[method-assign]
        port._on_batch = raising
        with structlog.testing.capture_logs() as logs:
            for n in range(1, 6):
                peer.send_rtp(rtp(n))
                other.send_rtp(rtp(n))
            await other_listener.until(lambda: len(other_listener.rtp) == 5)
            await listener.until(lambda: len(listener.rtp) == 4)
        assert listener.rtp == [rtp(n) for n in (1, 2, 4, 5)]
        assert port.traffic()["drops"]["packet_fault"] == 1
        assert port.drops["batch_fault"] >= 1
        assert len([entry for entry in logs if "failed" in entry["event"]]) == 1


@settings(deadline=None)
@given(st.lists(DATAGRAMS, max_size=30))
def test_whatever_comes_from_whomever_raises_nothing(datagrams: list[tuple[bytes, bool]]) -> None:
    async def receive() -> None:
        with bind_udp("127.0.0.1", 0, 0, 0) as sock:
            port = MediaPort(sock, asyncio.get_running_loop(), announced_ips=[], consent_timeout=30)
            endpoint, listener, _ = link(port)
            endpoint.ice.addresses[KNOWN] = Proven(0, 1)
            port._addresses.bind(KNOWN, endpoint)
            view, pointer = port._slots[0]
            for data, known in datagrams:
                view[: len(data)] = data
                port._receive(view, pointer, len(data), KNOWN if known else STRANGER, 0)
            assert listener.rtp == listener.rtcp == []
            assert endpoint.dtls.waiting <= MAX_WAITING_RECORDS
            assert list(port._by_address) == [KNOWN]
            endpoint.close()

    asyncio.run(receive())


async def test_a_flood_of_dtls_is_bounded_and_keeps_nobody_from_connecting(port: MediaPort) -> None:
    async with media_peer() as peer, media_peer() as other:
        endpoint, listener = await connected(port, peer)
        most = 0
        flooding = True

        async def flood() -> None:
            nonlocal most
            while flooding:
                for _ in range(20):
                    peer.send_raw(b"\x16\xfe\xfd" + bytes(200))
                await asyncio.sleep(0)
                most = max(most, endpoint.dtls.waiting)

        task = asyncio.create_task(flood())
        await connected(port, other)
        await until(lambda: port.drops["dtls_not_expected"] > 0)
        flooding = False
        await task
        assert 0 < most <= MAX_WAITING_RECORDS
        peer.send_rtp(rtp(1))
        await listener.until(lambda: listener.rtp == [rtp(1)])


async def test_a_transport_whose_peer_never_comes_costs_no_handshake(port: MediaPort) -> None:
    tasks = asyncio.all_tasks()
    endpoints = [link(port)[0] for _ in range(20)]
    for number, endpoint in enumerate(endpoints):
        endpoint.connect("server" if number % 2 else "client", [("sha-256", ":".join(["00"] * 32))])
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == tasks
    for endpoint in endpoints:
        endpoint.close()
    assert port._by_fragment == {}


@pytest.mark.parametrize("role", ["client", "server"])
async def test_a_handshake_that_is_never_finished_fails_and_ends(
    port: MediaPort, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sfu.net.dtls_handshake.HANDSHAKE_TIMEOUT", 0.05)
    async with media_peer() as peer:
        endpoint, listener, offered = link(port)
        await peer.open(offered)
        endpoint.connect(role, fingerprints(peer))  # type: ignore[arg-type]
        await peer.check()
        await listener.until(lambda: listener.states[-1][1] == "connecting")
        assert endpoint.dtls._handshake is not None
        await listener.until(lambda: listener.states[-1][1] == "failed")
        assert endpoint.dtls._handshake is endpoint.dtls._connection is None
        assert not endpoint.ready
        endpoint.close()


def raising(_now: float) -> None:
    raise RuntimeError("a bug")


def _parameters(offered: dict[str, Any]) -> Any:
    from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters

    entry = offered["dtlsParameters"]["fingerprints"][0]
    return RTCDtlsParameters([RTCDtlsFingerprint(entry["algorithm"], entry["value"])])


async def test_a_closed_endpoint_is_freed_without_the_collector(port: MediaPort) -> None:
    gc.disable()
    try:
        async with media_peer() as peer:
            endpoint, _ = await connected(port, peer)
            closed = asyncio.Event()
            peer._dtls.on("statechange", closed.set)
            freed = [weakref.ref(part) for part in (endpoint, endpoint.dtls, endpoint.dtls._connection)]
            endpoint.close()
            del endpoint
            await asyncio.wait_for(closed.wait(), 5)
        assert [part() for part in freed] == [None, None, None]
    finally:
        gc.enable()
