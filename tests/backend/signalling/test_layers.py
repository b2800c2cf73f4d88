"""Layers through signalling, from the SFU's worker to the participants and back."""

from typing import Any

import pytest

from tests.support.live_backend import Seat
from tests.support.sfu import RunningSfu

pytestmark = pytest.mark.asyncio(loop_scope="module")

SIMULCAST = [{"rid": rid, "scalabilityMode": "L1T3"} for rid in ("r0", "r1", "r2")]


def notify(sfu: RunningSfu, event: str, object_id: str, **data: Any) -> None:
    """Let the media worker say something about one of its objects."""
    [worker] = sfu.pool.ready_workers
    worker.emit(object_id, event, {f"{event.partition('.')[0]}Id": object_id, **data})


async def details(sfu: RunningSfu, kind: str) -> list[Any]:
    """Return what the SFU holds of a kind."""
    peers = (await sfu.get("/rooms/physics?detail=1")).ok()["peers"]
    return [entry for peer in peers for entry in peer[kind]]


async def test_what_is_really_forwarded_is_told_to_who_receives_it(
    teacher: Seat, student: Seat, sfu: RunningSfu
) -> None:
    producer_id = await teacher.produce("video", encodings=SIMULCAST)
    consumed = await student.consume(producer_id)
    assert (consumed["type"], consumed["currentLayers"]) == ("simulcast", None)
    consumer_id = consumed["consumerId"]
    for spatial, temporal in ((0, 2), (1, 0), (None, None)):
        layers = {"spatialLayer": spatial, "temporalLayer": temporal}
        notify(sfu, "consumer.layers", consumer_id, **layers)
        told = await student.client.notification("consumer-layers-changed", **layers)
        assert told == {"consumerId": consumer_id, **layers}
    assert "consumer-layers-changed" not in [method for method, _ in teacher.client.notified()]


async def test_what_others_watch_is_told_to_who_sends_it_alone(
    teacher: Seat, student: Seat, sfu: RunningSfu
) -> None:
    producer_id = await teacher.produce("video", encodings=SIMULCAST)
    for layer in (1, None, 2):
        notify(sfu, "producer.wantedLayers", producer_id, spatialLayer=layer)
        told = await teacher.client.notification("producer-layers-wanted", spatialLayer=layer)
        assert told == {"producerId": producer_id, "spatialLayer": layer}
    assert "producer-layers-wanted" not in [method for method, _ in student.client.notified()]


async def test_a_gap_in_the_events_leaves_no_stale_layers(teacher: Seat, student: Seat, sfu: RunningSfu) -> None:
    producer_id = await teacher.produce("video", encodings=SIMULCAST)
    consumer_id = (await student.consume(producer_id))["consumerId"]
    [consumer] = sfu.rooms.room("physics").peer(student.id).consumers
    [producer] = sfu.rooms.room("physics").peer(teacher.id).producers
    consumer.current_layers = {"spatialLayer": 2, "temporalLayer": 1}
    producer.wanted_layers = {"spatialLayer": 2}
    sfu.event_log.seq += 1  # one that nobody got
    sfu.event_log.publish("something-new", "physics")
    told = await student.client.notification("consumer-layers-changed")
    assert told == {"consumerId": consumer_id, "spatialLayer": 2, "temporalLayer": 1}
    told = await teacher.client.notification("producer-layers-wanted")
    assert told == {"producerId": producer_id, "spatialLayer": 2}


async def test_preferred_layers_and_priority_reach_the_sfu(teacher: Seat, student: Seat, sfu: RunningSfu) -> None:
    producer_id = await teacher.produce("video", encodings=SIMULCAST)
    consumed = await student.consume(producer_id, preferredLayers={"spatialLayer": 0, "temporalLayer": None})
    [entry] = await details(sfu, "consumers")
    assert (entry["preferredLayers"], entry["priority"]) == ({"spatialLayer": 0, "temporalLayer": 2}, 1)
    consumer = {"consumerId": consumed["consumerId"]}
    answer = await student.client.request("set-preferred-layers", {**consumer, "spatialLayer": 200})
    assert answer == {"spatialLayer": 2, "temporalLayer": 2}
    answer = await student.client.request(
        "set-preferred-layers", {**consumer, "spatialLayer": 1, "temporalLayer": 1}
    )
    assert answer == {"spatialLayer": 1, "temporalLayer": 1}
    assert await student.client.request("set-consumer-priority", {**consumer, "priority": 9}) == {}
    [entry] = await details(sfu, "consumers")
    assert entry["preferredLayers"] == {"spatialLayer": 1, "temporalLayer": 1}
    assert entry["priority"] == 9


async def test_without_layers_asking_for_some_has_no_effect(teacher: Seat, student: Seat) -> None:
    consumed = await student.consume(await teacher.produce("video"))
    answer = await student.client.request(
        "set-preferred-layers", consumerId=consumed["consumerId"], spatialLayer=2
    )
    assert answer == {}
