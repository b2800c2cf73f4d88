"""What `/metrics` tells of sockets, seats, requests and calls, and that nobody can make its labels up."""

import asyncio
import json
import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from backend.domain.users import Role
from backend.signalling.connection import MESSAGE_BURST, Cause
from tests.support.live_backend import LiveBackend, Seat

pytestmark = pytest.mark.asyncio(loop_scope="module")

P = "vtp_backend_"


async def figures(backend: LiveBackend) -> dict[tuple[str, ...], float]:
    """All samples, by name and the values of their labels."""
    async with backend.session.get(backend.url + "/metrics") as answer:
        families = list(text_string_to_metric_families(await answer.text()))
    return {
        (
            sample.name.removeprefix(P),
            *(value for name, value in sample.labels.items() if name != "le"),
        ): sample.value
        for family in families
        for sample in family.samples
        if not sample.name.endswith("_bucket")
    }


async def test_a_class_in_figures(backend: LiveBackend, teacher: Seat, student: Seat) -> None:
    await student.produce()
    refusal = await student.client.refused("close-room")
    assert refusal.status == 403
    await student.client.refused("open-sesame")
    now = await figures(backend)
    assert (now["rooms",], now["participants",], now["sockets",]) == (1, 2, 2)
    assert (now["seats_waiting",], now["sfu_available",], now["passwords_waiting",]) == (0, 1, 0)
    assert now["signalling_request_seconds_count", "join-room", "ok"] == 2
    assert now["signalling_request_seconds_count", "close-room", "403"] == 1
    assert now["signalling_request_seconds_count", "unknown", "404"] == 1
    assert now["signalling_messages_total", "received"] == 6
    assert now["signalling_messages_total", "sent"] == 6 + 2  # and two notifications
    assert now["sfu_call_seconds_count", "POST /rooms/{id}/peers", "ok"] == 2
    assert now["sfu_call_seconds_count", "POST /rooms/{id}/producers", "ok"] == 1
    assert now["database_pool_size",] >= 1
    assert now["database_requests_total",] > 0
    assert now["http_requests_total", "POST", "/api/v1/auth/login", "200"] >= 2


async def test_a_seat_that_waits_and_why_sockets_end(backend: LiveBackend, teacher: Seat, student: Seat) -> None:
    await student.client.vanish()
    loud = await backend.socket("other-teacher", Role.TEACHER)
    for number in range(int(MESSAGE_BURST) + 200):
        await loud.ws.send_str(json.dumps({"notification": True, "method": "x", "data": {"n": number}}))
        if loud.ws.closed:
            break
    assert await loud.closed() == 4008
    await teacher.client.request("leave-room")
    assert await teacher.client.closed() == 4000
    async with asyncio.timeout(30):
        while (now := await figures(backend))["sockets",] > 0:  # a client sees the close before it is counted
            pass
    assert (now["seats_waiting",], now["participants",]) == (1, 1)
    closed = {labels[1]: count for labels, count in now.items() if labels[0] == "socket_closes_total"}
    assert closed == {"client": 1, "flood": 1, "for-good": 1}
    assert set(closed) <= set(Cause)


async def test_the_sfu_refuses(backend: LiveBackend, teacher: Seat) -> None:
    transport_id = await teacher.transport()
    for _ in range(3):
        await teacher.client.refused(
            "produce", transportId=transport_id, kind="audio", rtpParameters={"codecs": []}
        )
    assert (await figures(backend))["sfu_call_seconds_count", "POST /rooms/{id}/producers", "refused"] == 3


async def test_no_stranger_makes_up_a_label(backend: LiveBackend, teacher: Seat) -> None:
    strange = "stranger-made-this-up"
    await teacher.client.refused(strange)
    for path in (f"/{strange}", f"/api/v1/rooms/{strange}"):
        async with backend.session.request(strange.upper(), backend.url + path):
            pass
    async with backend.session.get(backend.url + "/metrics") as answer:
        text = await answer.text()
    assert not re.search(strange, text, re.IGNORECASE)
    assert teacher.id not in text
    assert "physics" not in text
