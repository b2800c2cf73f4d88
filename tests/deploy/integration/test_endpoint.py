"""The runner's own WebRTC endpoint: its packets, and connecting though a datagram gets lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.integration import rtp
from deploy.integration.dtls import local_parameters
from deploy.integration.endpoint import Endpoint
from deploy.integration.ways import UdpWay
from sfu.rtp.packet import ONE_BYTE_PROFILE
from tests.deploy.integration.conftest import a_run
from tests.support.rtp_packets import build_rtp
from tests.support.sfu import RunningSfu

DTLS_HANDSHAKE = 22


@given(st.integers(0, 2**32 - 1), st.integers(0, 70_000), st.binary(min_size=1, max_size=200))
def test_what_is_built_is_read(ssrc: int, number: int, payload: bytes) -> None:
    assert rtp.parse(rtp.build(ssrc, number, payload)) == rtp.Packet(ssrc, payload)


def test_extensions_and_padding_are_no_payload() -> None:
    packet = build_rtp(payload=b"voice", ssrc=7, extension=(ONE_BYTE_PROFILE, b"\x10\xaa\x00\x00"))
    assert rtp.parse(packet).payload == b"voice"
    padded = bytes([packet[0] | 0x20]) + packet[1:] + b"\0\0\0\x04"
    assert rtp.parse(padded).payload == b"voice"


@given(st.binary(max_size=40))
def test_rubbish_is_refused_or_read_but_never_more(data: bytes) -> None:
    try:
        packet = rtp.parse(data)
    except (ValueError, rtp.struct.error):
        return
    assert len(packet.payload) <= len(data)


@pytest.mark.asyncio(loop_scope="session")
async def test_a_flight_that_is_lost_is_sent_again(sfu: RunningSfu, monkeypatch: pytest.MonkeyPatch) -> None:
    lost: list[bytes] = []
    send = UdpWay.send

    def lose_the_first_hello(way: UdpWay, data: bytes) -> None:
        if data[0] == DTLS_HANDSHAKE and not lost:
            lost.append(data)
        else:
            send(way, data)

    monkeypatch.setattr(UdpWay, "send", lose_the_first_hello)
    async with a_run(sfu_url=sfu.url) as run:
        seat = run.new_seat(run.new_sfu_room("lossy"), "peer")
        await seat.join()
        offered = await seat.create_transport("send")
        endpoint = Endpoint(offered, "udp")
        await seat.connect_transport(offered["transportId"], local_parameters())
        await endpoint.connect(timeout=30.0)
        endpoint.close()
    assert lost


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("protocol", ["udp", "tcp"])
async def test_of_several_addresses_the_one_that_answers_is_taken(sfu: RunningSfu, protocol: str) -> None:
    async with a_run(sfu_url=sfu.url) as run:
        seat = run.new_seat(run.new_sfu_room("addresses"), "peer")
        await seat.join()
        offered = await seat.create_transport("send")
        closed = [{**one, "ip": "127.0.0.9", "address": "127.0.0.9"} for one in offered["iceCandidates"]]
        endpoint = Endpoint({**offered, "iceCandidates": [*closed, *offered["iceCandidates"]]}, protocol)
        await seat.connect_transport(offered["transportId"], local_parameters())
        await endpoint.connect(timeout=30.0)
        endpoint.close()
