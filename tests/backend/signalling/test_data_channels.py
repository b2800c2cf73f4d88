"""Data channels through signalling, with the real SFU behind it and aiortc's own SCTP at both ends."""

from typing import Any

import pytest

from tests.support.data_peer import DataPeer, data_peer
from tests.support.live_backend import Seat

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def connect(seat: Seat, peer: DataPeer, direction: str) -> str:
    offered = await seat.client.request("create-transport", direction=direction, enableSctp=True)
    assert offered["sctpParameters"] == {"port": 5000, "OS": 1024, "MIS": 1024, "maxMessageSize": 262144}
    transport_id: str = offered["transportId"]
    await seat.client.request("connect-transport", transportId=transport_id, dtlsParameters=peer.dtls_parameters)
    await peer.connect(offered)
    await peer.connected()
    return transport_id


async def produce(seat: Seat, transport_id: str, stream_id: int = 0, **fields: Any) -> str:
    parameters = {"streamId": stream_id, **fields.pop("sctpStreamParameters", {})}
    answer = await seat.client.request(
        "produce-data", transportId=transport_id, sctpStreamParameters=parameters, **fields
    )
    producer_id: str = answer["dataProducerId"]
    return producer_id


async def test_a_class_writes_on_one_board(teacher: Seat, student: Seat) -> None:
    async with data_peer() as board, data_peer() as desk:
        sending = await connect(teacher, board, "send")
        receiving = await connect(student, desk, "recv")
        about = {"label": "board", "protocol": "strokes", "appData": {"page": 1}}
        producer_id = await produce(teacher, sending, 5, **about)
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
    producer_id = await produce(teacher, answer["transportId"])
    refusal = await student.client.refused("close-data-producer", dataProducerId=producer_id)
    assert (refusal.status, refusal.code) == (404, "DATA_PRODUCER_NOT_FOUND")
    refusal = await student.client.refused("close-data-consumer", dataConsumerId="nothing")
    assert (refusal.status, refusal.code) == (404, "DATA_CONSUMER_NOT_FOUND")
    await student.transport("recv")
    refusal = await student.client.refused("consume-data", dataProducerId=producer_id)
    assert (refusal.status, refusal.code) == (400, "INVALID_INPUT")
    assert "SCTP" in str(refusal)


async def test_a_seat_taken_back_lists_what_is_sent_on_channels(teacher: Seat, student: Seat) -> None:
    answer = await teacher.client.request("create-transport", direction="send", enableSctp=True)
    producer_id = await produce(teacher, answer["transportId"], label="chat")
    await student.client.notification("new-data-producer", dataProducerId=producer_id)
    everybody = (await student.client.request("get-participants"))["participants"]
    mine = next(one for one in everybody if one["participantId"] == teacher.id)
    assert [one["label"] for one in mine["dataProducers"]] == ["chat"]
