"""Health, metrics, the token and the limits."""

import json
import re
from datetime import datetime

import pytest

from sfu.control.limits import Limits
from tests.support.sfu import NOTHING, RunningSfu, running_sfu

pytestmark = pytest.mark.asyncio(loop_scope="session")


def metric(text: str, name: str, labels: str = "") -> float:
    found = re.search(rf"^{name}{re.escape(labels)} (\S+)$", text, re.MULTILINE)
    assert found, name + labels
    return float(found[1])


@pytest.mark.parametrize("path", ["/health", "/health/ready"])
async def test_health(sfu: RunningSfu, path: str) -> None:
    body = (await sfu.get(path)).ok()
    moment = datetime.fromisoformat(body.pop("timestamp"))
    assert moment.utcoffset() is not None
    assert body == {"status": "ok", "worker": "ready"}


async def test_answers_are_compact_json(sfu: RunningSfu) -> None:
    for path in ("/health", "/rooms", "/nowhere"):
        async with sfu.session.get(sfu.url + path) as answer:
            text = await answer.text()
            assert text == json.dumps(json.loads(text), separators=(",", ":"))
    async with sfu.session.get(sfu.url + "/health") as answer:
        assert re.fullmatch(r'\{"status":"ok","timestamp":"[^"]+Z","worker":"ready"\}', await answer.text())


async def test_liveness(sfu: RunningSfu) -> None:
    assert (await sfu.get("/health/live")).ok()["status"] == "ok"


async def test_metrics_count_what_there_is(sfu: RunningSfu, room: str) -> None:
    await sfu.join(room, "anna")
    await sfu.join(room, "bela")
    await sfu.create_transport(room, "anna", "send")
    await sfu.create_transport(room, "bela", "recv")
    producer = (await sfu.produce(room, "anna", "video")).ok()["id"]
    for _ in range(2):
        await sfu.consume(room, "bela", producer)
    answer = await sfu.get("/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert metric(answer.body, "vtp_sfu_rooms") == 1
    assert metric(answer.body, "vtp_sfu_peers") == 2
    assert metric(answer.body, "vtp_sfu_transports") == 2
    assert metric(answer.body, "vtp_sfu_producers", '{kind="video"}') == 1
    assert metric(answer.body, "vtp_sfu_producers", '{kind="audio"}') == 0
    assert metric(answer.body, "vtp_sfu_consumers", '{kind="video"}') == 2
    assert metric(answer.body, "vtp_sfu_workers_ready") == 1
    assert metric(answer.body, "vtp_sfu_worker_cpu_seconds_total", '{worker="0"}') > 0
    for name in ("packets_received", "packets_sent", "bytes_received", "bytes_sent"):
        assert metric(answer.body, f"vtp_sfu_{name}_total", '{worker="0"}') >= 0
    for direction in ("in", "out"):
        labels = f'{{direction="{direction}",worker="0"}}'
        for name in ("packets_lost", "packets_repaired", "nacks", "rtp_packets"):
            assert metric(answer.body, f"vtp_sfu_{name}_total", labels) >= 0
        assert metric(answer.body, "vtp_sfu_bitrate_bps", labels) >= 0
        assert metric(answer.body, "vtp_sfu_available_bitrate_bps", labels) >= 0
        labels = f'{{direction="{direction}",score="9-10",worker="0"}}'
        assert metric(answer.body, "vtp_sfu_streams", labels) >= 0
        labels = f'{{direction="{direction}",kind="pli",worker="0"}}'
        assert metric(answer.body, "vtp_sfu_key_frame_requests_total", labels) >= 0
    assert metric(answer.body, "vtp_sfu_packets_discarded_total", '{worker="0"}') >= 0
    assert "process_cpu_seconds_total" in answer.body
    route = '{method="POST",route="/rooms/{roomId}/consumers",status="200"}'
    assert metric(answer.body, "vtp_sfu_http_request_seconds_count", route) >= 2


async def test_the_token_is_asked_for_everywhere_but_at_health(room: str) -> None:
    async with running_sfu(api_token="s3cret-tökén") as sfu:
        for path in ("/health", "/health/live", "/health/ready"):
            assert (await sfu.get(path)).status == 200
        bad_ones = ("", "Bearer", "Bearer wrong", "Bearer s3cret", "Basic s3cret-tökén", "s3cret-tökén", "Bearer ")
        for offered in bad_ones:
            for path in ("/rooms", "/metrics", "/events", "/no-such-route", f"/rooms/{room}"):
                answer = await sfu.get(path, headers={"Authorization": offered} if offered else {})
                assert (answer.status, answer.code) == (401, "UNAUTHORIZED")
                assert answer.headers["X-Request-ID"]
        good = {"Authorization": "bearer s3cret-tökén"}
        (await sfu.get("/rooms", headers=good)).ok()
        async with sfu.events(headers={**good, "Origin": "https://console.example"}) as events:
            assert events.hello["event"] == "hello"


async def test_every_limit_is_held(room: str) -> None:
    limits = Limits(
        rooms=2,
        peers=4,
        peers_per_room=3,
        transports_per_peer=2,
        producers_per_transport=2,
        consumers_per_transport=3,
    )
    async with running_sfu(limits) as sfu:
        for peer in ("anna", "bela", "carl"):
            (await sfu.join(room, peer)).ok()
        full = [await sfu.join(room, "dora")]
        (await sfu.join(room + "-2", "dora")).ok()
        full.append(await sfu.join(room + "-2", "emil"))
        await sfu.leave(room, "carl")
        full.append(await sfu.join(room + "-3", "emil"))
        for direction in ("send", "recv"):
            (await sfu.create_transport(room, "anna", direction)).ok()
        full.append(await sfu.create_transport(room, "anna", "send"))
        for ssrc in (10, 20):
            producer = (await sfu.produce(room, "anna", ssrc=ssrc)).ok()["id"]
        full.append(await sfu.produce(room, "anna", ssrc=30))
        for _ in range(3):
            (await sfu.consume(room, "anna", producer)).ok()
        full.append(await sfu.consume(room, "anna", producer))
        assert [(answer.status, answer.code) for answer in full] == [(409, "LIMIT_REACHED")] * 6
        await sfu.call("DELETE", f"/rooms/{room}")
        await sfu.call("DELETE", f"/rooms/{room}-2")
        assert await sfu.worker_counts() == NOTHING
        (await sfu.join(room + "-3", "emil")).ok()


async def test_a_peer_that_never_connects_is_idle(room: str) -> None:
    async with running_sfu(peer_idle_timeout_s=1.0) as sfu, sfu.events() as events:
        await sfu.join(room, "anna")
        await sfu.create_transport(room, "anna", "send")
        closed = (await events.until("room-closed"))[-2:]
        assert [(event["event"], event["reason"]) for event in closed] == [
            ("peer-closed", "idle"),
            ("room-closed", "empty"),
        ]
        assert await sfu.worker_counts() == NOTHING
