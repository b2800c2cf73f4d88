"""Layers, priorities, scores and bitrate limits over the API, and what is told of them."""

from typing import Any

import pytest

from tests.support.rtp_samples import producer_parameters
from tests.support.sfu import RunningSfu

pytestmark = pytest.mark.asyncio(loop_scope="session")

SIMULCAST = [{"rid": rid, "scalabilityMode": "L1T3", "maxBitrate": 100_000} for rid in ("r0", "r1", "r2")]


async def a_class(sfu: RunningSfu, room: str) -> tuple[str, str]:
    """Anna can send, Bela can receive; return their transports."""
    transports = []
    for peer, direction in (("anna", "send"), ("bela", "recv")):
        await sfu.join(room, peer)
        transports.append((await sfu.create_transport(room, peer, direction)).ok()["transportId"])
    return transports[0], transports[1]


async def simulcast(sfu: RunningSfu, room: str) -> str:
    """Have Anna send a picture in three sizes; return the producer's id."""
    parameters = producer_parameters("chromium", "video", mid="0", encodings=SIMULCAST)
    body = {"peerId": "anna", "kind": "video", "rtpParameters": parameters}
    producer_id: str = (await sfu.post(f"/rooms/{room}/producers", body)).ok()["id"]
    return producer_id


async def details(sfu: RunningSfu, room: str, kind: str) -> dict[str, Any]:
    """Return the one producer or consumer in the room's details."""
    peers = (await sfu.get(f"/rooms/{room}?detail=1")).ok()["peers"]
    [entry] = [entry for peer in peers for entry in peer[kind]]
    found: dict[str, Any] = entry
    return found


def notify(sfu: RunningSfu, event: str, **data: Any) -> None:
    """Let the worker say something about one of its objects."""
    [worker] = sfu.pool.ready_workers
    worker.emit(data[f"{event.partition('.')[0]}Id"], event, data)


async def test_what_the_worker_tells_of_a_consumer_is_told_and_kept(sfu: RunningSfu, room: str) -> None:
    await a_class(sfu, room)
    producer = await simulcast(sfu, room)
    consumer = (await sfu.consume(room, "bela", producer, priority=7)).ok()["id"]
    assert (await details(sfu, room, "consumers"))["priority"] == 7
    about = {"consumerId": consumer, "peerId": "bela", "producerId": producer}
    score = {"score": 7, "producerScore": 8, "producerScores": [8, 8, 9]}
    async with sfu.events() as events:
        notify(sfu, "consumer.score", consumerId=consumer, score=score)
        seen = (await events.until("consumer-score", **about))[-1]
        assert seen["score"] == score
        notify(sfu, "consumer.layers", consumerId=consumer, spatialLayer=1, temporalLayer=2)
        await events.until("consumer-layers", **about, spatialLayer=1, temporalLayer=2)
        entry = await details(sfu, room, "consumers")
        assert entry["score"] == score
        assert entry["currentLayers"] == {"spatialLayer": 1, "temporalLayer": 2}
        notify(sfu, "consumer.layers", consumerId=consumer, spatialLayer=None, temporalLayer=None)
        await events.until("consumer-layers", **about, spatialLayer=None, temporalLayer=None)
        assert (await details(sfu, room, "consumers"))["currentLayers"] is None


async def test_what_the_worker_tells_of_a_producer_is_told_and_kept(sfu: RunningSfu, room: str) -> None:
    await a_class(sfu, room)
    producer = await simulcast(sfu, room)
    about = {"producerId": producer, "peerId": "anna"}
    score = [{"encodingIdx": 0, "ssrc": 1, "rid": "r0", "score": 10}]
    async with sfu.events() as events:
        notify(sfu, "producer.score", producerId=producer, score=score)
        await events.until("producer-score", **about, score=score)
        notify(sfu, "producer.wantedLayers", producerId=producer, spatialLayer=0)
        await events.until("producer-layers", **about, spatialLayer=0)
        entry = await details(sfu, room, "producers")
        assert (entry["score"], entry["wantedLayers"]) == (score, {"spatialLayer": 0})
        notify(sfu, "producer.wantedLayers", producerId=producer, spatialLayer=None)
        await events.until("producer-layers", **about, spatialLayer=None)
        assert (await details(sfu, room, "producers"))["wantedLayers"] == {"spatialLayer": None}


async def test_a_storm_of_scores_is_not_passed_on(sfu: RunningSfu, room: str) -> None:
    await a_class(sfu, room)
    producer = await simulcast(sfu, room)
    consumer = (await sfu.consume(room, "bela", producer)).ok()["id"]
    async with sfu.events() as events:
        for number in range(1000):
            notify(sfu, "consumer.score", consumerId=consumer, score={"score": number % 11})
        seen = await events.until("consumer-score", score={"score": 999 % 11})
        scores = [event["score"]["score"] for event in seen if event.get("consumerId") == consumer]
        assert scores == [0, 999 % 11]


async def test_nothing_is_told_of_a_consumer_after_it_was_closed(sfu: RunningSfu, room: str) -> None:
    await a_class(sfu, room)
    producer = await simulcast(sfu, room)
    consumer, other = [(await sfu.consume(room, "bela", producer)).ok()["id"] for _ in range(2)]
    async with sfu.events() as events:
        for number in (5, 4):
            for of in (consumer, other):
                notify(sfu, "consumer.score", consumerId=of, score={"score": number})
        (await sfu.post(f"/rooms/{room}/consumers/{consumer}/close")).ok()
        notify(sfu, "consumer.score", consumerId=consumer, score={"score": 3})
        seen = await events.until("consumer-score", consumerId=other, score={"score": 4})
    of_consumer = [event["event"] for event in seen if event.get("consumerId") == consumer]
    assert of_consumer == ["consumer-score", "consumer-closed"]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("consumers/{consumer}/preferred-layers", {}, "spatialLayer"),
        ("consumers/{consumer}/preferred-layers", {"spatialLayer": -1}, "spatialLayer"),
        ("consumers/{consumer}/preferred-layers", {"spatialLayer": 256}, "spatialLayer"),
        ("consumers/{consumer}/preferred-layers", {"spatialLayer": 1.5}, "spatialLayer"),
        ("consumers/{consumer}/preferred-layers", {"spatialLayer": "1"}, "spatialLayer"),
        ("consumers/{consumer}/preferred-layers", {"spatialLayer": True}, "spatialLayer"),
        ("consumers/{consumer}/preferred-layers", {"spatialLayer": 1, "temporalLayer": -1}, "temporalLayer"),
        ("consumers/{consumer}/preferred-layers", {"spatialLayer": 1, "temporalLayer": 10**30}, "temporalLayer"),
        ("consumers/{consumer}/priority", {}, "priority"),
        ("consumers/{consumer}/priority", {"priority": 0}, "priority"),
        ("consumers/{consumer}/priority", {"priority": 256}, "priority"),
        ("transports/{transport}/max-incoming-bitrate", {}, "bitrate"),
        ("transports/{transport}/max-incoming-bitrate", {"bitrate": -1}, "bitrate"),
        ("transports/{transport}/max-incoming-bitrate", {"bitrate": 1 << 32}, "bitrate"),
        ("transports/{transport}/max-incoming-bitrate", {"bitrate": 1e300}, "bitrate"),
        ("transports", {"direction": "send", "maxIncomingBitrate": -1}, "maxIncomingBitrate"),
        ("consumers", {"preferredLayers": {"spatialLayer": -1}}, "preferredLayers"),
        ("consumers", {"preferredLayers": {}}, "preferredLayers"),
        ("consumers", {"preferredLayers": 2}, "preferredLayers"),
        ("consumers", {"priority": 0}, "priority"),
    ],
)
async def test_numbers_out_of_range_are_refused_by_name(
    sfu: RunningSfu, room: str, path: str, body: dict[str, Any], field: str
) -> None:
    transport, _ = await a_class(sfu, room)
    producer = await simulcast(sfu, room)
    consumer = (await sfu.consume(room, "bela", producer)).ok()["id"]
    if path == "consumers":
        answer = await sfu.consume(room, "bela", producer, **body)
    else:
        full = f"/rooms/{room}/{path.format(consumer=consumer, transport=transport)}"
        answer = await sfu.post(full, {"peerId": "anna", **body})
    assert (answer.status, answer.code) == (400, "INVALID_INPUT")
    assert list(answer.body["details"]) == [field]


async def test_a_limit_can_come_with_the_transport(sfu: RunningSfu, room: str) -> None:
    await sfu.join(room, "anna")
    for limit in (0, 500_000, (1 << 32) - 1, None):
        answer = await sfu.create_transport(room, "anna", "send", maxIncomingBitrate=limit)
        path = f"/rooms/{room}/transports/{answer.ok()['transportId']}/stats"
        (stats,) = (await sfu.get(path)).ok()["stats"]
        assert stats.get("maxIncomingBitrate") == (limit or None)


async def test_a_limit_can_be_set_changed_and_ended_later(sfu: RunningSfu, room: str) -> None:
    transport, _ = await a_class(sfu, room)
    path = f"/rooms/{room}/transports/{transport}/max-incoming-bitrate"
    for limit in (300_000, 1_000_000, 0):
        answer = await sfu.post(path, {"bitrate": limit})
        assert answer.ok() == {"success": True}


async def test_preferred_layers_are_never_more_than_there_are(sfu: RunningSfu, room: str) -> None:
    await a_class(sfu, room)
    producer = await simulcast(sfu, room)
    consumer = (await sfu.consume(room, "bela", producer)).ok()["id"]
    assert (await details(sfu, room, "consumers"))["preferredLayers"] == {"spatialLayer": 2, "temporalLayer": 2}
    path = f"/rooms/{room}/consumers/{consumer}/preferred-layers"
    for asked, got in (((0, None), (0, 2)), ((1, 1), (1, 1)), ((255, 255), (2, 2)), ((0, 0), (0, 0))):
        answer = await sfu.post(path, dict(zip(("spatialLayer", "temporalLayer"), asked, strict=True)))
        layers = dict(zip(("spatialLayer", "temporalLayer"), got, strict=True))
        assert answer.ok() == {"success": True, **layers}
        assert (await details(sfu, room, "consumers"))["preferredLayers"] == layers


async def test_a_consumer_can_begin_with_preferred_layers(sfu: RunningSfu, room: str) -> None:
    await a_class(sfu, room)
    producer = await simulcast(sfu, room)
    (await sfu.consume(room, "bela", producer, preferredLayers={"spatialLayer": 1, "temporalLayer": 0})).ok()
    assert (await details(sfu, room, "consumers"))["preferredLayers"] == {"spatialLayer": 1, "temporalLayer": 0}


async def test_where_there_are_no_layers_asking_for_some_has_no_effect(sfu: RunningSfu, room: str) -> None:
    await a_class(sfu, room)
    for ssrc, kind in ((5, "audio"), (7, "video")):
        producer = (await sfu.produce(room, "anna", kind, ssrc=ssrc)).ok()["id"]
        fields = {"preferredLayers": {"spatialLayer": 1}}
        consumer = (await sfu.consume(room, "bela", producer, **fields)).ok()["id"]
        path = f"/rooms/{room}/consumers/{consumer}"
        assert (await sfu.post(f"{path}/preferred-layers", {"spatialLayer": 1})).ok() == {"success": True}
        assert (await details(sfu, room, "consumers"))["preferredLayers"] is None
        (await sfu.post(f"{path}/close")).ok()


async def test_a_priority_can_be_changed(sfu: RunningSfu, room: str) -> None:
    await a_class(sfu, room)
    producer = await simulcast(sfu, room)
    consumer = (await sfu.consume(room, "bela", producer)).ok()["id"]
    assert (await details(sfu, room, "consumers"))["priority"] == 1
    answer = await sfu.post(f"/rooms/{room}/consumers/{consumer}/priority", {"priority": 255})
    assert answer.ok() == {"success": True, "priority": 255}
    assert (await details(sfu, room, "consumers"))["priority"] == 255
