import asyncio
import os
import signal

import pytest

from shared import __version__
from tests.support.sfu import NOTHING, RunningSfu, eventually, running_sfu

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_hello_names_the_run_and_where_the_count_stands(sfu: RunningSfu, room: str) -> None:
    await sfu.join(room, "anna")
    await sfu.leave(room, "anna")
    async with sfu.events() as one, sfu.events() as two:
        assert one.hello == two.hello
        assert one.hello == {
            "event": "hello",
            "epoch": sfu.event_log.epoch,
            "seq": sfu.event_log.seq,
            "version": __version__,
        }
        assert one.hello["seq"] >= 2


async def test_a_leave_is_told_to_all(sfu: RunningSfu, room: str) -> None:
    async with sfu.events() as one, sfu.events() as two:
        seq = one.hello["seq"]
        await sfu.join(room, "anna")
        await sfu.leave(room, "anna")
        expected = [
            {"event": "peer-closed", "seq": seq + 1, "roomId": room, "peerId": "anna", "reason": "left"},
            {"event": "room-closed", "seq": seq + 2, "roomId": room, "reason": "empty"},
        ]
        assert [await one.next(), await one.next()] == expected
        assert [await two.next(), await two.next()] == expected


async def test_a_leaving_publisher_closes_what_others_consume(sfu: RunningSfu, room: str) -> None:
    await sfu.join(room, "anna")
    await sfu.join(room, "bela")
    await sfu.create_transport(room, "anna", "send")
    await sfu.create_transport(room, "bela", "recv")
    producer = (await sfu.produce(room, "anna")).ok()["id"]
    consumer = (await sfu.consume(room, "bela", producer)).ok()["id"]
    async with sfu.events() as events:
        await sfu.leave(room, "anna")
        told = [{k: v for k, v in (await events.next()).items() if k != "seq"} for _ in range(2)]
        ids = {"consumerId": consumer, "peerId": "bela", "producerId": producer}
        assert told == [
            {"event": "consumer-closed", "roomId": room, **ids},
            {"event": "peer-closed", "roomId": room, "peerId": "anna", "reason": "left"},
        ]


async def test_a_closed_transport_tells_of_what_was_on_it(sfu: RunningSfu, room: str) -> None:
    await sfu.join(room, "anna")
    await sfu.join(room, "bela")
    transport = (await sfu.create_transport(room, "anna", "send")).ok()["transportId"]
    await sfu.create_transport(room, "bela", "recv")
    producer = (await sfu.produce(room, "anna")).ok()["id"]
    await sfu.consume(room, "bela", producer)
    async with sfu.events() as events:
        await sfu.post(f"/rooms/{room}/transports/{transport}/close")
        assert [(await events.next())["event"] for _ in range(2)] == ["consumer-closed", "producer-closed"]


async def test_what_failed_to_be_made_is_not_told_closed(sfu: RunningSfu, room: str) -> None:
    await sfu.join(room, "anna")
    await sfu.create_transport(room, "anna", "send")
    (await sfu.produce(room, "anna", ssrc=5)).ok()
    async with sfu.events() as events:
        assert (await sfu.produce(room, "anna", ssrc=5)).status == 400
        await sfu.call("DELETE", f"/rooms/{room}")
        assert (await events.next())["event"] == "room-closed"


async def test_the_active_speaker_is_told_with_its_peer(sfu: RunningSfu, room: str) -> None:
    await sfu.join(room, "anna")
    await sfu.create_transport(room, "anna", "send")
    producer = (await sfu.produce(room, "anna")).ok()["id"]
    router_id, [worker] = sfu.rooms.room(room).router_id, sfu.pool.ready_workers
    async with sfu.events() as events:
        for producer_id in ("gone", producer):
            speaker = {"routerId": router_id, "producerId": producer_id, "volume": -30}
            worker._channel.emit("notification", "router.activeSpeaker", speaker)
        told = await events.next()
        assert told == {
            "event": "active-speaker",
            "seq": told["seq"],
            "roomId": room,
            "peerId": "anna",
            "producerId": producer,
            "volume": -30,
        }
        assert told["seq"] == events.hello["seq"] + 1, "of a producer that is gone nothing is told"


async def test_a_deleted_room_is_one_event(sfu: RunningSfu, room: str) -> None:
    await sfu.join(room, "anna")
    await sfu.create_transport(room, "anna", "send")
    await sfu.produce(room, "anna")
    async with sfu.events() as events:
        await sfu.call("DELETE", f"/rooms/{room}")
        event = await events.next()
        assert (event["event"], event["reason"]) == ("room-closed", "deleted")
        await sfu.join(room, "bela")
        await sfu.leave(room, "bela")
        assert (await events.next())["event"] == "peer-closed"


async def test_a_subscriber_may_talk_and_go(sfu: RunningSfu, room: str) -> None:
    async with sfu.events() as events:
        await events.socket.send_str("hello?")
        await events.socket.send_bytes(b"\x00")
        await sfu.join(room, "anna")
        await sfu.leave(room, "anna")
        assert (await events.next())["event"] == "peer-closed"
    await eventually(lambda: sfu.event_log.subscribers == 0)


async def test_a_subscriber_that_does_not_read_is_cut_off(sfu: RunningSfu, room: str) -> None:
    host, port = sfu.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
    writer.write(
        b"GET /events HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    async with sfu.events() as keen:
        before = sfu.event_log.subscribers
        published = 0
        while sfu.event_log.subscribers == before:
            for _ in range(500):
                sfu.event_log.publish("room-closed", room, {"reason": "x" * 200})
            published += 500
            for _ in range(500):
                await keen.next()
            assert published < 1_000_000
        (await sfu.get("/health")).ok()
        await sfu.join(room, "anna")
        await sfu.leave(room, "anna")
        assert (await keen.next())["event"] == "peer-closed"
    writer.close()


async def test_a_dead_workers_rooms_are_gone_and_it_is_replaced(room: str) -> None:
    async with running_sfu(workers=2) as sfu:
        await sfu.join(room, "anna")
        await sfu.create_transport(room, "anna", "send")
        await sfu.join(room + "-2", "bela")
        [doomed] = {entry.workers[0] for entry in sfu.rooms.rooms if entry.id == room}
        assert sfu.rooms.room(room + "-2").workers != [doomed], "rooms go where the load is least"
        async with sfu.events() as events:
            os.kill(doomed.pid, signal.SIGKILL)
            died, closed = await events.next(), await events.next()
            assert (died["event"], died["workerPid"]) == ("worker-died", doomed.pid)
            assert (closed["event"], closed["roomId"], closed["reason"]) == ("room-closed", room, "worker-died")
        assert (await sfu.get(f"/rooms/{room}")).code == "ROOM_NOT_FOUND"
        assert (await sfu.get(f"/rooms/{room}-2")).ok()["peerCount"] == 1
        (await sfu.join(room, "anna")).ok()
        await eventually(lambda: len(sfu.pool.ready_workers) == 2)
        assert doomed.pid not in {worker.pid for worker in sfu.pool.ready_workers}
        await sfu.leave(room, "anna")
        await sfu.leave(room + "-2", "bela")
        assert await sfu.worker_counts() == NOTHING


async def test_a_worker_that_dies_in_mid_request(room: str) -> None:
    async with running_sfu() as sfu:
        await sfu.join(room, "anna")
        [worker] = sfu.pool.ready_workers
        os.kill(worker.pid, signal.SIGSTOP)
        asked = [asyncio.create_task(sfu.create_transport(room, "anna", "send")) for _ in range(3)]
        joining = asyncio.create_task(sfu.join(room + "-2", "bela"))
        anna = sfu.rooms.room(room).peer("anna")
        await eventually(lambda: len(anna.transports) == 3 and len(sfu.rooms.rooms) == 2)
        os.kill(worker.pid, signal.SIGKILL)
        for answer in await asyncio.gather(*asked, joining):
            assert (answer.status, answer.code) == (503, "NO_WORKER")
            assert answer.headers["Retry-After"]
        assert sfu.rooms.rooms == []
        degraded = await sfu.get("/health")
        assert (degraded.status, degraded.body["status"], degraded.body["worker"]) == (
            503,
            "degraded",
            "not-ready",
        )
        assert (await sfu.get("/health/live")).status == 200
        assert (await sfu.get("/health/ready")).status == 503
        assert (await sfu.join(room, "anna")).code == "NO_WORKER"
