"""Liveness, readiness and latency: both services, well and unwell."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import pytest
from aiohttp.test_utils import TestServer

from tests.deploy.probes.conftest import Probe
from tests.support.backend import QuietRooms, make_app, settings_for
from tests.support.database import DatabaseServer, running_database_server, shut_out
from tests.support.faulty_proxy import Asked, Reply, faulty_proxy
from tests.support.services import free_tcp_port
from tests.support.sfu import RunningSfu, running_sfu

HEALTH_PROBES = ["live", "ready", "latency"]
NOWHERE = "http://127.0.0.1:9"
"""What a proxy stands before that answers everything itself."""


@pytest.fixture
async def sfu() -> AsyncIterator[RunningSfu]:
    async with running_sfu() as sfu:
        yield sfu


@pytest.fixture(scope="module")
def database_server() -> Iterator[DatabaseServer]:
    with running_database_server() as server:
        yield server


@pytest.fixture
def database(database_server: DatabaseServer) -> str:
    return database_server.make_migrated()


@pytest.fixture
def presence() -> QuietRooms:
    return QuietRooms()


@pytest.fixture
async def backend(database: str, presence: QuietRooms) -> AsyncIterator[str]:
    async with TestServer(make_app(settings_for(database), presence)) as server:
        yield str(server.make_url("")).rstrip("/")


def port_of(url: str) -> str:
    return str(urlsplit(url).port)


@pytest.mark.parametrize("name", ["live", "ready"])
async def test_a_well_sfu_is_found_at_the_port_of_its_settings(probe: Probe, sfu: RunningSfu, name: str) -> None:
    for variable in ("SFU_PORT", "MEDIASOUP_PORT"):
        ended = await probe(name, "--service", "sfu", **{variable: port_of(sfu.url)})
        assert ended.status == 0
        assert ended.line.startswith("ok: ")


@pytest.mark.parametrize("name", ["live", "ready"])
async def test_a_well_backend_is_found_at_the_port_of_its_settings(probe: Probe, backend: str, name: str) -> None:
    for listen_ip in ("", "0.0.0.0", "127.0.0.1"):  # noqa: S104 - nothing is bound here
        ended = await probe(name, "--service", "backend", PORT=port_of(backend), LISTEN_IP=listen_ip)
        assert ended.status == 0
    assert (await probe("ready", "--url", backend)).line == "ok: backend is ready"


async def test_an_sfu_that_drains_lives_and_is_not_ready(probe: Probe, sfu: RunningSfu) -> None:
    await sfu.join("maths", "anna")
    await sfu.post("/drain")
    assert (await probe("live", "--url", sfu.url)).status == 0
    ended = await probe("ready", "--url", sfu.url)
    assert (ended.status, ended.line) == (1, "failing: sfu: draining")


async def test_an_sfu_without_workers_lives_and_is_not_ready(probe: Probe, sfu: RunningSfu) -> None:
    await sfu.pool.stop()
    assert (await probe("live", "--url", sfu.url)).status == 0
    for name in ("ready", "latency"):
        ended = await probe(name, "--url", sfu.url)
        assert (ended.status, ended.line) == (1, "failing: sfu: no media worker is ready")


async def test_a_backend_without_database_lives_and_is_not_ready(
    probe: Probe, backend: str, database: str
) -> None:
    with shut_out(database):
        assert (await probe("live", "--url", backend)).status == 0
        for name in ("ready", "latency"):
            ended = await probe(name, "--url", backend)
            assert (ended.status, ended.line) == (1, "failing: database: down")
    assert (await probe("ready", "--url", backend)).status == 0


async def test_a_backend_without_sfu_is_ready_and_says_so(
    probe: Probe, backend: str, presence: QuietRooms
) -> None:
    presence.sfu = False
    ended = await probe("ready", "--url", backend)
    assert (ended.status, ended.line) == (0, "ok: backend is ready; sfu: down")


async def test_latency_is_held_against_its_limit(probe: Probe, sfu: RunningSfu) -> None:
    well = await probe("latency", "--url", sfu.url, "--limit-ms", "60000", "--requests", "3")
    assert well.status == 0
    assert "of 3 requests" in well.line
    late = await probe("latency", "--url", sfu.url, "--limit-ms", "0.001")
    assert late.status == 1
    assert late.line.endswith("the limit is 0.001 ms")
    on_a_busy_machine = await probe("latency", "--url", sfu.url, "--limit-ms", "60", VTP_LIMIT_SCALE="1000")
    assert on_a_busy_machine.line.endswith("limit 60000 ms")
    assert (await probe("latency", "--url", sfu.url, VTP_LIMIT_SCALE="0.5")).status == 2


async def test_one_late_answer_does_not_make_the_median(probe: Probe, sfu: RunningSfu) -> None:
    asked_so_far = 0

    async def late_once(asked: Asked) -> Reply:
        nonlocal asked_so_far
        asked_so_far += 1
        if asked_so_far == 4:
            await asyncio.sleep(2.0)
        return await asked.forward()

    async with faulty_proxy(sfu.url, late_once) as url:
        assert (await probe("latency", "--url", url, "--limit-ms", "1500")).status == 0


@pytest.mark.parametrize("name", [*HEALTH_PROBES, "media"])
async def test_nobody_there(probe: Probe, name: str) -> None:
    url = f"http://127.0.0.1:{free_tcp_port()}"
    ended = await probe(name, "--url", url)
    assert (ended.status, ended.line) == (3, f"cannot reach: {url}: connection refused")


@pytest.mark.parametrize("name", [*HEALTH_PROBES, "media"])
async def test_a_name_that_does_not_resolve(probe: Probe, name: str) -> None:
    for url in ("http://nowhere.invalid:3000", "http://no..name:3000"):
        ended = await probe(name, "--url", url)
        assert (ended.status, ended.line) == (3, f"cannot reach: {url}: its name does not resolve")


@pytest.mark.parametrize("name", [*HEALTH_PROBES, "media"])
async def test_a_service_that_hangs(probe: Probe, name: str) -> None:
    accepted: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _reader, writer: accepted.append(writer), "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    ended = await probe(name, "--url", url, "--timeout", "0.2")
    assert (ended.status, ended.line) == (3, f"cannot reach: {url}: no answer within 0.2 s")
    server.close()
    for writer in accepted:
        writer.close()


@pytest.mark.parametrize("name", HEALTH_PROBES)
@pytest.mark.parametrize("reply", [Reply(200, "welcome"), Reply(404, "no such page"), Reply(200, {"hello": 1})])
async def test_something_else_has_the_port(probe: Probe, name: str, reply: Reply) -> None:
    async def say(_asked: Asked) -> Reply:
        return reply

    async with faulty_proxy(NOWHERE, say) as url:
        ended = await probe(name, "--url", url)
    assert ended.status == 1
    assert "something else answers there" in ended.line


@pytest.mark.parametrize("name", HEALTH_PROBES)
async def test_an_internal_error_is_told(probe: Probe, name: str) -> None:
    async def fail(_asked: Asked) -> Reply:
        return Reply(500, {"error": "something went wrong in this service", "code": "INTERNAL_ERROR"})

    async with faulty_proxy(NOWHERE, fail) as url:
        ended = await probe(name, "--url", url)
    assert (ended.status, ended.line) == (1, "failing: something went wrong in this service")


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        ([], {}),
        (["--service", "database"], {}),
        (["--service", "sfu", "--url", "http://localhost:3000"], {}),
        (["--url", "localhost:3000"], {}),
        (["--url", "http://localhost:70000"], {}),
        (["--service", "sfu", "--timeout", "soon"], {}),
        (["--service", "sfu", "--timeout", "nan"], {}),
        (["--service", "backend", "--verbose"], {}),
        (["--service", "sfu"], {"SFU_PORT": "0"}),
        (["--service", "backend"], {"PORT": "http"}),
    ],
)
async def test_wrong_use(probe: Probe, arguments: list[str], environment: dict[str, str]) -> None:
    for name in HEALTH_PROBES:
        ended = await probe(name, *arguments, **environment)
        assert ended.status == 2
        assert ended.line.startswith("wrong use: ")
