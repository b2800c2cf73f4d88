"""The control process's requests, executed in order on a real media port."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sfu.net.media_port import MediaPort
from sfu.net.udp_socket import bind_udp
from sfu.ortc import (
    DEFAULT_MEDIA_CODECS,
    generate_router_rtp_capabilities,
    get_consumer_rtp_parameters,
    negotiate_producer,
)
from sfu.worker.media_objects import RETURN_MEMORY_EVERY
from sfu.worker.worker import RETRY_AFTER_FAULT_S, Worker
from shared.memory import return_memory
from shared.rtp_parameters import (
    dump_rtp_capabilities,
    dump_rtp_mapping,
    dump_rtp_parameters,
    load_rtp_capabilities,
    load_rtp_parameters,
)
from tests.support.rtp_samples import producer_parameters, receiver_capabilities

FINGERPRINT = {"algorithm": "sha-256", "value": ":".join(["AB"] * 32)}
CAPABILITIES = generate_router_rtp_capabilities(DEFAULT_MEDIA_CODECS)


class Driver:
    """Asks a worker as the control process would."""

    def __init__(self, port: MediaPort) -> None:
        self.port = port
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.worker = Worker(port, asyncio.get_running_loop(), lambda *event: self.events.append(event))

    def ask(self, method: str, **data: Any) -> dict[str, Any]:
        return self.worker.handle({"id": 7, "method": method, "data": data})

    def ok(self, method: str, **data: Any) -> dict[str, Any]:
        answer = self.ask(method, **data)
        assert answer["ok"], answer
        assert answer["id"] == 7
        result: dict[str, Any] = answer["data"]
        return result

    def code(self, method: str, **data: Any) -> str:
        answer = self.ask(method, **data)
        assert not answer["ok"]
        code: str = answer["code"]
        return code

    def room(self, name: str) -> None:
        self.ok("router.create", routerId=name, rtpCapabilities=dump_rtp_capabilities(CAPABILITIES))

    def producer(self, transport: str, name: str, ssrc: int = 1) -> dict[str, Any]:
        wire = producer_parameters("chromium", "audio", encodings=[{"ssrc": ssrc}], mid=str(ssrc))
        negotiated = negotiate_producer("audio", load_rtp_parameters(wire), CAPABILITIES)
        capabilities = load_rtp_capabilities(receiver_capabilities("chromium"))
        self.consumable = get_consumer_rtp_parameters(negotiated.consumable_rtp_parameters, capabilities)
        return {
            "transportId": transport,
            "producerId": name,
            "kind": "audio",
            "type": negotiated.type,
            "rtpParameters": dump_rtp_parameters(negotiated.rtp_parameters),
            "rtpMapping": dump_rtp_mapping(negotiated.rtp_mapping),
            "paused": False,
        }

    def consumer(self, transport: str, name: str, producer: str) -> dict[str, Any]:
        parameters = {**dump_rtp_parameters(self.consumable), "mid": "0"}
        return {
            "transportId": transport,
            "consumerId": name,
            "producerId": producer,
            "kind": "audio",
            "type": "simple",
            "rtpParameters": parameters,
            "paused": False,
        }

    def counts(self) -> tuple[int, int, int, int]:
        stats = self.ok("worker.stats")
        return stats["routers"], stats["transports"], stats["producers"], stats["consumers"]


@pytest.fixture
async def driver() -> AsyncIterator[Driver]:
    port = MediaPort(
        bind_udp("127.0.0.1", 0, 0, 0),
        asyncio.get_running_loop(),
        announced_ips=["127.0.0.1"],
        consent_timeout=30,
    )
    driver = Driver(port)
    port.start(driver.worker.on_batch)
    yield driver
    driver.worker.close()
    assert not driver.worker._timers
    port.close()


def furnish(driver: Driver) -> None:
    """Make two rooms; in the first one publishes and one watches."""
    for room in ("r1", "r2"):
        driver.room(room)
    for transport, room in (("t1", "r1"), ("t2", "r1"), ("t3", "r2")):
        driver.ok("transport.create", routerId=room, transportId=transport, enableSctp=False)
    driver.ok("producer.create", **driver.producer("t1", "p1"))
    driver.ok("consumer.create", **driver.consumer("t2", "c1", "p1"))


async def test_everything_can_be_made_and_unmade(driver: Driver) -> None:
    furnish(driver)
    assert driver.counts() == (2, 3, 1, 1)
    for method in ("pause", "resume", "requestKeyFrame"):
        assert driver.ok(f"consumer.{method}", consumerId="c1") == {}
    for method in ("pause", "resume"):
        assert driver.ok(f"producer.{method}", producerId="p1") == {}
    assert driver.ok("transport.stats", transportId="t1")["stats"][0]["type"] == "webrtc-transport"
    assert driver.ok("producer.stats", producerId="p1") == {"stats": []}
    assert driver.ok("consumer.stats", consumerId="c1")["stats"][0]["type"] == "outbound-rtp"
    driver.ok("consumer.close", consumerId="c1")
    driver.ok("producer.close", producerId="p1")
    driver.ok("transport.close", transportId="t1")
    driver.ok("router.close", routerId="r1")
    assert driver.counts() == (1, 1, 0, 0)


async def test_what_is_closed_takes_along_what_hangs_on_it(driver: Driver) -> None:
    furnish(driver)
    driver.ok("transport.close", transportId="t1")
    assert driver.counts() == (2, 2, 0, 0)
    driver.ok("router.close", routerId="r1")
    driver.ok("router.close", routerId="r2")
    assert driver.counts() == (0, 0, 0, 0)
    worker, port = driver.worker, driver.port
    assert not any((worker.objects.router_of, worker.objects.transport_of, worker._timers, worker._touched))
    assert not any((port._by_fragment, port._by_address))


async def test_ids_may_be_used_again_after_their_end_and_not_before(driver: Driver) -> None:
    furnish(driver)
    assert driver.code("transport.create", routerId="r1", transportId="t1") == "INVALID_INPUT"
    assert driver.code("producer.create", **driver.producer("t3", "p1")) == "INVALID_INPUT"
    assert driver.code("consumer.create", **driver.consumer("t2", "c1", "p1")) == "INVALID_INPUT"
    assert driver.counts() == (2, 3, 1, 1)
    for _ in range(3):
        driver.ok("router.close", routerId="r1")
        driver.room("r1")
        for transport in ("t1", "t2"):
            driver.ok("transport.create", routerId="r1", transportId=transport)
        driver.ok("producer.create", **driver.producer("t1", "same"))
        driver.ok("consumer.create", **driver.consumer("t2", "same", "same"))
        driver.ok("consumer.close", consumerId="same")
        driver.ok("producer.close", producerId="same")
        assert driver.counts() == (2, 3, 0, 0)


async def test_another_rooms_producer_is_not_found(driver: Driver) -> None:
    furnish(driver)
    assert driver.code("consumer.create", **driver.consumer("t3", "c2", "p1")) == "NOT_FOUND"
    assert driver.counts() == (2, 3, 1, 1)


@pytest.mark.parametrize(
    "method",
    [
        "router.close",
        "transport.create",
        "transport.connect",
        "transport.restartIce",
        "transport.close",
        "transport.stats",
        "producer.create",
        "producer.close",
        "producer.pause",
        "producer.resume",
        "producer.stats",
        "consumer.create",
        "consumer.close",
        "consumer.pause",
        "consumer.resume",
        "consumer.requestKeyFrame",
        "consumer.stats",
    ],
)
async def test_unknown_ids_are_not_found(driver: Driver, method: str) -> None:
    data = {"routerId": "x", "transportId": "x", "producerId": "x", "consumerId": "x"}
    assert driver.code(method, **data) == "NOT_FOUND"


@pytest.mark.parametrize("data", [[], "text", 7, {"routerId": []}, {"routerId": {}}, None])
async def test_nonsense_is_answered_and_changes_nothing(driver: Driver, data: Any) -> None:
    for method in (
        "router.create",
        "transport.create",
        "producer.create",
        "consumer.close",
        "nothing.known",
        None,
    ):
        answer = driver.worker.handle({"id": 1, "method": method, "data": data})
        assert (answer["id"], answer["ok"]) == (1, False)
        assert {"code", "error"} <= answer.keys()
    assert driver.counts() == (0, 0, 0, 0)


async def test_a_transport_is_connected_once(driver: Driver) -> None:
    furnish(driver)
    parameters = {"role": "client", "fingerprints": [FINGERPRINT]}
    driver.ok("transport.connect", transportId="t1", dtlsParameters=parameters)
    assert driver.code("transport.connect", transportId="t1", dtlsParameters=parameters) == "ALREADY_CONNECTED"
    assert (
        driver.code("transport.connect", transportId="t2", dtlsParameters={"fingerprints": []}) == "INVALID_INPUT"
    )


async def test_incoming_bitrate_is_limited_from_the_start_or_later(driver: Driver) -> None:
    driver.room("r1")
    driver.ok("transport.create", routerId="r1", transportId="t1", maxIncomingBitrate=1_500_000)
    transport = driver.worker.objects.transports["t1"]
    assert transport.max_incoming_bitrate_bps == 1_500_000
    assert driver.ok("transport.setMaxIncomingBitrate", transportId="t1", bitrate=700_000) == {}
    assert transport.max_incoming_bitrate_bps == 700_000
    for nonsense in (-1, 1.5, "700000", None, True, 1 << 60):
        code = driver.code("transport.setMaxIncomingBitrate", transportId="t1", bitrate=nonsense)
        assert code == "INVALID_INPUT"
    assert transport.max_incoming_bitrate_bps == 700_000
    assert driver.ok("transport.setMaxIncomingBitrate", transportId="t1", bitrate=0) == {}
    assert transport.max_incoming_bitrate_bps == 0
    request = {"routerId": "r1", "transportId": "t2", "maxIncomingBitrate": -5}
    assert driver.code("transport.create", **request) == "INVALID_INPUT"
    assert "t2" not in driver.worker.objects.transports
    assert driver.code("transport.setMaxIncomingBitrate", transportId="t2", bitrate=1) == "NOT_FOUND"


async def test_a_refused_producer_leaves_no_trace(driver: Driver) -> None:
    furnish(driver)
    assert driver.code("producer.create", **driver.producer("t1", "p2", ssrc=1)) == "INVALID_INPUT"
    driver.ok("producer.create", **driver.producer("t1", "p2", ssrc=2))
    assert driver.counts() == (2, 3, 2, 1)


async def test_a_fault_in_one_transport_leaves_the_others_and_its_own_timer(driver: Driver) -> None:
    furnish(driver)
    worker = driver.worker
    flushed = []

    class Broken:
        def handle_timeout(self, now: float) -> None:
            raise RuntimeError("a bug")

        flush = may_flush = handle_timeout
        hold_until = float("inf")

    class Whole(Broken):
        def may_flush(self, now: float) -> bool:
            return True

        def flush(self, now: float) -> None:
            flushed.append(now)

    broken, whole = worker.objects.transports["t1"], worker.objects.transports["t2"]
    broken.batch_pending(Broken())  # type: ignore[arg-type]
    whole.batch_pending(Whole())  # type: ignore[arg-type]
    worker.touched(broken)
    worker.touched(whole)
    worker.on_batch(1.0)
    assert flushed == [1.0]
    assert driver.port.drops["flush_fault"] == 1
    broken.batch_pending(Broken())  # type: ignore[arg-type]
    worker.wake_at(broken, 0.0)
    worker._wake()
    assert driver.port.drops["timeout_fault"] == 1
    when = worker._timers.next_due()
    assert when == pytest.approx(asyncio.get_running_loop().time() + RETRY_AFTER_FAULT_S, abs=RETRY_AFTER_FAULT_S)
    broken._pending.clear()


async def test_thousands_of_transports_come_and_go_without_a_trace(driver: Driver) -> None:
    driver.room("r1")
    parameters = {"role": "client", "fingerprints": [FINGERPRINT]}
    tasks = asyncio.all_tasks()
    for n in range(2000):
        driver.ok("transport.create", routerId="r1", transportId=f"t{n}")
        driver.ok("transport.connect", transportId=f"t{n}", dtlsParameters=parameters)
        driver.ok("transport.close", transportId=f"t{n}")
    assert asyncio.all_tasks() == tasks
    assert driver.counts() == (1, 0, 0, 0)
    assert not any((driver.worker._timers, driver.worker.objects.router_of, driver.port._by_fragment))


async def test_an_ice_restart_changes_the_credentials_and_is_bounded(driver: Driver) -> None:
    furnish(driver)
    fragments = len(driver.port._by_fragment)
    answers = [driver.ok("transport.restartIce", transportId="t1")["iceParameters"] for _ in range(20)]
    assert len({answer["usernameFragment"] for answer in answers}) == 20
    assert len({answer["password"] for answer in answers}) == 20
    assert len(driver.port._by_fragment) == fragments + 2
    assert driver.worker.objects.transport("t1").next_timeout() is not None
    driver.ok("transport.close", transportId="t1")
    assert len(driver.port._by_fragment) == fragments - 1


async def test_memory_is_returned_when_much_has_been_closed_or_all(driver: Driver) -> None:
    returned: list[int] = []
    driver.worker = Worker(
        driver.port, asyncio.get_running_loop(), lambda *_: None, return_memory=lambda: returned.append(1)
    )
    driver.room("a")
    driver.room("b")
    for number in range(RETURN_MEMORY_EVERY + 1):
        driver.ok("transport.create", routerId="a", transportId=f"t{number}")
    for number in range(RETURN_MEMORY_EVERY - 1):
        driver.ok("transport.close", transportId=f"t{number}")
    assert returned == []
    driver.ok("router.close", routerId="a")
    assert returned == [1]
    driver.ok("router.close", routerId="b")
    assert returned == [1, 1]
    return_memory()
