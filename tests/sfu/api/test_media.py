"""Producers and consumers over the API."""

import asyncio
import re
from typing import Any

import pytest

from tests.support.rtp_samples import CLIENTS, producer_parameters, receiver_capabilities
from tests.support.sfu import NOTHING, RunningSfu

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def a_class(sfu: RunningSfu, room: str) -> None:
    """Anna can send, Bela can receive."""
    await sfu.join(room, "anna")
    await sfu.join(room, "bela")
    (await sfu.create_transport(room, "anna", "send")).ok()
    (await sfu.create_transport(room, "bela", "recv")).ok()


async def produce_raw(sfu: RunningSfu, room: str, kind: str, parameters: Any, **fields: Any) -> Any:
    body = {"peerId": "anna", "kind": kind, "rtpParameters": parameters, **fields}
    return await sfu.post(f"/rooms/{room}/producers", body)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("kind", ["audio", "video"])
async def test_every_client_sends_to_every_client(sfu: RunningSfu, room: str, client: str, kind: str) -> None:
    await a_class(sfu, room)
    parameters = producer_parameters(client, kind, mid="0", encodings=[{"ssrc": 1234}])
    produced = (await produce_raw(sfu, room, kind, parameters)).ok()
    assert produced["id"] == produced["producerId"]
    assert (produced["kind"], produced["type"]) == (kind, "simple")
    for receiver in CLIENTS:
        capabilities = receiver_capabilities(receiver)
        consumed = (await sfu.consume(room, "bela", produced["id"], rtpCapabilities=capabilities)).ok()
        assert consumed["id"] == consumed["consumerId"]
        assert (consumed["producerId"], consumed["kind"]) == (produced["id"], kind)
        assert (consumed["type"], consumed["producerPaused"]) == ("simple", False)
        assert len(consumed["rtpParameters"]["encodings"]) == 1


async def test_simulcast_and_svc_are_told_apart(sfu: RunningSfu, room: str) -> None:
    await a_class(sfu, room)
    layers = [{"rid": rid, "maxBitrate": rate} for rid, rate in (("q", 100_000), ("h", 300_000), ("f", 900_000))]
    vp8 = producer_parameters("chromium", "video", mid="0", encodings=layers)
    simulcast = (await produce_raw(sfu, room, "video", vp8)).ok()
    assert simulcast["type"] == "simulcast"
    consumed = (await sfu.consume(room, "bela", simulcast["id"])).ok()
    assert consumed["type"] == "simulcast"
    [encoding] = consumed["rtpParameters"]["encodings"]
    assert encoding["scalabilityMode"].startswith("L3T")

    layered = producer_parameters("chromium", "video", mid="1", encodings=[{"ssrc": 7, "scalabilityMode": "L1T3"}])
    assert (await produce_raw(sfu, room, "video", layered)).ok()["type"] == "svc"


async def test_one_cname_serves_all_producers_of_a_transport(sfu: RunningSfu, room: str) -> None:
    await a_class(sfu, room)
    await sfu.create_transport(room, "bela", "send")
    first = producer_parameters("chromium", "audio", mid="0", encodings=[{"ssrc": 1}], rtcp={"cname": ""})
    second = producer_parameters("chromium", "video", mid="1", encodings=[{"ssrc": 2}], rtcp={"cname": "mine"})
    names = []
    for kind, parameters in (("audio", first), ("video", second)):
        produced = (await produce_raw(sfu, room, kind, parameters)).ok()
        names.append(produced["rtpParameters"]["rtcp"]["cname"])
        consumed = (await sfu.consume(room, "bela", produced["id"])).ok()
        names.append(consumed["rtpParameters"]["rtcp"]["cname"])
    assert len(names[0]) == 8
    assert set(names) == {names[0]}

    other = producer_parameters("chromium", "audio", mid="0", encodings=[{"ssrc": 1}], rtcp={"cname": "bela"})
    body = {"peerId": "bela", "kind": "audio", "rtpParameters": other}
    produced = (await sfu.post(f"/rooms/{room}/producers", body)).ok()
    assert produced["rtpParameters"]["rtcp"]["cname"] == "bela"


async def test_consumer_mids_are_short_decimals_of_their_own(sfu: RunningSfu, room: str) -> None:
    await a_class(sfu, room)
    produced = (await sfu.produce(room, "anna")).ok()
    consumed = [(await sfu.consume(room, "bela", produced["id"])).ok() for _ in range(5)]
    mids = [body["rtpParameters"]["mid"] for body in consumed]
    assert len(set(mids)) == 5
    assert all(re.fullmatch(r"\d{1,4}", mid) for mid in mids)


async def test_consumers_that_do_not_fit_are_refused(sfu: RunningSfu, room: str) -> None:
    await a_class(sfu, room)
    produced = (await sfu.produce(room, "anna", "video")).ok()
    deaf = {"codecs": [c for c in receiver_capabilities("chromium")["codecs"] if c["kind"] == "audio"]}
    for capabilities in (deaf, {"codecs": []}, {}):
        refused = await sfu.consume(room, "bela", produced["id"], rtpCapabilities=capabilities)
        assert (refused.status, refused.code) == (400, "CANNOT_CONSUME")
    bad = await sfu.consume(room, "bela", produced["id"], rtpCapabilities={"codecs": [{"mimeType": "text/plain"}]})
    assert (bad.status, bad.code) == (400, "INVALID_INPUT")
    assert list(bad.body["details"]) == ["rtpCapabilities"]
    assert (await sfu.worker_counts())["consumers"] == 0


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("audio", {"codecs": []}),
        ("audio", {"codecs": [{"mimeType": "audio/opus"}]}),
        ("audio", {"codecs": [{"mimeType": "audio/unheard-of", "payloadType": 96, "clockRate": 8000}]}),
        ("audio", {"encodings": [{}], "mid": None}),
        ("audio", {"encodings": [{"ssrc": -1}]}),
        ("audio", {"encodings": [{"ssrc": 1}, {"ssrc": 2}]}),
        ("audio", {"encodings": [{"ssrc": 1, "scalabilityMode": "L1T3"}]}),
        ("audio", {"headerExtensions": [{"uri": "urn:x", "id": 0}]}),
        ("video", {"encodings": [{}, {}]}),
        ("video", {"encodings": [{"ssrc": 1, "codecPayloadType": 99}, {"ssrc": 2, "codecPayloadType": 200}]}),
    ],
)
async def test_parameters_that_mediasoup_refuses_are_refused(
    sfu: RunningSfu, room: str, kind: str, fields: Any
) -> None:
    await a_class(sfu, room)
    refused = await produce_raw(sfu, room, kind, producer_parameters("chromium", kind, **{"mid": "0", **fields}))
    assert (refused.status, refused.code) == (400, "INVALID_INPUT"), refused.body
    assert list(refused.body["details"]) == ["rtpParameters"]
    assert (await sfu.worker_counts())["producers"] == 0
    (await sfu.produce(room, "anna", kind)).ok()


async def test_audio_codecs_are_no_video(sfu: RunningSfu, room: str) -> None:
    await a_class(sfu, room)
    opus = producer_parameters("chromium", "audio", mid="0", encodings=[{"ssrc": 1}])
    assert (await produce_raw(sfu, room, "video", opus)).status == 400


async def test_an_ssrc_or_mid_serves_once_on_a_transport(sfu: RunningSfu, room: str) -> None:
    await a_class(sfu, room)
    (await sfu.produce(room, "anna", ssrc=5)).ok()
    refused = await sfu.produce(room, "anna", ssrc=5)
    assert (refused.status, refused.code) == (400, "INVALID_INPUT")
    assert (await sfu.worker_counts())["producers"] == 1
    (await sfu.produce(room, "anna", ssrc=6)).ok()


async def test_pausing_a_producer_shows_in_its_consumers(sfu: RunningSfu, room: str) -> None:
    await a_class(sfu, room)
    producer = (await sfu.produce(room, "anna")).ok()["id"]
    for action, paused in (("pause", True), ("pause", True), ("resume", False)):
        assert (await sfu.post(f"/rooms/{room}/producers/{producer}/{action}")).ok() == {"success": True}
        assert (await sfu.consume(room, "bela", producer)).ok()["producerPaused"] is paused


async def test_a_consumers_own_pause(sfu: RunningSfu, room: str) -> None:
    await a_class(sfu, room)
    producer = (await sfu.produce(room, "anna", "video")).ok()["id"]
    consumer = (await sfu.consume(room, "bela", producer, paused=True)).ok()["id"]

    async def is_paused() -> bool:
        peers = (await sfu.get(f"/rooms/{room}?detail=1")).ok()["peers"]
        [entry] = peers[1]["consumers"]
        paused: bool = entry["paused"]
        return paused

    assert await is_paused()
    for action, paused in (("resume", False), ("resume", False), ("request-key-frame", False), ("pause", True)):
        assert (await sfu.post(f"/rooms/{room}/consumers/{consumer}/{action}")).ok() == {"success": True}
        assert await is_paused() is paused


async def test_closing_a_producer_closes_its_consumers(sfu: RunningSfu, room: str) -> None:
    await a_class(sfu, room)
    producer = (await sfu.produce(room, "anna")).ok()["id"]
    consumer = (await sfu.consume(room, "bela", producer)).ok()["id"]
    (await sfu.post(f"/rooms/{room}/producers/{producer}/close")).ok()
    assert await sfu.worker_counts() == {**NOTHING, "routers": 1, "transports": 2}
    gone = await sfu.post(f"/rooms/{room}/consumers/{consumer}/close")
    assert (gone.status, gone.code) == (404, "CONSUMER_NOT_FOUND")
    gone = await sfu.post(f"/rooms/{room}/producers/{producer}/close")
    assert (gone.status, gone.code) == (404, "PRODUCER_NOT_FOUND")


async def test_closing_a_consumer_leaves_its_producer(sfu: RunningSfu, room: str) -> None:
    await a_class(sfu, room)
    producer = (await sfu.produce(room, "anna")).ok()["id"]
    consumer = (await sfu.consume(room, "bela", producer)).ok()["id"]
    (await sfu.post(f"/rooms/{room}/consumers/{consumer}/close")).ok()
    assert await sfu.worker_counts() == {**NOTHING, "routers": 1, "transports": 2, "producers": 1}


async def test_stats_of_producers_and_consumers(sfu: RunningSfu, room: str) -> None:
    await a_class(sfu, room)
    producer = (await sfu.produce(room, "anna", "video")).ok()["id"]
    consumer = (await sfu.consume(room, "bela", producer)).ok()["id"]
    assert isinstance((await sfu.get(f"/rooms/{room}/producers/{producer}/stats")).ok()["stats"], list)
    stats = (await sfu.get(f"/rooms/{room}/consumers/{consumer}/stats")).ok()["stats"]
    assert stats[0]["type"] == "outbound-rtp"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("producers/{id}/close", "PRODUCER_NOT_FOUND"),
        ("producers/{id}/pause", "PRODUCER_NOT_FOUND"),
        ("producers/{id}/resume", "PRODUCER_NOT_FOUND"),
        ("consumers/{id}/close", "CONSUMER_NOT_FOUND"),
        ("consumers/{id}/pause", "CONSUMER_NOT_FOUND"),
        ("consumers/{id}/resume", "CONSUMER_NOT_FOUND"),
        ("consumers/{id}/request-key-frame", "CONSUMER_NOT_FOUND"),
        ("consumers/{id}/preferred-layers", "CONSUMER_NOT_FOUND"),
        ("consumers/{id}/priority", "CONSUMER_NOT_FOUND"),
        ("transports/{id}/max-incoming-bitrate", "TRANSPORT_NOT_FOUND"),
    ],
)
async def test_another_rooms_objects_are_not_found(sfu: RunningSfu, room: str, path: str, code: str) -> None:
    await a_class(sfu, room + "-2")
    producer = (await sfu.produce(room + "-2", "anna")).ok()["id"]
    consumer = (await sfu.consume(room + "-2", "bela", producer)).ok()["id"]
    await sfu.join(room, "anna")
    for object_id in (producer, consumer, "unknown"):
        refused = await sfu.post(f"/rooms/{room}/{path.format(id=object_id)}")
        assert (refused.status, refused.code) == (404, code)
    assert (await sfu.worker_counts())["consumers"] == 1


async def test_nobody_consumes_from_another_room_or_on_anothers_transport(sfu: RunningSfu, room: str) -> None:
    await a_class(sfu, room)
    await a_class(sfu, room + "-2")
    theirs = (await sfu.produce(room + "-2", "anna")).ok()["id"]
    refused = await sfu.consume(room, "bela", theirs)
    assert (refused.status, refused.code) == (404, "PRODUCER_NOT_FOUND")
    producer = (await sfu.produce(room, "anna")).ok()["id"]
    [anna, _] = (await sfu.get(f"/rooms/{room}?detail=1")).ok()["peers"]
    annas = anna["transports"][0]["transportId"]
    refused = await sfu.consume(room, "bela", producer, transportId=annas)
    assert (refused.status, refused.code) == (404, "TRANSPORT_NOT_FOUND")


async def test_a_producer_closed_while_it_is_consumed(sfu: RunningSfu, room: str) -> None:
    await a_class(sfu, room)
    for number in range(20):
        producer = (await sfu.produce(room, "anna", ssrc=100 + number)).ok()["id"]
        consumed, closed = await asyncio.gather(
            sfu.consume(room, "bela", producer), sfu.post(f"/rooms/{room}/producers/{producer}/close")
        )
        assert closed.status == 200
        assert consumed.status == 200 or consumed.code == "PRODUCER_NOT_FOUND"
    assert await sfu.worker_counts() == {**NOTHING, "routers": 1, "transports": 2}
    assert all(not peer.consumers for peer in sfu.rooms.room(room).peers.values())


async def test_a_leave_while_producing_and_consuming(sfu: RunningSfu, room: str) -> None:
    for _ in range(10):
        await a_class(sfu, room)
        producer = (await sfu.produce(room, "anna")).ok()["id"]
        await asyncio.gather(
            *(sfu.produce(room, "anna", ssrc=ssrc) for ssrc in (7, 9)),
            *(sfu.consume(room, "bela", producer) for _ in range(3)),
            sfu.leave(room, "anna"),
            sfu.leave(room, "bela"),
        )
        assert await sfu.worker_counts() == NOTHING


async def test_consumers_of_a_producer_share_an_ssrc_which_no_transport_has_twice(
    sfu: RunningSfu, room: str
) -> None:
    await a_class(sfu, room)
    (await sfu.join(room, "carl")).ok()
    (await sfu.create_transport(room, "carl", "recv")).ok()
    producer = (await sfu.produce(room, "anna", "video")).ok()["id"]
    consumers = [(await sfu.consume(room, peer, producer)).ok() for peer in ("bela", "carl", "bela")]
    ssrcs = [consumer["rtpParameters"]["encodings"][0]["ssrc"] for consumer in consumers]
    assert ssrcs[0] == ssrcs[1] != ssrcs[2]
    for consumer in (consumers[0], consumers[2]):
        (await sfu.post(f"/rooms/{room}/consumers/{consumer['id']}/close")).ok()
    again = (await sfu.consume(room, "bela", producer)).ok()["rtpParameters"]["encodings"][0]
    assert again["ssrc"] not in ssrcs
    assert again["rtx"]["ssrc"] == again["ssrc"] + 1
