"""Media over real sockets while the peer restarts ICE, moves, falls silent, comes back and says goodbye."""

import asyncio
import struct
from typing import Any

import pytest

from sfu.net.endpoint import Endpoint
from sfu.net.ice_lite import CONFIRM_WITHIN_S, QUIET_S, SILENT_S, IceState
from shared.transport_parameters import dump_ice_parameters
from tests.support.live_port import connected, link, media_port, receives, rtp, sends, until
from tests.support.media_peer import MediaPeer, media_peer


def fall_quiet(endpoint: Endpoint) -> None:
    endpoint.ice._heard_at -= QUIET_S
    endpoint.ice._media_at -= QUIET_S


def restart(endpoint: Endpoint) -> dict[str, Any]:
    return dump_ice_parameters(endpoint.restart_ice())


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
async def test_media_flows_on_over_an_ice_restart(protocol: str) -> None:
    async with media_port(tcp=True) as port, media_peer() as peer:
        endpoint, listener = await connected(port, peer, protocol=protocol)
        peer.stop_checking()
        keys = endpoint.dtls.inbound
        await receives(listener, peer, 1)
        before = peer.ice
        after = restart(endpoint)
        await receives(listener, peer, 2)
        await peer.check()
        first = await sends(endpoint, peer)
        peer.ice = after
        second = await peer.move(protocol=protocol)
        await peer.check()
        await receives(listener, peer, 3)
        assert await sends(endpoint, peer) is second is not first
        assert endpoint.dtls.inbound is keys
        assert [packet[2:4] for packet in listener.rtp] == [b"\0\1", b"\0\2", b"\0\3"]
        assert len(port._by_fragment) == 1
        peer.ice = before
        peer.send_raw(peer.binding_request())
        await until(lambda: port.drops["stun_unknown_username"] == 1)
        assert listener.states[-1] == ("completed", "connected")
        endpoint.close()
        assert port._by_fragment == port._by_address == {}


async def test_a_closed_transport_leaves_nothing_of_its_restarts() -> None:
    async with media_port() as port:
        endpoint, _, _ = link(port)
        for _ in range(5):
            endpoint.restart_ice()
        endpoint.close()
        assert port._by_fragment == {}


@pytest.mark.parametrize("packet", ["rtp", "rtcp"])
async def test_a_nat_rebind_is_followed_as_soon_as_the_old_port_is_quiet(packet: str) -> None:
    async with media_port() as port, media_peer() as peer, media_peer() as other:
        endpoint, listener = await connected(port, peer)
        elsewhere, others = await connected(port, other)
        peer.stop_checking()
        report = struct.pack("!BBHL", 0x80, 201, 1, 1)
        for one, heard in ((peer, listener), (other, others)):
            one.send_rtcp(report)
            await receives(heard, one, 1)
        path = await peer.move()
        fall_quiet(endpoint)
        if packet == "rtp":
            await receives(listener, peer, 2)
        else:
            peer.send_rtcp(report)
            await until(lambda: len(listener.rtcp) == 2)
        assert await sends(endpoint, peer) is path
        assert elsewhere.selected_tuple is not None
        assert len(others.rtcp) == 1
        await peer.check(nominate=False)
        endpoint.handle_timeout(asyncio.get_running_loop().time() + CONFIRM_WITHIN_S)
        assert await sends(endpoint, peer) is path


async def test_an_address_that_is_never_confirmed_is_given_up() -> None:
    async with media_port() as port, media_peer() as peer:
        endpoint, listener = await connected(port, peer)
        await receives(listener, peer, 1)
        first = peer.path
        path = await peer.move()
        fall_quiet(endpoint)
        await receives(listener, peer, 2)
        peer.send_by(first)
        peer.stop_checking()
        await peer.check(nominate=False)
        assert await sends(endpoint, peer) is path
        endpoint.handle_timeout(asyncio.get_running_loop().time() + CONFIRM_WITHIN_S)
        assert await sends(endpoint, peer) is first
        assert list(port._by_address) == [first.local]


async def test_a_repeated_or_forged_packet_moves_nothing() -> None:
    async with media_port() as port, media_peer() as peer, media_peer() as thief:
        endpoint, listener = await connected(port, peer)
        fall_quiet(endpoint)
        overheard = peer._dtls._tx_srtp.protect(rtp(1))
        peer.send_raw(overheard)
        await listener.until(lambda: bool(listener.rtp))
        fall_quiet(endpoint)
        _, _, offered = link(port)
        await thief.open(offered)
        thief.send_raw(overheard)
        thief.send_raw(overheard[:-1] + b"x")
        thief.send_raw(rtp(2))
        await until(lambda: port.drops["unknown_address"] == 3)
        assert await sends(endpoint, peer) is peer.path
        assert list(port._by_address) == [peer.path.local]


@pytest.mark.parametrize("local_ip", ["127.0.0.1", "127.0.0.2"])
async def test_a_packet_that_overtakes_itself_moves_no_media_of_a_peer_that_is_not_quiet(local_ip: str) -> None:
    async with media_port() as port, media_peer() as peer, media_peer() as thief:
        endpoint, listener = await connected(port, peer)
        await receives(listener, peer, 1)
        _, _, offered = link(port)
        await thief.open(offered, local_ip)
        overheard = peer._dtls._tx_srtp.protect(rtp(2))
        if local_ip == "127.0.0.1":
            endpoint.ice._heard_at = float("inf")
        else:
            fall_quiet(endpoint)
        thief.send_raw(overheard)
        await until(lambda: len(listener.rtp) + port.drops["unknown_address"] == 2)
        assert await sends(endpoint, peer) is peer.path
        peer.send_raw(overheard)
        await until(
            lambda: len(listener.rtp) + port.drops["srtp_refused"] == (3 if local_ip == "127.0.0.1" else 2)
        )
        assert listener.rtp == [rtp(1), rtp(2)]
        endpoint.handle_timeout(asyncio.get_running_loop().time() + CONFIRM_WITHIN_S)
        assert list(port._by_address) == [peer.path.local]
        assert await sends(endpoint, peer) is peer.path


async def test_a_peer_that_moves_and_says_little_is_followed_by_the_clock() -> None:
    async with media_port() as port, media_peer() as peer:
        endpoint, listener = await connected(port, peer)
        peer.stop_checking()
        report = struct.pack("!BBHL", 0x80, 201, 1, 1)
        peer.send_rtcp(report)
        await listener.until(lambda: len(listener.rtcp) == 1)
        endpoint.ice._heard_at = asyncio.get_running_loop().time()
        path = await peer.move()
        peer.send_rtcp(report)
        await listener.until(lambda: len(listener.rtcp) == 2)
        due = endpoint.next_timeout()
        assert due is not None
        assert listener.rearmed == 1
        endpoint.handle_timeout(due)
        assert await sends(endpoint, peer) is path


async def test_a_fault_at_the_packet_that_a_peer_moved_with_leaves_it_moved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_args: object) -> None:
        raise RuntimeError("on purpose")

    async with media_port() as port, media_peer() as peer:
        endpoint, listener = await connected(port, peer)
        await receives(listener, peer, 1)
        path = await peer.move()
        fall_quiet(endpoint)
        with monkeypatch.context() as patch:
            patch.setattr(listener, "on_rtp", fail)
            peer.send_rtp(rtp(2))
            await until(lambda: port.drops["packet_fault"] == 1)
        await receives(listener, peer, 3)
        assert await sends(endpoint, peer) is path
        endpoint.close()
        assert port._by_address == {}


async def test_strays_cost_a_bounded_number_of_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = 0

    def tried(self: Endpoint, *_args: Any, **_options: Any) -> int:
        nonlocal tries
        tries += 1
        return 0

    async with media_port() as port, media_peer() as peer, media_peer() as stranger:
        endpoint, listener = await connected(port, peer)
        await receives(listener, peer, 1)
        endpoint.ice._heard_at = float("-inf")
        peer.stop_checking()
        monkeypatch.setattr(Endpoint, "open_stray", tried)
        monkeypatch.setattr("sfu.net.roaming.TRIES_HZ", 0.0)
        _, _, offered = link(port)
        await stranger.open(offered)
        for n in range(100):
            stranger.send_raw(rtp(n))
        await until(lambda: port.drops["unknown_address"] >= 100)
        assert 0 < tries <= 20


async def test_a_nominating_check_from_a_new_address_moves_the_media() -> None:
    async with media_port() as port, media_peer() as peer:
        endpoint, listener = await connected(port, peer)
        peer.stop_checking()
        first = peer.path
        second = await peer.move()
        await peer.check(nominate=False)
        assert await sends(endpoint, peer) is first
        await receives(listener, peer, 1)  # from an address that is proven and not selected
        assert await sends(endpoint, peer) is first
        await peer.check()
        assert await sends(endpoint, peer) is second


async def test_media_from_a_proven_address_moves_ours_when_the_old_one_is_silent() -> None:
    async with media_port() as port, media_peer() as peer:
        endpoint, listener = await connected(port, peer)
        peer.stop_checking()
        path = await peer.move()
        await peer.check(nominate=False)
        endpoint.ice._heard_at -= SILENT_S
        await receives(listener, peer, 1)
        assert await sends(endpoint, peer) is path


async def test_an_overheard_check_steals_no_media() -> None:
    async with media_port() as port, media_peer() as peer, media_peer() as thief:
        endpoint, _ = await connected(port, peer)
        peer.stop_checking()
        overheard = peer.binding_request()
        peer.send_raw(overheard)
        await until(lambda: not peer.answers.empty())
        _, _, offered = link(port)
        await thief.open(offered)
        thief.send_raw(overheard)
        await until(lambda: port.drops["stun_replayed"] == 1)
        assert await sends(endpoint, peer) is peer.path


async def test_consent_ends_stops_what_is_sent_and_comes_back() -> None:
    async with media_port(consent_timeout=5) as port, media_peer() as peer:
        endpoint, listener = await connected(port, peer)
        peer.stop_checking()
        due = endpoint.next_timeout()
        assert due is not None
        endpoint.handle_timeout(due - 0.01)
        assert endpoint.ready
        endpoint.handle_timeout(due)
        assert listener.states[-1] == ("disconnected", "connected")
        assert (endpoint.ready, endpoint.selected_tuple) == (False, None)
        assert not endpoint.send_rtcp(struct.pack("!BBHL", 0x80, 201, 1, 5))
        await peer.check()
        assert listener.states[-1] == ("completed", "connected")
        assert await sends(endpoint, peer) is peer.path
        await receives(listener, peer, 1)


async def test_a_peers_farewell_closes_dtls_and_frees_everything() -> None:
    async with media_port() as port, media_peer() as peer:
        endpoint, listener = await connected(port, peer)
        peer.stop_checking()
        await peer._dtls.stop()
        await listener.until(lambda: listener.states[-1] == ("completed", "closed"))
        assert not endpoint.ready
        peer.send_raw(b"\x80" + bytes(50))
        await until(lambda: port.drops["srtp_before_dtls"] == 1)
        endpoint.close()
        endpoint.close()
        assert listener.states[-1] == ("closed", "closed")
        assert listener.states.count(("closed", "closed")) == 1
        assert endpoint.dtls._connection is None


async def test_a_fault_at_one_peers_farewell_leaves_all_others_their_handshakes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_args: object) -> None:
        raise RuntimeError("on purpose")

    async with media_port() as port, media_peer() as peer, media_peer() as other:
        endpoint, listener = await connected(port, peer)
        with monkeypatch.context() as patch:
            patch.setattr(listener, "on_state", fail)
            await peer._dtls.stop()
            await until(lambda: port.drops["dtls_fault"] == 1)
        await connected(port, other)
        endpoint.close()


async def test_states_in_the_order_in_which_they_come() -> None:
    async with media_port() as port, media_peer() as peer:
        endpoint, listener = await connected(port, peer)
        peer.stop_checking()
        await peer.check()
        endpoint.close()
        assert listener.states == [
            ("completed", "new"),
            ("completed", "connecting"),
            ("completed", "connected"),
            ("closed", "closed"),
        ]
        assert endpoint.ice.state is IceState.CLOSED


async def test_a_failed_handshake_stays_failed() -> None:
    async with media_port() as port, media_peer() as peer:
        endpoint, listener, offered = link(port)
        await peer.open(offered)
        endpoint.connect("server", [("sha-256", ":".join(["00"] * 32))])
        await peer.check()
        handshake = asyncio.create_task(_handshake(peer, offered))
        await listener.until(lambda: listener.states[-1] == ("completed", "failed"))
        handshake.cancel()
        peer.send_raw(b"\x16\xfe\xfd" + bytes(50))
        await until(lambda: port.drops["dtls_not_expected"] > 0)
        await peer.check()
        assert listener.states[-1] == ("completed", "failed")
        endpoint.close()


async def _handshake(peer: MediaPeer, offered: dict[str, Any]) -> None:
    peer.ice = offered["iceParameters"]
    await peer.connect(offered)


async def test_a_listener_hears_of_changes_only() -> None:
    async with media_port() as port, media_peer() as peer:
        endpoint, listener, offered = link(port)
        await peer.open(offered)
        for _ in range(3):
            await peer.check(nominate=False)
        await peer.check()
        endpoint.close()
        assert listener.states == [("connected", "new"), ("completed", "new"), ("closed", "closed")]
