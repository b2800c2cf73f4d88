"""The SFU as a real process: how it starts, refuses to start, and ends."""

import asyncio
import json
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from tests.support.secret_watch import WATCH
from tests.support.services import INHERITED, REPOSITORY, free_udp_range
from tests.support.sfu import SfuApi, eventually, is_gone


class Process:
    """A running `python -m sfu`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []

    async def until(self, pattern: str) -> "re.Match[str]":
        """Read its output up to a line that matches."""
        assert self.process.stdout is not None
        while line := (await self.process.stdout.readline()).decode():
            self.lines.append(line.rstrip("\n"))
            WATCH.output("sfu", line)
            if found := re.search(pattern, self.lines[-1]):
                return found
        raise AssertionError("\n".join(self.lines))

    async def finish(self) -> tuple[int, str]:
        """Wait for its end; return its exit status and the rest of its output."""
        output, _ = await self.process.communicate()
        assert self.process.returncode is not None
        WATCH.output("sfu", output.decode())
        return self.process.returncode, output.decode()


@asynccontextmanager
async def sfu_process(**environment: str) -> AsyncIterator[Process]:
    first, last = free_udp_range()
    settings = {
        **{name: os.environ[name] for name in INHERITED if name in os.environ},
        "SFU_PORT": "0",
        "SFU_WORKERS": "1",
        "RTC_MIN_PORT": str(first),
        "RTC_MAX_PORT": str(last),
        **environment,
    }
    WATCH.settings(settings)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sfu"),
        cwd=REPOSITORY,
        env=settings,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield Process(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_what_an_operator_reads_and_a_graceful_stop() -> None:
    async with sfu_process(SFU_WORKERS="2", RTC_ANNOUNCED_IP="192.0.2.7") as sfu:
        pids = [
            int((await sfu.until(r"^✓ Media worker created \(pid (\d+), UDP port \d+\)$"))[1]) for _ in range(2)
        ]
        port = (await sfu.until(r"^✓ SFU server listening on port (\d+)$"))[1]
        await sfu.until(rf"^  Endpoint: http://localhost:{port}$")
        await sfu.until(r"^  RTC Port Range: \d+ - \d+$")
        await sfu.until(r"^  Listen IP: 127\.0\.0\.1$")
        await sfu.until(r"^  Announced IP: 192\.0\.2\.7$")
        async with aiohttp.ClientSession() as session:
            api = SfuApi(session, f"http://127.0.0.1:{port}")
            (await api.join("maths", "anna")).ok()
            (await api.create_transport("maths", "anna", "send")).ok()
            async with api.events() as events:
                sfu.process.send_signal(signal.SIGINT)
                closed = await events.next()
                assert (closed["event"], closed["roomId"], closed["reason"]) == (
                    "room-closed",
                    "maths",
                    "shutdown",
                )
                ending = await events.socket.receive()
                assert (ending.type, ending.data) == (aiohttp.WSMsgType.CLOSE, 1012)
        async with asyncio.timeout(5):
            status, output = await sfu.finish()
        assert status == 0
        assert "✓ SFU server stopped" in output
        assert not re.search(r"error|Traceback", output)
        assert all(is_gone(pid) for pid in pids)


async def test_logs_as_json() -> None:
    async with sfu_process(LOG_FORMAT="json") as sfu:
        await sfu.until("SFU server listening")
        logged = [json.loads(line) for line in sfu.lines]
        # Beside these, an ordinary user's workers warn that the kernel grants small socket buffers.
        records = [record for record in logged if record["service"] == "sfu"]
        assert [record["event"] for record in records] == ["Media worker created", "SFU server listening"]
        assert {"port", "endpoint", "rtc_port_range", "listen_ip", "announced_ip"} <= set(records[1])
        sfu.process.send_signal(signal.SIGINT)
        status, output = await sfu.finish()
        assert status == 0
        assert [json.loads(line)["event"] for line in output.splitlines()] == ["SFU server stopped"]


async def test_a_stop_while_it_starts() -> None:
    async with sfu_process() as sfu:
        await sfu.until("Media worker created")
        sfu.process.send_signal(signal.SIGTERM)
        status, _ = await sfu.finish()
        assert status == 0


@asynccontextmanager
async def serving_a_class(**environment: str) -> AsyncIterator[tuple[Process, SfuApi]]:
    """An SFU with a room in it, told to end by SIGTERM."""
    async with sfu_process(**environment) as sfu, aiohttp.ClientSession() as session:
        port = (await sfu.until(r"^✓ SFU server listening on port (\d+)$"))[1]
        api = SfuApi(session, f"http://127.0.0.1:{port}")
        (await api.join("maths", "anna")).ok()
        async with api.events() as events:
            sfu.process.send_signal(signal.SIGTERM)
            assert (await events.next())["event"] == "draining"
        yield sfu, api


async def test_sigterm_without_rooms_ends_it_at_once() -> None:
    async with sfu_process() as sfu:
        await sfu.until("Announced IP")
        sfu.process.send_signal(signal.SIGTERM)
        status, output = await sfu.finish()
        assert (status, output) == (0, "✓ SFU server stopped\n")


async def test_sigterm_lets_the_class_go_on_to_its_end() -> None:
    async with serving_a_class() as (sfu, api):
        await sfu.until(r"^✓ SFU server draining: it ends when its 1 rooms have closed")
        assert (await api.join("physics", "anna")).code == "DRAINING"
        (await api.join("maths", "bela")).ok()
        (await api.create_transport("maths", "bela", "send")).ok()
        (await api.leave("maths", "anna")).ok()
        async with api.events() as events:
            assert events.hello["draining"] is True
            (await api.leave("maths", "bela")).ok()
            assert [(await events.next())["event"] for _ in range(2)] == ["peer-closed", "room-closed"]
            ending = await events.socket.receive()
            assert (ending.type, ending.data) == (aiohttp.WSMsgType.CLOSE, 1012)
        status, output = await sfu.finish()
        assert status == 0
        assert output.endswith("✓ SFU server stopped\n")


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
async def test_who_does_not_want_to_wait_says_so(signum: signal.Signals) -> None:
    async with serving_a_class() as (sfu, api), api.events() as events:
        sfu.process.send_signal(signum)
        closed = await events.next()
        assert (closed["event"], closed["reason"]) == ("room-closed", "shutdown")
        status, _ = await sfu.finish()
        assert status == 0


async def test_a_drain_ends_after_its_time() -> None:
    async with serving_a_class(SFU_DRAIN_TIMEOUT_S="1") as (sfu, _):
        status, _ = await sfu.finish()
        assert status == 0


async def test_a_drain_by_call_ends_it_too() -> None:
    async with sfu_process() as sfu, aiohttp.ClientSession() as session:
        port = (await sfu.until(r"^✓ SFU server listening on port (\d+)$"))[1]
        api = SfuApi(session, f"http://127.0.0.1:{port}")
        assert (await api.post("/drain")).ok() == {"draining": True, "rooms": 0, "peers": 0}
        status, _ = await sfu.finish()
        assert status == 0


async def test_workers_end_with_a_killed_control_process() -> None:
    async with sfu_process() as sfu:
        pid = int((await sfu.until(r"Media worker created \(pid (\d+)"))[1])
        await sfu.until("listening")
        sfu.process.kill()
        await sfu.finish()
        await eventually(lambda: is_gone(pid))


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"SFU_LISTEN_IP": "0.0.0.0"}, "SFU_API_TOKEN is required"),  # noqa: S104 - it must not come to that
        ({"SFU_PORT": "http"}, "SFU_PORT"),
        ({"RTC_MIN_PORT": "50", "RTC_MAX_PORT": "40"}, "RTC_MIN_PORT"),
    ],
)
async def test_bad_settings_are_said_in_one_sentence(environment: dict[str, str], sentence: str) -> None:
    async with sfu_process(**environment) as sfu:
        status, output = await sfu.finish()
        assert status == 2
        assert output.startswith("SFU not started: ")
        assert sentence in output
        assert len(output.splitlines()) == 1


async def test_a_port_in_use_is_said_in_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        async with sfu_process(SFU_PORT=str(port)) as sfu:
            status, output = await sfu.finish()
    assert status == 1
    assert output == (
        f"SFU not started: 127.0.0.1 port {port} is in use: stop what listens there, "
        "or set SFU_PORT to another port.\n"
    )


async def test_no_free_media_port_is_said_in_one_sentence() -> None:
    first, _ = free_udp_range(1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", first))
        async with sfu_process(RTC_MIN_PORT=str(first), RTC_MAX_PORT=str(first)) as sfu:
            status, output = await sfu.finish()
    assert status == 1
    assert f"SFU not started: No media worker found a free UDP port from {first} to {first}" in output
    assert "Traceback" not in output
