"""Transports, producers and consumers through signalling, with the real SFU behind it."""

import asyncio
from typing import Any

import pytest

from backend.domain.users import Role
from tests.support.live_backend import LiveBackend, Seat
from tests.support.rtp_samples import producer_parameters, receiver_capabilities
from tests.support.sfu import FINGERPRINT, NOTHING, RunningSfu

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_transport_is_the_sfus(teacher: Seat) -> None:
    answer = await teacher.client.request("create-transport", direction="send")
    assert answer["iceParameters"]["iceLite"] is True
    assert answer["iceCandidates"]
    assert [one["algorithm"] for one in answer["dtlsParameters"]["fingerprints"]] == ["sha-256"]
    parameters = {"role": "client", "fingerprints": [FINGERPRINT], "extra": None}
    connect = {"transportId": answer["transportId"], "dtlsParameters": parameters}
    assert await teacher.client.request("connect-transport", connect) == {}
    refusal = await teacher.client.refused("connect-transport", connect)
    assert (refusal.status, refusal.code) == (409, "ALREADY_CONNECTED")
    assert await teacher.client.request("close-transport", transportId=answer["transportId"]) == {}
    refusal = await teacher.client.refused("close-transport", transportId=answer["transportId"])
    assert (refusal.status, refusal.code) == (404, "TRANSPORT_NOT_FOUND")


async def test_ones_own_transports_ice_can_be_restarted_again_and_again(teacher: Seat, student: Seat) -> None:
    made = await teacher.client.request("create-transport", direction="send")
    seen = [made["iceParameters"]]
    for _ in range(3):
        answer = await teacher.client.request("restart-ice", transportId=made["transportId"])
        assert set(answer) == {"iceParameters"}
        seen.append(answer["iceParameters"])
    assert len({one["usernameFragment"] for one in seen}) == len({one["password"] for one in seen}) == 4
    refusal = await student.client.refused("restart-ice", transportId=made["transportId"])
    assert (refusal.status, refusal.code) == (404, "TRANSPORT_NOT_FOUND")
    await teacher.client.request("close-transport", transportId=made["transportId"])
    refusal = await teacher.client.refused("restart-ice", transportId=made["transportId"])
    assert (refusal.status, refusal.code) == (404, "TRANSPORT_NOT_FOUND")


async def test_what_one_does_reaches_the_other_in_order(teacher: Seat, student: Seat) -> None:
    audio = await teacher.produce(ssrc=1, appData={"source": "mic"})
    video = await teacher.produce("video", ssrc=10, paused=True)
    for method in ("pause-producer", "resume-producer", "close-producer"):
        await teacher.client.request(method, producerId=audio)
    await teacher.client.request("resume-producer", producerId=video)
    await student.client.notification("producer-resumed", producerId=video)
    whose = {"participantId": teacher.id}
    assert student.client.notified() == [
        (
            "new-producer",
            {"producerId": audio, "kind": "audio", "appData": {"source": "mic"}, "paused": False, **whose},
        ),
        ("new-producer", {"producerId": video, "kind": "video", "appData": {}, "paused": True, **whose}),
        ("producer-paused", {"producerId": audio, **whose}),
        ("producer-resumed", {"producerId": audio, **whose}),
        ("producer-closed", {"producerId": audio, **whose}),
        ("producer-resumed", {"producerId": video, **whose}),
    ]
    assert [method for method, _ in teacher.client.notified()] == ["participant-joined"]


async def test_requests_sent_at_once_are_served_in_order(teacher: Seat, student: Seat) -> None:
    transport_id = await teacher.transport()
    producer_id = await teacher.produce(transportId=transport_id)
    methods = ["pause-producer", "resume-producer"] * 20 + ["close-producer"]
    answers = [await teacher.client.send(method, producerId=producer_id) for method in methods]
    await asyncio.gather(*answers)
    await student.client.notification("producer-closed")
    expected = ["producer-paused", "producer-resumed"] * 20 + ["producer-closed"]
    assert [method for method, _ in student.client.notified()] == ["new-producer", *expected]


async def test_a_consumer_starts_paused_and_ends_with_its_producer(
    teacher: Seat, student: Seat, sfu: RunningSfu
) -> None:
    producer_id = await teacher.produce("video", appData={"source": "cam"})
    consumed = await student.consume(producer_id)
    assert consumed["producerId"] == producer_id
    assert consumed["participantId"] == teacher.id
    assert consumed["kind"] == "video"
    assert consumed["type"] == "simple"
    assert consumed["appData"] == {"source": "cam"}
    assert consumed["producerPaused"] is False
    assert consumed["rtpParameters"]["encodings"]
    consumer = {"consumerId": consumed["consumerId"]}

    async def paused() -> list[bool]:
        peers = (await sfu.get("/rooms/physics?detail=1")).ok()["peers"]
        return [one["paused"] for peer in peers for one in peer["consumers"]]

    assert await paused() == [True]
    await student.client.request("resume-consumer", consumer)
    assert await paused() == [False]
    await student.client.request("request-key-frame", consumer)
    await student.client.request("pause-consumer", consumer)
    assert await paused() == [True]
    assert (await student.client.request("get-stats", consumer))["stats"]
    about = {**consumer, "producerId": producer_id}
    await teacher.client.request("pause-producer", producerId=producer_id)
    assert await student.client.notification("consumer-paused") == about
    await teacher.client.request("resume-producer", producerId=producer_id)
    assert await student.client.notification("consumer-resumed") == about
    await teacher.client.request("close-producer", producerId=producer_id)
    assert await student.client.notification("consumer-closed") == about
    refusal = await student.client.refused("resume-consumer", consumer)
    assert (refusal.status, refusal.code) == (404, "CONSUMER_NOT_FOUND")


async def test_a_consumer_can_start_running_and_be_closed(teacher: Seat, student: Seat, sfu: RunningSfu) -> None:
    producer_id = await teacher.produce(paused=True)
    consumed = await student.consume(producer_id, paused=False)
    assert consumed["producerPaused"] is True
    peers = (await sfu.get("/rooms/physics?detail=1")).ok()["peers"]
    assert [one["paused"] for peer in peers for one in peer["consumers"]] == [False]
    await student.client.request("close-consumer", consumerId=consumed["consumerId"])
    peers = (await sfu.get("/rooms/physics?detail=1")).ok()["peers"]
    assert all(peer["consumers"] == [] for peer in peers)


async def test_without_a_transport_the_receiving_one_serves(teacher: Seat, student: Seat) -> None:
    producer_id = await teacher.produce()
    wanted = {"producerId": producer_id, "rtpCapabilities": receiver_capabilities("chromium")}
    refusal = await student.client.refused("consume", wanted)
    assert (refusal.status, refusal.code) == (404, "TRANSPORT_NOT_FOUND")
    await student.transport("send")
    await student.transport("recv")
    assert (await student.client.request("consume", wanted))["kind"] == "audio"


async def test_what_does_not_fit_cannot_be_consumed(teacher: Seat, student: Seat) -> None:
    producer_id = await teacher.produce("video")
    await student.transport("recv")
    capabilities = receiver_capabilities("chromium")
    audio_only = {**capabilities, "codecs": [one for one in capabilities["codecs"] if one["kind"] == "audio"]}
    refusal = await student.client.refused("consume", producerId=producer_id, rtpCapabilities=audio_only)
    assert (refusal.status, refusal.code) == (400, "CANNOT_CONSUME")


async def test_parameters_that_the_sfu_refuses_are_refused_with_details(teacher: Seat, student: Seat) -> None:
    transport_id = await teacher.transport()
    refusal = await teacher.client.refused("produce", transportId=transport_id, kind="audio", rtpParameters={})
    assert (refusal.status, refusal.code) == (400, "INVALID_INPUT")
    assert refusal.answer["details"]
    bad_dtls: dict[str, Any] = {"role": "auto", "fingerprints": [{"algorithm": "sha-1", "value": "AB"}]}
    refusal = await teacher.client.refused("connect-transport", transportId=transport_id, dtlsParameters=bad_dtls)
    assert (refusal.status, refusal.code) == (400, "INVALID_INPUT")
    assert student.client.notified() == []


@pytest.mark.parametrize(
    ("method", "data"),
    [
        ("create-transport", {}),
        ("create-transport", {"direction": "both"}),
        ("create-transport", {"direction": "send", "enableSctp": 1}),
        ("connect-transport", {"transportId": "x"}),
        ("connect-transport", {"transportId": "x", "dtlsParameters": []}),
        ("close-transport", {"transportId": None}),
        ("restart-ice", {}),
        ("restart-ice", {"transportId": 7}),
        ("produce", {"transportId": "x", "kind": "smell", "rtpParameters": {}}),
        ("produce", {"transportId": "x", "kind": "audio", "rtpParameters": {}, "appData": {"x": "y" * 20_000}}),
        ("pause-producer", {}),
        ("pause-producer", {"producerId": {}}),
        ("consume", {"producerId": "x"}),
        ("consume", {"producerId": "x", "rtpCapabilities": {}, "preferredLayers": {}}),
        ("consume", {"producerId": "x", "rtpCapabilities": {}, "preferredLayers": {"spatialLayer": -1}}),
        ("set-preferred-layers", {"consumerId": "x"}),
        ("set-preferred-layers", {"consumerId": "x", "spatialLayer": 256}),
        ("set-preferred-layers", {"consumerId": "x", "spatialLayer": 1, "temporalLayer": "2"}),
        ("set-consumer-priority", {"consumerId": "x", "priority": 0}),
        ("set-consumer-priority", {"consumerId": "x", "priority": 256}),
        ("get-stats", {}),
        ("get-stats", {"producerId": "x", "consumerId": "y"}),
        ("raise-hand", {"raised": "up"}),
        ("lock-room", {}),
        ("mute-participant", {"participantId": "x", "kind": "smell"}),
        ("webrtc-offer", {"to": "x"}),
        ("ice-candidate", {"to": "x"}),
    ],
)
async def test_malformed_requests_are_refused(teacher: Seat, method: str, data: dict[str, Any]) -> None:
    refusal = await teacher.client.refused(method, data)
    assert (refusal.status, refusal.code) == (400, "INVALID_INPUT")
    assert refusal.answer["details"]


async def test_what_belongs_to_another_room_or_participant_is_not_found(
    backend: LiveBackend, teacher: Seat, student: Seat
) -> None:
    stranger = await backend.joined("stranger", Role.TEACHER, "chemistry")
    producer_id = await teacher.produce()
    transport_id = await teacher.transport()
    consumer_id = (await teacher.consume(producer_id))["consumerId"]
    await stranger.transport("recv")
    capabilities = receiver_capabilities("chromium")
    refusal = await stranger.client.refused("consume", producerId=producer_id, rtpCapabilities=capabilities)
    assert (refusal.status, refusal.code) == (404, "PRODUCER_NOT_FOUND")
    parameters = producer_parameters("chromium", "audio", encodings=[{"ssrc": 5}], mid="5")
    for seat in (stranger, student):
        for method, data, code in (
            ("close-producer", {"producerId": producer_id}, "PRODUCER_NOT_FOUND"),
            ("get-stats", {"producerId": producer_id}, "PRODUCER_NOT_FOUND"),
            ("close-transport", {"transportId": transport_id}, "TRANSPORT_NOT_FOUND"),
            (
                "produce",
                {"transportId": transport_id, "kind": "audio", "rtpParameters": parameters},
                "TRANSPORT_NOT_FOUND",
            ),
            ("resume-consumer", {"consumerId": producer_id}, "CONSUMER_NOT_FOUND"),
            ("set-preferred-layers", {"consumerId": consumer_id, "spatialLayer": 0}, "CONSUMER_NOT_FOUND"),
            ("set-consumer-priority", {"consumerId": consumer_id, "priority": 2}, "CONSUMER_NOT_FOUND"),
        ):
            refusal = await seat.client.refused(method, data)
            assert (refusal.status, refusal.code) == (404, code)
    assert (await teacher.client.request("get-stats", producerId=producer_id))["stats"] is not None


async def test_a_dead_media_worker_starts_the_room_over(teacher: Seat, student: Seat, sfu: RunningSfu) -> None:
    producer_id = await teacher.produce()
    await student.consume(producer_id)
    (worker,) = sfu.pool.ready_workers
    worker.kill()
    for seat in (teacher, student):
        assert await seat.client.notification("sfu-restarted") == {}
    assert "producer-closed" not in [method for method, _ in student.client.notified()]
    again = await teacher.produce()
    assert (await student.client.notification("new-producer", producerId=again))["participantId"] == teacher.id
    await student.consume(again)


async def test_a_peer_removed_at_the_sfu_starts_over_alone(teacher: Seat, student: Seat, sfu: RunningSfu) -> None:
    lost = await student.produce()
    kept = await teacher.produce()
    (await sfu.leave("physics", student.id)).ok()
    assert await student.client.notification("sfu-restarted") == {}
    assert (await teacher.client.notification("producer-closed"))["producerId"] == lost
    methods = [(method, data.get("producerId")) for method, data in student.client.notified()]
    assert methods[-2:] == [("sfu-restarted", None), ("new-producer", kept)]
    again = await student.produce()
    await teacher.client.notification("new-producer", producerId=again)
    assert "sfu-restarted" not in [method for method, _ in teacher.client.notified()]


async def test_nothing_is_left_after_everybody_left(teacher: Seat, student: Seat, sfu: RunningSfu) -> None:
    producer_id = await teacher.produce("video")
    await student.consume(producer_id)
    await teacher.client.request("leave-room")
    assert (await student.client.notification("consumer-closed"))["producerId"] == producer_id
    await student.client.request("leave-room")
    assert await sfu.worker_counts() == NOTHING
