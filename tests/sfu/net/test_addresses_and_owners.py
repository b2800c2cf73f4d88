"""Whatever checks, moves, restarts and ends come in whatever order, each address has one owner who knows of it."""

import asyncio

from aioice import stun
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.net.endpoint import Endpoint
from sfu.net.ice_lite import LIVE_STATES, MAX_ADDRESSES
from sfu.net.media_port import MediaPort
from sfu.net.udp_socket import bind_udp
from tests.support.live_port import link

ENDPOINTS = 3
ADDRESSES = [(f"192.0.2.{host}", 5000 + port) for host in (1, 2) for port in range(6)]

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["check", "nominate", "media", "follow", "restart", "wait", "close"]),
        st.integers(0, ENDPOINTS - 1),
        st.sampled_from(ADDRESSES),
        st.sampled_from([0.0, 0.1, 0.3, 1.0, 6.0, 10.0, 31.0, 61.0]),
    ),
    max_size=40,
)


def request(endpoint: Endpoint, *, nominate: bool) -> bytes:
    parameters = endpoint.ice_parameters
    attributes = {"USERNAME": f"{parameters.username_fragment}:peer", "PRIORITY": 1}
    message = stun.Message(
        stun.Method.BINDING,
        stun.Class.REQUEST,
        attributes={**attributes, **({"USE-CANDIDATE": None} if nominate else {})},
    )
    message.add_message_integrity(parameters.password.encode())
    return bytes(message)


def step(port: MediaPort, endpoint: Endpoint, what: str, address: tuple[str, int], now: float) -> None:
    if what in {"check", "nominate"}:
        port._receive_stun(request(endpoint, nominate=what == "nominate"), address, now)
    elif what == "media" and port._by_address.get(address) is endpoint:
        endpoint.ice.heard(address, now)
    elif what == "follow" and address not in port._by_address and endpoint.ice.selected is not None:
        port._addresses.bind(address, endpoint)
        endpoint.follow(memoryview(bytes(12)), 12, address, now, rtcp=False)
    elif what == "restart":
        endpoint.restart_ice()
    elif what == "wait":
        endpoint.handle_timeout(now)
    elif what == "close":
        endpoint.close()


def verify(port: MediaPort, endpoints: list[Endpoint]) -> None:
    known = {address: endpoint for endpoint in endpoints for address in endpoint.ice.addresses}
    assert port._by_address == known
    assert sum(len(endpoint.ice.addresses) for endpoint in endpoints) == len(known)
    at_hosts = {(host, one) for host, there in port._addresses._by_host.items() for one in there}
    assert at_hosts == {(address[0], endpoint) for address, endpoint in known.items()}
    for endpoint in endpoints:
        ice = endpoint.ice
        assert (ice.selected is not None) == (ice.state in LIVE_STATES)
        assert ice.selected is None or ice.selected in ice.addresses
        assert len(ice.addresses) <= MAX_ADDRESSES


@settings(deadline=None)
@given(STEPS)
def test_each_address_has_one_owner_who_knows_of_it(
    steps: list[tuple[str, int, tuple[str, int], float]],
) -> None:
    async def run() -> None:
        with bind_udp("127.0.0.1", 0, 0, 0) as sock:
            port = MediaPort(sock, asyncio.get_running_loop(), announced_ips=[], consent_timeout=30)
            endpoints = [link(port)[0] for _ in range(ENDPOINTS)]
            now = 1000.0
            for what, which, address, passed in steps:
                now += passed
                endpoint = endpoints[which]
                if endpoint.ice.state.value != "closed":
                    step(port, endpoint, what, address, now)
                verify(port, endpoints)
            for endpoint in endpoints:
                endpoint.close()
            verify(port, endpoints)
            assert port._by_fragment == port._by_address == {}

    asyncio.run(run())
