"""Data channels over the API: with aiortc's own SCTP as peers, through a real worker."""

import asyncio
from typing import Any

import pytest

from sfu.control.limits import Limits
from tests.support.data_peer import Channel, DataPeer, data_peer
from tests.support.media_rig import OPUS_FRAME
from tests.support.rtp_packets import build_rtp
from tests.support.sfu import Json, RunningSfu, running_sfu

pytestmark = pytest.mark.asyncio(loop_scope="session")

STREAM = {"streamId": 1}


async def transport(sfu: RunningSfu, peer: str, direction: str, **fields: Any) -> Json:
    answer = await sfu.create_transport("r", peer, direction, enableSctp=True, **fields)
    made: Json = answer.ok()
    return made


async def connect(sfu: RunningSfu, peer: DataPeer, offered: Json, protocol: str = "udp") -> None:
    await peer.open(offered, protocol=protocol)
    body = {"dtlsParameters": peer.dtls_parameters}
    (await sfu.post(f"/rooms/r/transports/{offered['transportId']}/connect", body)).ok()
    await peer.connect(offered)
    await peer.connected()


async def produce(sfu: RunningSfu, peer: str = "alice", **fields: Any) -> Json:
    body = {"peerId": peer, "sctpStreamParameters": STREAM, "label": "chat", "protocol": "json", **fields}
    made: Json = (await sfu.post("/rooms/r/data-producers", body)).ok()
    return made


async def consume(sfu: RunningSfu, producer: Json, peer: str = "bob", **fields: Any) -> Json:
    body = {"peerId": peer, "dataProducerId": producer["id"], **fields}
    made: Json = (await sfu.post("/rooms/r/data-consumers", body)).ok()
    return made


def channel_of(peer: DataPeer, consumer: Json) -> Channel:
    return peer.channel(consumer["sctpStreamParameters"]["streamId"])


async def two_peers(sfu: RunningSfu) -> tuple[Json, Json]:
    for peer in ("alice", "bob"):
        await sfu.join("r", peer)
    return await transport(sfu, "alice", "send"), await transport(sfu, "bob", "recv")


async def test_messages_of_every_kind_go_from_peer_to_peer(sfu: RunningSfu) -> None:
    sending, receiving = await two_peers(sfu)
    async with data_peer() as alice, data_peer(role="server") as bob, sfu.events() as events:
        await connect(sfu, alice, sending)
        await connect(sfu, bob, receiving)
        await events.until("transport-state", transportId=receiving["transportId"], sctpState="connected")
        producer = await produce(sfu, appData={"for": "everybody"})
        consumer = await consume(sfu, producer)
        said, heard = alice.channel(1).channel, channel_of(bob, consumer)
        messages: list[str | bytes] = ["text", "", b"bytes", b"", "é" * 20_000, bytes(range(256)) * 1024]
        for message in messages:
            said.send(message)
        await bob.until(lambda: len(heard.messages) == len(messages))
        assert heard.messages == messages
        (stats,) = (await sfu.get(f"/rooms/r/data-producers/{producer['id']}/stats")).ok()["stats"]
        size = sum(len(one.encode() if isinstance(one, str) else one) or 1 for one in messages)
        assert {**stats, "timestamp": 0} == {
            "type": "data-producer",
            "timestamp": 0,
            "label": "chat",
            "protocol": "json",
            "messagesReceived": len(messages),
            "bytesReceived": size,
        }
        (stats,) = (await sfu.get(f"/rooms/r/data-consumers/{consumer['id']}/stats")).ok()["stats"]
        assert (stats["type"], stats["messagesSent"], stats["bytesSent"]) == ("data-consumer", len(messages), size)
        assert (stats["bufferedAmount"], stats["messagesDropped"]) == (0, 0)
        metrics = (await sfu.get("/metrics")).body
        assert "vtp_sfu_data_producers 1.0" in metrics
        assert "vtp_sfu_data_consumers 1.0" in metrics


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
async def test_media_and_data_share_transports(sfu: RunningSfu, protocol: str) -> None:
    sending, receiving = await two_peers(sfu)
    async with data_peer() as alice, data_peer() as bob:
        await connect(sfu, alice, sending, protocol)
        await connect(sfu, bob, receiving, protocol)
        voice = (await sfu.produce("r", "alice", "audio", ssrc=5555)).ok()
        (await sfu.consume("r", "bob", voice["id"], paused=False)).ok()
        heard = channel_of(bob, await consume(sfu, await produce(sfu)))
        said = alice.channel(1).channel
        for number in range(50):
            said.send(bytes([number]) * 20_000)
        sequence = 0
        while len(heard.messages) < 50 or len(bob.rtp) < 20:
            alice.send_rtp(build_rtp(payload=OPUS_FRAME, payload_type=111, ssrc=5555, sequence_number=sequence))
            sequence += 1
            await bob.check()  # an answer shows that what was sent before has been handled
        assert heard.messages == [bytes([number]) * 20_000 for number in range(50)]
        assert all(packet.endswith(OPUS_FRAME) for packet in bob.rtp)
        (stats,) = (await sfu.get(f"/rooms/r/transports/{receiving['transportId']}/stats")).ok()["stats"]
        assert stats["bytesSent"] > 1_000_000
        assert (stats["sctpState"], stats["iceSelectedTuple"]["protocol"]) == ("connected", protocol)


async def test_a_producer_is_heard_on_every_transport_of_a_peer(sfu: RunningSfu) -> None:
    sending, receiving = await two_peers(sfu)
    other = await transport(sfu, "bob", "recv")
    async with data_peer() as alice, data_peer() as bob, data_peer() as bobs_other:
        await connect(sfu, alice, sending)
        await connect(sfu, bob, receiving)
        await connect(sfu, bobs_other, other)
        producer = await produce(sfu)
        one = await consume(sfu, producer, transportId=receiving["transportId"])
        two = await consume(sfu, producer, transportId=other["transportId"])
        first, second = channel_of(bob, one), channel_of(bobs_other, two)
        said = alice.channel(1).channel
        said.send("both")
        await bob.until(lambda: first.messages == second.messages == ["both"])
        (await sfu.post(f"/rooms/r/transports/{receiving['transportId']}/close")).ok()
        said.send("one")
        await bobs_other.until(lambda: second.messages == ["both", "one"])
        assert (await sfu.post(f"/rooms/r/data-consumers/{one['id']}/close")).status == 404
        (await sfu.post(f"/rooms/r/data-consumers/{two['id']}/close")).ok()


async def test_what_is_answered(sfu: RunningSfu) -> None:
    sending, receiving = await two_peers(sfu)
    assert sending["sctpParameters"] == {"port": 5000, "OS": 1024, "MIS": 1024, "maxMessageSize": 262144}
    producer = await produce(sfu, sctpStreamParameters={"streamId": 4, "maxRetransmits": 3}, appData={"a": 1})
    assert producer == {
        "id": producer["dataProducerId"],
        "dataProducerId": producer["id"],
        "sctpStreamParameters": {"streamId": 4, "ordered": False, "maxRetransmits": 3},
        "label": "chat",
        "protocol": "json",
        "paused": False,
        "appData": {"a": 1},
    }
    like_it = await consume(sfu, producer)
    assert like_it["sctpStreamParameters"] == {"streamId": 0, "ordered": False, "maxRetransmits": 3}
    assert (like_it["label"], like_it["protocol"], like_it["appData"]) == ("chat", "json", {"a": 1})
    reliable = await consume(sfu, producer, ordered=True)
    assert reliable["sctpStreamParameters"] == {"streamId": 1, "ordered": True}
    timed = await consume(sfu, producer, maxPacketLifeTime=500, paused=True)
    assert timed["sctpStreamParameters"] == {"streamId": 2, "ordered": False, "maxPacketLifeTime": 500}
    assert timed["paused"]
    unordered = await consume(sfu, producer, ordered=False)
    assert unordered["sctpStreamParameters"] == {"streamId": 3, "ordered": False, "maxRetransmits": 3}
    room = (await sfu.get("/rooms/r?detail=1")).ok()
    alice, bob = room["peers"]
    assert alice["dataProducers"] == [{**producer, "transportId": sending["transportId"]}]
    assert [one["id"] for one in bob["dataConsumers"]] == [
        like_it["id"],
        reliable["id"],
        timed["id"],
        unordered["id"],
    ]
    assert bob["dataConsumers"][0] == {**like_it, "transportId": receiving["transportId"]}
    assert alice["transports"][0]["sctpState"] == "new"


async def test_streams_can_be_counted_otherwise(sfu: RunningSfu) -> None:
    await sfu.join("r", "alice")
    one = await transport(sfu, "alice", "send", numSctpStreams={"OS": 1, "MIS": 2})
    assert (one["sctpParameters"]["OS"], one["sctpParameters"]["MIS"]) == (1, 2)
    producer = await produce(sfu)
    body = {"peerId": "alice", "sctpStreamParameters": {"streamId": 2}}
    assert (await sfu.post("/rooms/r/data-producers", body)).code == "INVALID_INPUT"
    await consume(sfu, producer, "alice", transportId=one["transportId"])
    body = {"peerId": "alice", "dataProducerId": producer["id"], "transportId": one["transportId"]}
    assert (await sfu.post("/rooms/r/data-consumers", body)).code == "INVALID_INPUT"
    without = (await sfu.create_transport("r", "alice", "send")).ok()
    assert "sctpParameters" not in without
    answer = await sfu.post("/rooms/r/data-producers", {"peerId": "alice", "sctpStreamParameters": STREAM})
    assert (answer.status, answer.code) == (400, "INVALID_INPUT")
    assert "SCTP" in answer.body["error"]


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({}, "streamId"),
        ({"streamId": 65535}, "streamId"),
        ({"streamId": -1}, "streamId"),
        ({"streamId": "1"}, "streamId"),
        ({"streamId": 1, "maxPacketLifeTime": 5, "maxRetransmits": 5}, "maxRetransmits"),
        ({"streamId": 1, "ordered": True, "maxRetransmits": 5}, "ordered"),
        ({"streamId": 1, "ordered": True, "maxPacketLifeTime": 5}, "ordered"),
        ({"streamId": 1, "ordered": 1}, "ordered"),
        ({"streamId": 1, "maxRetransmits": 65536}, "maxRetransmits"),
    ],
)
async def test_parameters_that_mediasoup_refuses_are_refused(
    sfu: RunningSfu, parameters: Json, field: str
) -> None:
    await sfu.join("r", "alice")
    await transport(sfu, "alice", "send")
    answer = await sfu.post("/rooms/r/data-producers", {"peerId": "alice", "sctpStreamParameters": parameters})
    assert (answer.status, answer.code) == (400, "INVALID_INPUT")
    assert field in answer.body["details"]["sctpStreamParameters"]


async def test_a_stream_is_one_producers(sfu: RunningSfu) -> None:
    await two_peers(sfu)
    first = await produce(sfu)
    body = {"peerId": "alice", "sctpStreamParameters": STREAM}
    answer = await sfu.post("/rooms/r/data-producers", body)
    assert (answer.status, answer.code) == (400, "INVALID_INPUT")
    (await sfu.post(f"/rooms/r/data-producers/{first['id']}/close")).ok()
    (await sfu.post("/rooms/r/data-producers", body)).ok()


async def test_what_is_not_there_is_not_found(sfu: RunningSfu) -> None:
    await two_peers(sfu)
    await sfu.join("other", "eve")
    producer = await produce(sfu)
    consumer = await consume(sfu, producer)
    for verb in ("close", "pause", "resume"):
        for room, one in (("r", "nothing"), ("other", producer["id"])):
            answer = await sfu.post(f"/rooms/{room}/data-producers/{one}/{verb}")
            assert (answer.status, answer.code) == (404, "DATA_PRODUCER_NOT_FOUND")
        for room, one in (("r", "nothing"), ("other", consumer["id"])):
            answer = await sfu.post(f"/rooms/{room}/data-consumers/{one}/{verb}")
            assert (answer.status, answer.code) == (404, "DATA_CONSUMER_NOT_FOUND")
    (await sfu.create_transport("other", "eve", "recv", enableSctp=True)).ok()
    answer = await sfu.post("/rooms/other/data-consumers", {"peerId": "eve", "dataProducerId": producer["id"]})
    assert (answer.status, answer.code) == (404, "DATA_PRODUCER_NOT_FOUND")


async def test_pausing_either_end_stops_the_messages(sfu: RunningSfu) -> None:
    sending, receiving = await two_peers(sfu)
    async with data_peer() as alice, data_peer() as bob:
        await connect(sfu, alice, sending)
        await connect(sfu, bob, receiving)
        producer = await produce(sfu)
        consumer = await consume(sfu, producer, paused=True)
        watch = channel_of(bob, await consume(sfu, producer))
        said, heard = alice.channel(1).channel, channel_of(bob, consumer)

        async def say(text: str) -> None:
            said.send(text)
            await bob.until(lambda: watch.messages[-1:] == [text])

        await say("to a paused consumer")
        (await sfu.post(f"/rooms/r/data-consumers/{consumer['id']}/resume")).ok()
        await say("one")
        (await sfu.post(f"/rooms/r/data-producers/{producer['id']}/pause")).ok()
        said.send("from a paused producer")
        async with asyncio.timeout(30):
            while await _messages_received(sfu, producer) != 3:
                pass
        (await sfu.post(f"/rooms/r/data-producers/{producer['id']}/resume")).ok()
        await say("two")
        await bob.until(lambda: heard.messages == ["one", "two"])
        assert watch.messages == ["to a paused consumer", "one", "two"]


async def _messages_received(sfu: RunningSfu, producer: Json) -> int:
    (stats,) = (await sfu.get(f"/rooms/r/data-producers/{producer['id']}/stats")).ok()["stats"]
    count: int = stats["messagesReceived"]
    return count


@pytest.mark.parametrize("way", ["data-producers", "transports", "peers", "rooms"])
async def test_ends_are_told_and_take_along_what_hangs_on_them(sfu: RunningSfu, way: str) -> None:
    sending, _ = await two_peers(sfu)
    producer = await produce(sfu)
    consumer = await consume(sfu, producer)
    async with sfu.events() as events:
        if way == "data-producers":
            (await sfu.post(f"/rooms/r/data-producers/{producer['id']}/close")).ok()
        elif way == "transports":
            (await sfu.post(f"/rooms/r/transports/{sending['transportId']}/close")).ok()
        elif way == "peers":
            (await sfu.leave("r", "alice")).ok()
        else:
            await sfu.call("DELETE", "/rooms/r")
        told = await events.until("room-closed" if way == "rooms" else "data-consumer-closed")
        if way == "rooms":
            assert [event["event"] for event in told] == ["room-closed"]
        else:
            ids = {"dataConsumerId": consumer["id"], "dataProducerId": producer["id"], "peerId": "bob"}
            assert ids.items() <= told[-1].items()
            assert (await sfu.post(f"/rooms/r/data-consumers/{consumer['id']}/close")).status == 404
        if way in {"data-producers", "transports"}:
            await events.until("data-producer-closed", dataProducerId=producer["id"], peerId="alice")
    (worker,) = sfu.pool.ready_workers
    stats = await worker.fresh_stats()
    assert (stats["dataProducers"], stats["dataConsumers"]) == (0, 0)


async def test_a_closed_consumer_closes_the_peers_channel_and_its_stream_comes_back_late(sfu: RunningSfu) -> None:
    sending, receiving = await two_peers(sfu)
    async with data_peer() as alice, data_peer() as bob, sfu.events() as events:
        await connect(sfu, alice, sending)
        await connect(sfu, bob, receiving)
        producer = await produce(sfu)
        consumer = await consume(sfu, producer)
        heard = channel_of(bob, consumer)
        said = alice.channel(1).channel
        said.send("hello")
        await bob.until(lambda: heard.messages == ["hello"])
        (await sfu.post(f"/rooms/r/data-consumers/{consumer['id']}/close")).ok()
        await events.until("data-consumer-closed", dataConsumerId=consumer["id"])
        await bob.until(lambda: heard.channel.readyState == "closed")
        again = await consume(sfu, producer)
        assert again["sctpStreamParameters"]["streamId"] == 1
        heard = channel_of(bob, again)
        said.send("anew")
        await bob.until(lambda: heard.messages == ["anew"])


async def test_a_peer_that_does_not_read_is_cut_off_and_the_others_are_not(sfu: RunningSfu) -> None:
    sending, receiving = await two_peers(sfu)
    await sfu.join("r", "carol")
    third = await transport(sfu, "carol", "recv")
    async with data_peer() as alice, data_peer() as bob, data_peer() as carol, sfu.events() as events:
        await connect(sfu, alice, sending)
        await connect(sfu, bob, receiving)
        await connect(sfu, carol, third)
        producer = await produce(sfu)
        reliable, loose = await consume(sfu, producer), await consume(sfu, producer, maxRetransmits=0)
        heard = channel_of(carol, await consume(sfu, producer, "carol"))
        bob.loss = 1.0
        said = alice.channel(1).channel
        message = bytes(200_000)
        for number in range(1, 10):
            said.send(message)
            await carol.until(lambda n=number: len(heard.messages) == n)  # type: ignore[misc]
        told = (await events.until("data-consumer-closed"))[-1]
        assert (told["dataConsumerId"], told["reason"]) == (reliable["id"], "buffer-full")
        (stats,) = (await sfu.get(f"/rooms/r/data-consumers/{loose['id']}/stats")).ok()["stats"]
        assert stats["messagesDropped"] > 0
        assert stats["bufferedAmount"] <= 1 << 20


async def test_channels_are_limited() -> None:
    async with running_sfu(Limits(data_producers_per_transport=1, data_consumers_per_transport=1)) as sfu:
        await two_peers(sfu)
        producer = await produce(sfu)
        await consume(sfu, producer)
        body: Json = {"peerId": "alice", "sctpStreamParameters": {"streamId": 2}}
        assert (await sfu.post("/rooms/r/data-producers", body)).code == "LIMIT_REACHED"
        body = {"peerId": "bob", "dataProducerId": producer["id"]}
        assert (await sfu.post("/rooms/r/data-consumers", body)).code == "LIMIT_REACHED"
