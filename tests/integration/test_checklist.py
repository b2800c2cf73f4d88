"""The operator's checklist on the SFU's own API: rooms, transports, producers, consumers, several peers."""

import pytest

from tests.support.media_peer import media_peer
from tests.support.media_rig import OPUS_FRAME
from tests.support.rtp_packets import build_rtp
from tests.support.services import Platform
from tests.support.sfu import SfuApi

pytestmark = pytest.mark.integration


async def test_health_of_both_services(platform: Platform, sfu: SfuApi) -> None:
    health = (await sfu.get("/health")).ok()
    assert (health["status"], health["worker"]) == ("ok", "ready")
    async with sfu.session.get(platform.backend.url + "/health") as answer:
        assert answer.status == 200
        body = await answer.json()
    assert {"status": "ok", "service": "vtp-platform", "version": "1.0.0"}.items() <= body.items()
    assert (body["database"], body["sfu"]) == ("ok", "ok")


async def test_room_operations(sfu: SfuApi) -> None:
    assert (await sfu.join("test-1", "peer-1")).ok()["rtpCapabilities"]["codecs"]
    room = (await sfu.get("/rooms/test-1")).ok()
    assert (room["roomId"], room["peerCount"]) == ("test-1", 1)
    assert isinstance(room["createdAt"], int)
    assert "test-1" in {entry["roomId"] for entry in (await sfu.get("/rooms")).ok()["rooms"]}
    assert (await sfu.leave("test-1", "peer-1")).ok() == {"success": True}
    assert "test-1" not in {entry["roomId"] for entry in (await sfu.get("/rooms")).ok()["rooms"]}
    assert (await sfu.get("/rooms/test-1")).code == "ROOM_NOT_FOUND"


async def test_transport_operations(sfu: SfuApi) -> None:
    (await sfu.join("test-2", "peer-1")).ok()
    offered = (await sfu.create_transport("test-2", "peer-1", "send")).ok()
    assert offered["iceParameters"]["iceLite"] is True
    assert [entry["algorithm"] for entry in offered["dtlsParameters"]["fingerprints"]] == ["sha-256"]
    assert {"foundation", "priority", "ip", "address", "protocol", "port", "type"} <= offered["iceCandidates"][
        0
    ].keys()
    async with media_peer() as peer:
        await peer.open(offered)
        path = f"/rooms/test-2/transports/{offered['transportId']}/connect"
        assert (await sfu.post(path, {"dtlsParameters": peer.dtls_parameters})).ok() == {"success": True}
        await peer.connect(offered)
        assert peer.srtp_profile == "SRTP_AEAD_AES_128_GCM"
        again = await sfu.post(path, {"dtlsParameters": peer.dtls_parameters})
        assert (again.status, again.code) == (409, "ALREADY_CONNECTED")
    (await sfu.leave("test-2", "peer-1")).ok()


async def test_producer_and_consumer_with_media_through_them(sfu: SfuApi) -> None:
    async with media_peer() as publisher, media_peer() as viewer:
        transports = {}
        for name, direction, peer in (("peer-1", "send", publisher), ("peer-2", "recv", viewer)):
            (await sfu.join("test-3", name)).ok()
            offered = (await sfu.create_transport("test-3", name, direction)).ok()
            transports[name] = offered["transportId"]
            await peer.open(offered)
            path = f"/rooms/test-3/transports/{offered['transportId']}/connect"
            (await sfu.post(path, {"dtlsParameters": peer.dtls_parameters})).ok()
            await peer.connect(offered)
        producer = (await sfu.produce("test-3", "peer-1", "audio", ssrc=5555)).ok()
        assert producer["kind"] == "audio"
        assert producer["id"] == producer["producerId"]
        consumer = (await sfu.consume("test-3", "peer-2", producer["id"], paused=False)).ok()
        assert consumer["rtpParameters"]["encodings"][0]["ssrc"]
        got = viewer.rtp
        while not got:
            publisher.send_rtp(build_rtp(payload=OPUS_FRAME, payload_type=111, ssrc=5555))
            await viewer.check()  # an answer shows that what was sent before has been handled
        assert got[0].endswith(OPUS_FRAME)
        [inbound] = (await sfu.get(f"/rooms/test-3/producers/{producer['id']}/stats")).ok()["stats"]
        assert (inbound["type"], inbound["ssrc"]) == ("inbound-rtp", 5555)
        assert inbound["packetCount"] >= 1
        outbound = (await sfu.get(f"/rooms/test-3/consumers/{consumer['id']}/stats")).ok()["stats"][0]
        assert outbound["type"] == "outbound-rtp"
        assert outbound["packetCount"] >= len(got) >= 1
        [sending] = (await sfu.get(f"/rooms/test-3/transports/{transports['peer-2']}/stats")).ok()["stats"]
        assert sending["bytesSent"] >= sum(map(len, got))
        assert (sending["iceState"], sending["dtlsState"]) == ("completed", "connected")
        assert sending["iceSelectedTuple"]["protocol"] == "udp"
        assert (await sfu.get("/rooms/test-3")).ok()["peerCount"] == 2
        (await sfu.post(f"/rooms/test-3/consumers/{consumer['id']}/close")).ok()
        (await sfu.post(f"/rooms/test-3/producers/{producer['id']}/close")).ok()
        (await sfu.leave("test-3", "peer-1")).ok()
        assert (await sfu.get("/rooms/test-3")).ok()["peerCount"] == 1
        (await sfu.leave("test-3", "peer-2")).ok()
    assert (await sfu.get("/rooms/test-3")).status == 404
