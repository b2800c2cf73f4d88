"""Data channels through signalling, with the real SFU behind it and aiortc's own SCTP at both ends."""

from typing import Any

import pytest

from tests.support.data_peer import data_peer
from tests.support.data_seat import connect_data, consume_data, produce_data
from tests.support.live_backend import LiveBackend, Seat
from tests.support.sfu import RunningSfu

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_class_writes_on_one_board(teacher: Seat, student: Seat) -> None:
    async with data_peer() as board, data_peer() as desk:
        sending = await connect_data(teacher, board, "send")
        receiving = await connect_data(student, desk, "recv")
        about = {"label": "board", "protocol": "strokes", "appData": {"page": 1}}
        producer_id = await produce_data(teacher, sending, 5, **about)
        announced = {"dataProducerId": producer_id, **about}
        assert await student.client.notification("new-data-producer") == {
            **announced,
            "participantId": teacher.id,
        }
        consumed = await student.client.request(
            "consume-data", dataProducerId=producer_id, transportId=receiving, maxRetransmits=0, ordered=None
        )
        assert consumed == {
            **announced,
            "dataConsumerId": consumed["dataConsumerId"],
            "participantId": teacher.id,
            "sctpStreamParameters": {"streamId": 0, "ordered": False, "maxRetransmits": 0},
        }
        said, heard = board.channel(5).channel, desk.channel(0)
        said.send("a line")
        said.send(b"\x00\x01")
        await desk.until(lambda: len(heard.messages) == 2)
        assert heard.messages == ["a line", b"\x00\x01"]
        everybody = (await student.client.request("get-participants"))["participants"]
        assert [one["dataProducers"] for one in everybody] == [[announced], []]
        (stats,) = (await teacher.client.request("get-stats", dataProducerId=producer_id))["stats"]
        assert (stats["type"], stats["messagesReceived"]) == ("data-producer", 2)
        await student.client.request("close-data-consumer", dataConsumerId=consumed["dataConsumerId"])
        await desk.until(lambda: heard.channel.readyState == "closed")
        again = await student.client.request("consume-data", dataProducerId=producer_id)
        await teacher.client.request("close-data-producer", dataProducerId=producer_id)
        ended = {"dataConsumerId": again["dataConsumerId"], "dataProducerId": producer_id}
        assert await student.client.notification("data-consumer-closed") == ended
        whose = {"dataProducerId": producer_id, "participantId": teacher.id}
        assert await student.client.notification("data-producer-closed") == whose


async def test_what_is_refused(teacher: Seat, student: Seat) -> None:
    answer = await teacher.client.request("create-transport", direction="send", enableSctp=True)
    body: dict[str, Any] = {"transportId": answer["transportId"]}
    limits = {"streamId": 1, "maxRetransmits": 1, "maxPacketLifeTime": 1}
    refusal = await teacher.client.refused("produce-data", **body, sctpStreamParameters=limits)
    assert (refusal.status, refusal.code) == (400, "INVALID_INPUT")
    refusal = await teacher.client.refused(
        "produce-data", **body, sctpStreamParameters={"streamId": 1}, label="x" * 600
    )
    assert (refusal.status, refusal.code) == (400, "INVALID_INPUT")
    producer_id = await produce_data(teacher, answer["transportId"])
    refusal = await student.client.refused("close-data-producer", dataProducerId=producer_id)
    assert (refusal.status, refusal.code) == (404, "DATA_PRODUCER_NOT_FOUND")
    refusal = await student.client.refused("close-data-consumer", dataConsumerId="nothing")
    assert (refusal.status, refusal.code) == (404, "DATA_CONSUMER_NOT_FOUND")
    await student.transport("recv")
    refusal = await student.client.refused("consume-data", dataProducerId=producer_id)
    assert (refusal.status, refusal.code) == (400, "INVALID_INPUT")
    assert "SCTP" in str(refusal)


async def test_who_looks_around_sees_what_is_sent_on_channels(teacher: Seat, student: Seat) -> None:
    answer = await teacher.client.request("create-transport", direction="send", enableSctp=True)
    producer_id = await produce_data(teacher, answer["transportId"], label="chat")
    await student.client.notification("new-data-producer", dataProducerId=producer_id)
    everybody = (await student.client.request("get-participants"))["participants"]
    mine = next(one for one in everybody if one["participantId"] == teacher.id)
    assert [one["label"] for one in mine["dataProducers"]] == ["chat"]


async def test_channels_outlive_the_socket_of_their_seat(
    backend: LiveBackend, teacher: Seat, student: Seat
) -> None:
    async with data_peer() as board, data_peer() as desk, data_peer() as pen:
        sending = await connect_data(teacher, board, "send")
        await connect_data(student, desk, "recv")
        own = await produce_data(student, await connect_data(student, pen, "send"), 3, label="answers")
        before = await produce_data(teacher, sending, 1, label="board")
        consumed, heard = await consume_data(student.client, desk, before)
        said = board.channel(1).channel
        said.send("while there")
        await desk.until(lambda: heard.messages == ["while there"])
        await student.client.vanish()
        said.send("while away")
        await desk.until(lambda: heard.messages[-1] == "while away")
        meanwhile = await produce_data(teacher, sending, 2, label="poll")
        client = await backend.socket("student")
        joined = await client.request("join-room", roomId="physics", resumeToken=student.joined["resumeToken"])
        assert joined["resumed"] is True
        (other,) = joined["participants"]
        assert [one["dataProducerId"] for one in other["dataProducers"]] == [before, meanwhile]
        assert [one["dataProducerId"] for one in joined["self"]["dataProducers"]] == [own]
        said.send("back again")
        await desk.until(lambda: heard.messages[-1] == "back again")
        _, polled = await consume_data(client, desk, meanwhile)
        board.channel(2).channel.send("a question")
        await desk.until(lambda: polled.messages == ["a question"])
        await client.request("close-data-consumer", dataConsumerId=consumed["dataConsumerId"])
        await desk.until(lambda: heard.channel.readyState == "closed")
        await client.request("close-data-producer", dataProducerId=own)
        await teacher.client.notification("data-producer-closed", dataProducerId=own)
        assert {"sfu-restarted", "participant-left"}.isdisjoint(method for method, _ in teacher.client.notified())


async def test_a_dead_media_worker_takes_the_channels_along_and_they_are_made_anew(
    teacher: Seat, student: Seat, sfu: RunningSfu
) -> None:
    async with data_peer() as board, data_peer() as desk:
        producer_id = await produce_data(teacher, await connect_data(teacher, board, "send"))
        await connect_data(student, desk, "recv")
        await consume_data(student.client, desk, producer_id)
        (worker,) = sfu.pool.ready_workers
        worker.kill()
        for seat in (teacher, student):
            await seat.client.notification("sfu-restarted")
        refusal = await student.client.refused("consume-data", dataProducerId=producer_id)
        assert (refusal.status, refusal.code) == (404, "DATA_PRODUCER_NOT_FOUND")
    async with data_peer() as board, data_peer() as desk:
        again = await produce_data(teacher, await connect_data(teacher, board, "send"))
        await student.client.notification("new-data-producer", dataProducerId=again)
        await connect_data(student, desk, "recv")
        _, heard = await consume_data(student.client, desk, again)
        board.channel(0).channel.send("anew")
        await desk.until(lambda: heard.messages == ["anew"])
        methods = [method for method, _ in student.client.notified()]
        assert {"data-producer-closed", "data-consumer-closed"}.isdisjoint(methods)
