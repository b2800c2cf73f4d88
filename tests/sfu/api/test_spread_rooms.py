"""A large room on two media workers, with real packets."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from sfu.control import pipes as pipes_module
from sfu.rtp.packet import parse_rtp_header
from sfu.rtp.rtcp import PictureLossIndication, parse_rtcp, serialize_rtcp
from tests.support.layered_video import FRAME_S, Encoder
from tests.support.media_peer import MediaPeer, media_peer
from tests.support.media_rig import OPUS_FRAME, VP8_DELTA_FRAME, VP8_KEY_FRAME
from tests.support.rtp_packets import build_rtp
from tests.support.rtp_samples import producer_parameters
from tests.support.sfu import NOTHING, Json, RunningSfu, eventually, running_sfu

ROOM = "lecture"
AUDIO_SSRC, VIDEO_SSRC = 3333, 1111
KINDS = ((AUDIO_SSRC, "audio"), (VIDEO_SSRC, "video"))


class Publisher:
    """Sends a voice and a picture, a packet at a time."""

    def __init__(self, peer: MediaPeer) -> None:
        self.peer = peer
        self._numbers = {AUDIO_SSRC: 0, VIDEO_SSRC: 0}

    def speak(self) -> None:
        self._send(AUDIO_SSRC, 111, OPUS_FRAME, 960)

    def show(self, payload: bytes = VP8_DELTA_FRAME) -> None:
        self._send(VIDEO_SSRC, 96, payload, 3000)

    def _send(self, ssrc: int, payload_type: int, payload: bytes, ticks: int) -> None:
        number = self._numbers[ssrc] = self._numbers[ssrc] + 1
        self.peer.send_rtp(
            build_rtp(
                payload=payload,
                payload_type=payload_type,
                sequence_number=number,
                timestamp=ticks * number,
                ssrc=ssrc,
                marker=True,
            )
        )

    @property
    def key_frame_wanted(self) -> bool:
        return any(
            isinstance(each, PictureLossIndication) for packet in self.peer.rtcp for each in parse_rtcp(packet)
        )


class Lecture:
    """A room that spreads with its second receiver: `near` is at home, `far` is not."""

    def __init__(self, sfu: RunningSfu, stack: AsyncExitStack) -> None:
        self.sfu = sfu
        self._stack = stack
        self.peers: dict[str, MediaPeer] = {}

    async def connect(self, name: str, direction: str) -> MediaPeer:
        (await self.sfu.join(ROOM, name)).ok()
        offered = (await self.sfu.create_transport(ROOM, name, direction)).ok()
        peer = self.peers[name] = await self._stack.enter_async_context(media_peer())
        path = f"/rooms/{ROOM}/transports/{offered['transportId']}/connect"
        (await self.sfu.post(path, {"dtlsParameters": peer.dtls_parameters})).ok()
        await peer.connect(offered)
        return peer

    async def consume(self, name: str, producer_id: str, **fields: Any) -> Json:
        consumed: Json = (await self.sfu.consume(ROOM, name, producer_id, **fields)).ok()
        return consumed

    def worker_of(self, name: str) -> Any:
        [transport] = self.sfu.rooms.room(ROOM).peer(name).transports.values()
        return transport.worker

    async def stats(self, key: str) -> int:
        stats = await asyncio.gather(*(worker.fresh_stats() for worker in self.sfu.pool.ready_workers))
        return sum(entry[key] for entry in stats)


@pytest.fixture
async def lecture() -> AsyncIterator[Lecture]:
    async with running_sfu(workers=2, room_spread=1) as sfu, AsyncExitStack() as stack:
        lecture = Lecture(sfu, stack)
        await lecture.connect("teacher", "send")
        for name in ("near", "far"):
            await lecture.connect(name, "recv")
        assert lecture.worker_of("near") is lecture.worker_of("teacher") is not lecture.worker_of("far")
        yield lecture
        for room in sfu.rooms.rooms:
            room.close("deleted")
        assert await sfu.worker_counts() == NOTHING
        assert sum(worker.load for worker in sfu.pool.ready_workers) == 0


def received(peer: MediaPeer, consumed: Json) -> list[bytes]:
    """The payloads that came of a consumer, in the order of their numbers."""
    [encoding] = consumed["rtpParameters"]["encodings"]
    found = []
    for packet in peer.rtp:
        header = parse_rtp_header(packet, len(packet))
        if header.ssrc == encoding["ssrc"]:
            found.append((header.sequence_number, packet[header.payload_start : header.payload_end]))
    return [payload for _, payload in sorted(found)]


async def until_received(peer: MediaPeer, consumed: Json, wanted: bytes, send: Any) -> None:
    """Send until the payload has come."""
    async with asyncio.timeout(20):
        while wanted not in received(peer, consumed):
            send()
            await asyncio.sleep(0.02)


async def test_a_voice_and_a_picture_reach_the_other_worker(lecture: Lecture) -> None:
    sfu, teacher = lecture.sfu, Publisher(lecture.peers["teacher"])
    voice = (await sfu.produce(ROOM, "teacher", "audio", ssrc=AUDIO_SSRC)).ok()["id"]
    picture = (await sfu.produce(ROOM, "teacher", "video", ssrc=VIDEO_SSRC)).ok()["id"]
    heard = {name: await lecture.consume(name, voice) for name in ("near", "far")}
    seen = {name: await lecture.consume(name, picture) for name in ("near", "far")}
    assert (await sfu.get(f"/rooms/{ROOM}")).ok()["workers"] == [
        lecture.worker_of("near").index,
        lecture.worker_of("far").index,
    ]
    for name in ("near", "far"):
        await until_received(lecture.peers[name], heard[name], OPUS_FRAME, teacher.speak)
        await until_received(lecture.peers[name], seen[name], VP8_KEY_FRAME, lambda: teacher.show(VP8_KEY_FRAME))
    assert await lecture.stats("pipedProducers") == 2
    assert await lecture.stats("pipePacketsReceived") == await lecture.stats("pipePacketsSent") > 0

    wish = PictureLossIndication(1, seen["far"]["rtpParameters"]["encodings"][0]["ssrc"])
    teacher.peer.rtcp.clear()
    async with asyncio.timeout(20):
        while not teacher.key_frame_wanted:
            lecture.peers["far"].send_rtcp(serialize_rtcp([wish]))
            await asyncio.sleep(0.02)

    text = (await sfu.get("/metrics")).body
    assert f'vtp_sfu_piped_producers{{worker="{lecture.worker_of("far").index}"}} 2.0' in text


async def test_pausing_stops_the_flow_between_the_workers(lecture: Lecture) -> None:
    sfu, teacher = lecture.sfu, Publisher(lecture.peers["teacher"])
    picture = (await sfu.produce(ROOM, "teacher", "video", ssrc=VIDEO_SSRC)).ok()["id"]
    consumed = await lecture.consume("far", picture, paused=True)
    await until_stats(lecture, "packetsReceived", lambda: teacher.show(VP8_KEY_FRAME), more=5)
    assert await lecture.stats("pipePacketsSent") == 0
    (await sfu.post(f"/rooms/{ROOM}/consumers/{consumed['id']}/resume")).ok()
    await until_received(lecture.peers["far"], consumed, VP8_KEY_FRAME, lambda: teacher.show(VP8_KEY_FRAME))
    (await sfu.post(f"/rooms/{ROOM}/producers/{picture}/pause")).ok()
    carried = await lecture.stats("pipePacketsSent")
    await until_stats(lecture, "packetsReceived", lambda: teacher.show(VP8_KEY_FRAME), more=5)
    assert await lecture.stats("pipePacketsSent") == carried
    (await sfu.post(f"/rooms/{ROOM}/producers/{picture}/resume")).ok()
    last = VP8_KEY_FRAME + b"again"
    await until_received(lecture.peers["far"], consumed, last, lambda: teacher.show(last))


async def until_stats(lecture: Lecture, key: str, send: Any, *, more: int) -> None:
    """Send until the workers have counted so much more."""
    wanted = await lecture.stats(key) + more
    async with asyncio.timeout(20):
        while await lecture.stats(key) < wanted:
            send()
            await asyncio.sleep(0.01)


async def test_layers_are_chosen_away_from_home(lecture: Lecture) -> None:
    sfu, teacher = lecture.sfu, lecture.peers["teacher"]
    encoders = [Encoder(1000 + n, size=60 * (n + 1)) for n in range(3)]
    encodings = [{"ssrc": each.ssrc, "rtx": {"ssrc": each.ssrc + 100}} for each in encoders]
    parameters = producer_parameters("chromium", "video", encodings=encodings, mid="0")
    body = {"peerId": "teacher", "kind": "video", "rtpParameters": parameters}
    picture = (await sfu.post(f"/rooms/{ROOM}/producers", body)).ok()
    assert picture["type"] == "simulcast"
    consumed = await lecture.consume("far", picture["id"])
    frames = 0

    async def play_until(spatial: int) -> None:
        nonlocal frames
        [consumer] = sfu.rooms.room(ROOM).peer("far").consumers
        async with asyncio.timeout(20):
            while consumer.current_layers is None or consumer.current_layers["spatialLayer"] != spatial:
                for encoder in encoders:
                    for packet in encoder.frame(key=frames % 10 == 0):
                        teacher.send_rtp(packet)
                frames += 1
                await asyncio.sleep(FRAME_S)

    await play_until(2)
    path = f"/rooms/{ROOM}/consumers/{consumed['id']}/preferred-layers"
    assert (await sfu.post(path, {"spatialLayer": 0})).ok()["spatialLayer"] == 0
    await play_until(0)
    (await sfu.post(path, {"spatialLayer": 1})).ok()
    await play_until(1)
    assert received(lecture.peers["far"], consumed)


async def test_what_ends_at_home_ends_away(lecture: Lecture) -> None:
    sfu = lecture.sfu
    picture = (await sfu.produce(ROOM, "teacher", "video", ssrc=VIDEO_SSRC)).ok()["id"]
    both = await asyncio.gather(*(lecture.consume("far", picture, paused=True) for _ in range(5)))
    assert await lecture.stats("pipedProducers") == 1, "who asks at one time shares a pipe"
    async with sfu.events() as events:
        (await sfu.post(f"/rooms/{ROOM}/producers/{picture}/close")).ok()
        *closed, producer_closed = await events.until("producer-closed")
    assert {event["consumerId"] for event in closed if event["event"] == "consumer-closed"} == {
        each["id"] for each in both
    }
    assert producer_closed["producerId"] == picture
    counts = await sfu.worker_counts()
    assert (counts["consumers"], counts["pipedProducers"]) == (0, 0)
    assert (await sfu.consume(ROOM, "far", picture)).code == "PRODUCER_NOT_FOUND"


async def test_a_pipe_goes_some_time_after_its_last_consumer(
    lecture: Lecture, monkeypatch: pytest.MonkeyPatch
) -> None:
    sfu = lecture.sfu
    picture = (await sfu.produce(ROOM, "teacher", "video", ssrc=VIDEO_SSRC)).ok()["id"]
    first, second = [await lecture.consume("far", picture) for _ in range(2)]
    (await sfu.post(f"/rooms/{ROOM}/consumers/{first['id']}/close")).ok()
    (await sfu.post(f"/rooms/{ROOM}/consumers/{second['id']}/close")).ok()
    assert await lecture.stats("pipedProducers") == 1
    third = await lecture.consume("far", picture)
    assert await lecture.stats("pipedProducers") == 1
    monkeypatch.setattr(pipes_module, "PIPE_LINGER_S", 0.0)
    (await sfu.post(f"/rooms/{ROOM}/consumers/{third['id']}/close")).ok()
    async with asyncio.timeout(20):
        while await lecture.stats("pipedProducers"):
            pass
    await lecture.consume("far", picture)
    assert await lecture.stats("pipedProducers") == 1


async def test_many_who_join_at_once_share_the_workers() -> None:
    async with running_sfu(workers=2, room_spread=20) as sfu:
        (await sfu.join(ROOM, "teacher")).ok()
        (await sfu.create_transport(ROOM, "teacher", "send")).ok()
        tracks = [(await sfu.produce(ROOM, "teacher", kind, ssrc=n)).ok()["id"] for n, kind in KINDS]

        async def join(student: str) -> None:
            (await sfu.join(ROOM, student)).ok()
            (await sfu.create_transport(ROOM, student, "recv")).ok()
            for track in tracks:
                (await sfu.consume(ROOM, student, track)).ok()

        await asyncio.gather(*(join(f"student-{n}") for n in range(60)))
        loads = [(await worker.fresh_stats())["consumers"] for worker in sfu.pool.ready_workers]
        assert sum(loads) == 120
        assert min(loads) >= 40, "one by one they would be shared evenly"
        assert sum([(await worker.fresh_stats())["pipedProducers"] for worker in sfu.pool.ready_workers]) == 2
        sfu.rooms.room(ROOM).close("deleted")
        assert await sfu.worker_counts() == NOTHING
        assert sum(worker.load for worker in sfu.pool.ready_workers) == 0


async def test_a_producer_that_is_closed_while_it_is_piped(lecture: Lecture) -> None:
    sfu = lecture.sfu
    for n in range(10):
        picture = (await sfu.produce(ROOM, "teacher", "video", ssrc=VIDEO_SSRC)).ok()["id"]
        asked = [asyncio.create_task(sfu.consume(ROOM, "far", picture)) for _ in range(3)]
        for _ in range(n):
            await asyncio.sleep(0)
        (await sfu.post(f"/rooms/{ROOM}/producers/{picture}/close")).ok()
        answers = await asyncio.gather(*asked)
        assert {answer.code for answer in answers} <= {None, "PRODUCER_NOT_FOUND"}
        counts = await sfu.worker_counts()
        assert (counts["producers"], counts["consumers"], counts["pipedProducers"]) == (0, 0, 0)


async def test_a_worker_away_from_home_takes_only_its_own_peers_with_it(lecture: Lecture) -> None:
    sfu, teacher = lecture.sfu, Publisher(lecture.peers["teacher"])
    picture = (await sfu.produce(ROOM, "teacher", "video", ssrc=VIDEO_SSRC)).ok()["id"]
    near = await lecture.consume("near", picture)
    await lecture.consume("far", picture)
    await until_received(lecture.peers["near"], near, VP8_KEY_FRAME, lambda: teacher.show(VP8_KEY_FRAME))
    doomed = lecture.worker_of("far")
    async with sfu.events() as events:
        os.kill(doomed.pid, signal.SIGKILL)
        seen = await events.until("peer-closed")
    assert [event["event"] for event in seen if event["event"] in {"worker-died", "room-closed"}] == [
        "worker-died"
    ]
    assert (seen[-1]["peerId"], seen[-1]["reason"]) == ("far", "worker-died")
    after = VP8_KEY_FRAME + b"after"
    await until_received(lecture.peers["near"], near, after, lambda: teacher.show(after))
    await eventually(lambda: len(sfu.pool.ready_workers) == 2)
    await lecture.connect("far", "recv")
    assert lecture.worker_of("far") is not lecture.worker_of("near")
    again = await lecture.consume("far", picture)
    await until_received(lecture.peers["far"], again, VP8_KEY_FRAME, lambda: teacher.show(VP8_KEY_FRAME))


async def test_the_home_worker_takes_the_room_with_it(lecture: Lecture) -> None:
    sfu = lecture.sfu
    picture = (await sfu.produce(ROOM, "teacher", "video", ssrc=VIDEO_SSRC)).ok()["id"]
    await lecture.consume("far", picture)
    async with sfu.events() as events:
        os.kill(lecture.worker_of("teacher").pid, signal.SIGKILL)
        *_, closed = await events.until("room-closed")
    assert (closed["roomId"], closed["reason"]) == (ROOM, "worker-died")
    assert await sfu.worker_counts() == NOTHING


async def test_a_room_that_is_not_large_stays_on_one_worker() -> None:
    async with running_sfu(workers=2, room_spread=400) as sfu, AsyncExitStack() as stack:
        lecture = Lecture(sfu, stack)
        await lecture.connect("teacher", "send")
        for name in ("near", "far"):
            await lecture.connect(name, "recv")
        assert len(sfu.rooms.room(ROOM).workers) == 1


@pytest.mark.parametrize(("workers", "spread"), [(1, 1), (2, 0)])
async def test_without_another_worker_or_leave_to_spread_there_are_no_pipes(workers: int, spread: int) -> None:
    async with running_sfu(workers=workers, room_spread=spread) as sfu:
        (await sfu.join(ROOM, "teacher")).ok()
        for n in range(5):
            (await sfu.join(ROOM, f"student-{n}")).ok()
            (await sfu.create_transport(ROOM, f"student-{n}", "recv")).ok()
        assert len(sfu.rooms.room(ROOM).workers) == 1
