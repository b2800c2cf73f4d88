import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator

import pytest

from sfu.control import worker_pool as worker_pool_module
from sfu.control.media_worker import MediaWorker, WorkerConfig
from sfu.control.worker_pool import WorkerPool, WorkersFailedError
from sfu.errors import Broken, InvalidInput, NotAvailable, NotFound
from tests.support.services import free_udp_range
from tests.support.sfu import is_gone


def config(first: int, last: int) -> WorkerConfig:
    return WorkerConfig("127.0.0.1", ("127.0.0.1",), first, last, True, 30.0, 0, "warning", "console")


@pytest.fixture
async def pool() -> AsyncIterator[WorkerPool]:
    pool = WorkerPool(config(*free_udp_range()), 2)
    await pool.start()
    yield pool
    await pool.stop()


def next_event(pool: WorkerPool, event: str) -> "asyncio.Future[MediaWorker]":
    happened: asyncio.Future[MediaWorker] = asyncio.get_running_loop().create_future()
    pool.once(event, happened.set_result)
    return happened


async def test_each_worker_has_a_process_and_a_port_of_its_own(pool: WorkerPool) -> None:
    one, two = pool.ready_workers
    assert len({one.pid, two.pid, os.getpid()}) == 3
    assert one.port != two.port
    stats = await one.fresh_stats()
    assert (stats["pid"], stats["port"], stats["routers"]) == (one.pid, one.port, 0)


async def test_new_rooms_go_to_the_least_loaded(pool: WorkerPool) -> None:
    one, two = pool.ready_workers
    one.load = 3
    assert pool.least_loaded() is two
    two.load = 4
    assert pool.least_loaded() is one


async def test_a_worker_that_dies_is_told_once_and_replaced(pool: WorkerPool) -> None:
    victim = pool.ready_workers[0]
    died, replaced = next_event(pool, "died"), next_event(pool, "ready")
    os.kill(victim.pid, signal.SIGKILL)
    assert await died is victim
    assert pool.least_loaded() is not victim
    with pytest.raises(NotAvailable):
        await victim.request("worker.stats")
    victim.post("router.close", {"routerId": "r"})
    replacement = await replaced
    assert replacement.index == victim.index
    assert len(pool.ready_workers) == 2
    assert pool.restarts == 1


async def test_a_stuck_worker_is_killed_and_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_pool_module, "PING_EVERY_S", 0.05)
    monkeypatch.setattr(worker_pool_module, "PING_TIMEOUT_S", 0.5)
    pool = WorkerPool(config(*free_udp_range()), 1)
    await pool.start()
    [stuck] = pool.ready_workers
    died, replaced = next_event(pool, "died"), next_event(pool, "ready")
    os.kill(stuck.pid, signal.SIGSTOP)
    assert await died is stuck
    assert (await replaced).pid != stuck.pid
    assert is_gone(stuck.pid)
    await pool.stop()


async def test_stopping_ends_every_process_even_a_stuck_one(pool: WorkerPool) -> None:
    one, two = pool.ready_workers
    told: list[MediaWorker] = []
    pool.on("died", told.append)
    os.kill(one.pid, signal.SIGSTOP)
    async with asyncio.timeout(5):
        await pool.stop()
    assert is_gone(one.pid)
    assert is_gone(two.pid)
    assert (one.exit_status, two.exit_status) == (-signal.SIGKILL, 0)
    assert told == []
    assert not pool.ready_workers
    with pytest.raises(NotAvailable):
        pool.least_loaded()
    await pool.stop()


@pytest.mark.parametrize("turns", range(4))
async def test_stopping_in_the_moment_of_a_death(turns: int) -> None:
    pool = WorkerPool(config(*free_udp_range()), 1)
    await pool.start()
    [worker] = pool.ready_workers
    os.kill(worker.pid, signal.SIGKILL)
    await worker.dead()
    for _ in range(turns):
        await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await pool.stop()
    assert not pool.ready_workers


async def test_a_worker_alone_takes_the_next_free_port() -> None:
    first, _ = free_udp_range(2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", first))
        pool = WorkerPool(config(first, first + 1), 1)
        await pool.start()
        assert [worker.port for worker in pool.ready_workers] == [first + 1]
        await pool.stop()


async def test_no_free_port_is_said_plainly() -> None:
    first, _ = free_udp_range(1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", first))
        pool = WorkerPool(config(first, first), 1)
        with pytest.raises(WorkersFailedError, match=f"free UDP port from {first} to {first}"):
            await pool.start()


async def test_a_worker_that_cannot_start_is_tried_again_ever_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_pool_module, "FIRST_BACKOFF_S", 0.01)
    first, _ = free_udp_range(2)
    pool = WorkerPool(config(first, first + 1), 2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", first))
        await pool.start()
        assert len(pool.ready_workers) == 1
        assert await pool.any_answers()
        came = next_event(pool, "ready")
    assert (await came).port == first
    assert len(pool.ready_workers) == 2
    assert pool.restarts >= 1
    await pool.stop()


async def test_refusals_become_errors_of_ours(pool: WorkerPool) -> None:
    worker = pool.ready_workers[0]
    with pytest.raises(NotFound):
        await worker.request("transport.connect", {"transportId": "none", "dtlsParameters": {}})
    with pytest.raises(Broken):
        await worker.request("no.such.method")
    await worker.request("router.create", {"routerId": "r", "rtpCapabilities": {}})
    with pytest.raises(InvalidInput):
        await worker.request("router.create", {"routerId": "r", "rtpCapabilities": {}})


async def test_stats_asked_at_one_time_are_asked_once(pool: WorkerPool) -> None:
    worker = pool.ready_workers[0]
    answers = await asyncio.gather(*(worker.stats() for _ in range(5)))
    assert all(answer is answers[0] for answer in answers)
    assert await worker.stats() is answers[0]
    assert await worker.fresh_stats() is not answers[0]
