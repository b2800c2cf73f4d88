"""The reachability self-test: one test a verdict, on a real SFU with the setting that is wrong."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.probes.conftest import PROBES, Probe
from tests.support.faulty_proxy import Asked, Reply, faulty_proxy
from tests.support.sfu import RunningSfu, running_sfu

pytestmark = pytest.mark.asyncio(loop_scope="session")

TOKEN = "a-token-for-the-probe-0123456789"
SHORT = ("--timeout", "0.4")
"""For what answers nothing; everything else answers within a moment on loopback."""


@asynccontextmanager
async def announcing(sfu: RunningSfu, change: Callable[[dict[str, Any]], dict[str, Any]]) -> AsyncIterator[str]:
    """Have the SFU's candidates changed on their way, as settings do that the SFU itself refuses to start with."""

    async def altered(asked: Asked) -> Reply:
        reply = await asked.forward()
        if asked.path.endswith("/transports"):
            return reply.having(iceCandidates=[change(dict(one)) for one in reply.body["iceCandidates"]])
        return reply

    async with faulty_proxy(sfu.url, altered) as url:
        yield url


def by_address(address: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda candidate: {**candidate, "ip": address, "address": address}


def by_port(protocol: str, port: int) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda candidate: {**candidate, "port": port} if candidate["protocol"] == protocol else candidate


async def ports_of(sfu: RunningSfu) -> set[int]:
    return {worker.port for worker in sfu.pool.ready_workers}


async def test_all_ports_of_all_workers_answer(probe: Probe) -> None:
    async with running_sfu(workers=2) as sfu:
        ended = await probe("media", "--url", sfu.url)
        assert ended.status == 0
        ports = ", ".join(str(worker.port) for worker in sorted(sfu.pool.ready_workers, key=lambda one: one.port))
        assert ended.line == (
            f"ok: 127.0.0.1 answers by UDP ports {ports} and TCP ports {ports} "
            "(for browsers on this machine alone: set RTC_ANNOUNCED_IP for others)"
        )
        assert sfu.rooms.rooms == []


async def test_a_worker_that_gets_no_new_room_is_told_of(probe: Probe) -> None:
    """New rooms go where the least is to do: the port of a busy worker is not looked at, nor called good."""
    async with running_sfu(workers=2) as sfu:
        for number in range(6):
            await sfu.join("maths", f"pupil-{number}")
            await sfu.create_transport("maths", f"pupil-{number}", "recv")
            await sfu.create_transport("maths", f"pupil-{number}", "send")
        ended = await probe("media", "--url", sfu.url)
        assert ended.status == 0
        [idle] = {worker.port for worker in sfu.pool.ready_workers if not worker.load}
        assert ended.line.startswith(f"ok: 127.0.0.1 answers by UDP port {idle} and TCP port {idle} ")
        assert ended.line.endswith("; not looked at: 1 of 2 media workers, too busy to be given a new room")


async def test_both_families(probe: Probe) -> None:
    async with running_sfu(rtc_listen_ip="::", rtc_announced_ips=("127.0.0.1", "::1")) as sfu:
        ended = await probe("media", "--url", sfu.url)
        assert ended.status == 0
        assert "127.0.0.1 answers by UDP port" in ended.line
        assert "; ::1 answers by UDP port" in ended.line


async def test_without_tcp_there_is_none_to_ask(probe: Probe) -> None:
    async with running_sfu(rtc_tcp=False) as sfu:
        ended = await probe("media", "--url", sfu.url)
        assert ended.status == 0
        assert "TCP" not in ended.line


async def test_loopback_announced_to_browsers_elsewhere(probe: Probe, sfu: RunningSfu) -> None:
    ended = await probe("media", "--url", sfu.url, "--public")
    assert ended.status == 1
    assert ended.line.startswith(
        "failing: RTC_ANNOUNCED_IP is 127.0.0.1: only browsers on the SFU's own machine reach it; set it to"
    )


async def test_an_address_of_another_machine(probe: Probe) -> None:
    async with running_sfu(rtc_announced_ips=("127.0.0.2",)) as sfu:
        ended = await probe("media", "--url", sfu.url)
        [port] = await ports_of(sfu)
        assert ended.status == 1
        assert ended.line.startswith(
            f"failing: nothing listens at 127.0.0.2 UDP port {port} and TCP port {port}: "
            "RTC_ANNOUNCED_IP is another machine's address"
        )


async def test_answers_come_from_another_address(probe: Probe) -> None:
    async with running_sfu(rtc_listen_ip="127.0.0.1", rtc_announced_ips=("127.0.0.3",), rtc_tcp=False) as sfu:
        [port] = await ports_of(sfu)
        async with detour(("127.0.0.3", port), ("127.0.0.1", port)):
            ended = await probe("media", "--url", sfu.url)
        assert ended.status == 1
        assert "checks sent to 127.0.0.3 are answered from 127.0.0.1, which browsers refuse" in ended.line
        assert "set RTC_LISTEN_IP to" in ended.line


@asynccontextmanager
async def detour(at: tuple[str, int], to: tuple[str, int]) -> AsyncIterator[None]:
    """Take datagrams at one address and answer them from another, with what `to` answers."""
    loop = asyncio.get_running_loop()

    class Back(asyncio.DatagramProtocol):
        def __init__(self) -> None:
            self.client: Any = None

        def datagram_received(self, data: bytes, addr: Any) -> None:
            out.sendto(data, self.client)

    class Forth(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: Any) -> None:
            back.client = addr
            aside.sendto(data, to)

    aside, back = await loop.create_datagram_endpoint(Back, local_addr=("127.0.0.1", 0))
    out, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
    here, _ = await loop.create_datagram_endpoint(Forth, local_addr=at)
    try:
        yield
    finally:
        for transport in (aside, out, here):
            transport.close()


@pytest.mark.parametrize("address", ["0.0.0.0", "::"])  # noqa: S104 - nothing is bound here
async def test_a_wildcard(probe: Probe, sfu: RunningSfu, address: str) -> None:
    async with announcing(sfu, by_address(address)) as url:
        ended = await probe("media", "--url", url)
    assert ended.status == 1
    assert ended.line.startswith(
        f"failing: RTC_ANNOUNCED_IP is {address}, which no browser can send to: set it to the address"
    )


async def test_a_name_that_does_not_resolve(probe: Probe, sfu: RunningSfu) -> None:
    async with announcing(sfu, by_address("media.school.invalid")) as url:
        ended = await probe("media", "--url", url)
    assert ended.status == 1
    assert "RTC_ANNOUNCED_IP is media.school.invalid, a name that does not resolve here" in ended.line


async def test_udp_that_a_firewall_drops(probe: Probe, sfu: RunningSfu) -> None:
    [port] = await ports_of(sfu)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dropped:
        dropped.bind(("127.0.0.1", 0))
        number = dropped.getsockname()[1]
        async with announcing(sfu, by_port("udp", number)) as url:
            ended = await probe("media", "--url", url, *SHORT)
    assert ended.status == 1
    assert ended.line == (
        f"failing: 127.0.0.1 answers by TCP port {port} but not by UDP port {number}: "
        f"let UDP port {number} through to the SFU (firewall, port mapping)"
    )


async def test_tcp_that_is_closed(probe: Probe, sfu: RunningSfu) -> None:
    [port] = await ports_of(sfu)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        number = closed.getsockname()[1]
        async with announcing(sfu, by_port("tcp", number)) as url:
            ended = await probe("media", "--url", url)
    assert ended.status == 1
    assert ended.line == (
        f"failing: 127.0.0.1 answers by UDP port {port} but not by TCP port {number}: "
        f"let TCP port {number} through to the SFU (firewall, port mapping), or set RTC_TCP=false"
    )


async def test_everything_dropped(probe: Probe, sfu: RunningSfu) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dropped:
        dropped.bind(("127.0.0.1", 0))
        number = dropped.getsockname()[1]

        def udp_only(candidate: dict[str, Any]) -> dict[str, Any]:
            return {**candidate, "protocol": "udp", "port": number}

        async with announcing(sfu, udp_only) as url:
            ended = await probe("media", "--url", url, *SHORT)
    assert ended.status == 1
    assert f"nothing answers at 127.0.0.1 UDP port {number}: a firewall drops it" in ended.line
    assert "or RTC_ANNOUNCED_IP is wrong" in ended.line


async def test_udp_answered_by_something_else(probe: Probe, sfu: RunningSfu) -> None:
    class Echo(asyncio.DatagramProtocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: Any) -> None:
            self.transport.sendto(data, addr)

    loop = asyncio.get_running_loop()
    echo, _ = await loop.create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
    number = echo.get_extra_info("sockname")[1]
    async with announcing(sfu, by_port("udp", number)) as url:
        ended = await probe("media", "--url", url, *SHORT)
    echo.close()
    assert ended.status == 1
    assert f"something that is not this SFU has 127.0.0.1 UDP port {number}: map these ports" in ended.line


async def test_tcp_of_another_sfu(probe: Probe, sfu: RunningSfu) -> None:
    async with running_sfu() as other:
        [number] = await ports_of(other)
        async with announcing(sfu, by_port("tcp", number)) as url:
            ended = await probe("media", "--url", url, *SHORT)
    assert ended.status == 1
    assert f"something that is not this SFU has 127.0.0.1 TCP port {number}" in ended.line


async def test_a_web_server_on_the_tcp_port(probe: Probe, sfu: RunningSfu) -> None:
    number = int(sfu.url.rpartition(":")[2])
    async with announcing(sfu, by_port("tcp", number)) as url:
        ended = await probe("media", "--url", url, *SHORT)
    assert ended.status == 1
    assert f"something that is not this SFU has 127.0.0.1 TCP port {number}" in ended.line


async def test_the_token_from_the_environment_or_a_file(probe: Probe, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n")
    async with running_sfu(api_token=TOKEN) as sfu:
        assert (await probe("media", "--url", sfu.url, SFU_API_TOKEN=TOKEN)).status == 0
        assert (await probe("media", "--url", sfu.url, SFU_API_TOKEN_FILE=str(path))).status == 0
        for environment in ({}, {"SFU_API_TOKEN": "another"}):
            ended = await probe("media", "--url", sfu.url, **environment)
            assert ended.status == 1
            assert ended.line.startswith(
                "failing: the SFU refuses the token: SFU_API_TOKEN (or SFU_API_TOKEN_FILE)"
            )
        missing = await probe("media", "--url", sfu.url, SFU_API_TOKEN_FILE=str(tmp_path / "none"))
        assert missing.status == 2
        assert "No such file or directory" in missing.line


async def test_an_sfu_that_drains(probe: Probe) -> None:
    async with running_sfu() as sfu:
        await sfu.join("maths", "anna")
        await sfu.post("/drain")
        ended = await probe("media", "--url", sfu.url)
        assert (ended.status, ended.line) == (1, "failing: sfu: draining, it takes no new room")


@pytest.mark.parametrize("body", ["welcome", {"error": "there is no such route", "code": "NOT_FOUND"}, {"x": 1}])
async def test_no_sfu_there(probe: Probe, sfu: RunningSfu, body: Any) -> None:
    async def say(_asked: Asked) -> Reply:
        return Reply(200, body)

    async with faulty_proxy(sfu.url, say) as url:
        assert (await probe("media", "--url", url)).status == 1


async def test_its_rooms_are_removed_when_it_is_stopped(sfu: RunningSfu) -> None:
    asked_for_a_transport = asyncio.Event()

    async def hold(asked: Asked) -> Reply:
        reply = await asked.forward()
        if asked.path.endswith("/transports"):
            asked_for_a_transport.set()
            await asyncio.sleep(30)
        return reply

    async with faulty_proxy(sfu.url, hold) as url:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(PROBES / "media.py"), "--url", url, "--timeout", "30"),
            stdout=asyncio.subprocess.PIPE,
            env={"PATH": os.environ["PATH"]},
        )
        await asked_for_a_transport.wait()
        assert len(sfu.rooms.rooms) == 1
        process.send_signal(signal.SIGTERM)
        output, _ = await process.communicate()
    assert (process.returncode, output.decode()) == (1, "interrupted\n")
    assert sfu.rooms.rooms == []


async def test_other_rooms_are_left_alone(probe: Probe, sfu: RunningSfu) -> None:
    await sfu.join("maths", "anna")
    before = json.dumps((await sfu.get("/rooms/maths?detail=1")).ok())
    assert (await probe("media", "--url", sfu.url)).status == 0
    assert json.dumps((await sfu.get("/rooms/maths?detail=1")).ok()) == before
    assert [room.id for room in sfu.rooms.rooms] == ["maths"]
    await sfu.leave("maths", "anna")
