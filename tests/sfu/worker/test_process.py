"""The worker as a process: how it starts, what it says first, and each way in which it ends."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psutil
import pytest

from shared.frames import MAX_FRAME_BYTES, FrameDecoder, encode_frame
from tests.support.services import REPOSITORY, free_udp_range

WITHIN_S = 30.0


@dataclass
class WorkerProcess:
    process: subprocess.Popen[str]
    channel: socket.socket
    decoder: FrameDecoder = field(default_factory=FrameDecoder)
    messages: list[dict[str, Any]] = field(default_factory=list)

    def receive(self) -> dict[str, Any]:
        while not self.messages:
            data = self.channel.recv(65536)
            assert data, f"the worker has closed the channel:\n{self.ended()[1]}"
            self.messages += self.decoder.feed(data)
        return self.messages.pop(0)

    def ask(self, method: str, **data: Any) -> dict[str, Any]:
        self.channel.sendall(encode_frame({"id": 1, "method": method, "data": data}))
        return self.receive()

    def ended(self) -> tuple[int, str]:
        """Wait for the end; return the exit status and all that was printed."""
        output, _ = self.process.communicate(timeout=WITHIN_S)
        return self.process.returncode, output


@contextmanager
def worker(**config: Any) -> Iterator[WorkerProcess]:
    first, last = free_udp_range()
    wire = {
        "workerIndex": 0,
        "listenIp": "127.0.0.1",
        "announcedIps": ["127.0.0.1"],
        "minPort": first,
        "maxPort": last,
        "preferredPort": first,
        "consentTimeoutS": 30,
        "audioLastN": 0,
        "logLevel": "info",
        "logFormat": "json",
        **config,
    }
    ours, theirs = socket.socketpair()
    ours.settimeout(WITHIN_S)
    arguments = ["--channel-fd", str(theirs.fileno()), "--config", json.dumps(wire)]
    with ours, theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "sfu.worker", *arguments],
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            pass_fds=(theirs.fileno(),),
        )
        theirs.close()
        with process:
            try:
                yield WorkerProcess(process, ours)
            finally:
                process.kill()


@pytest.fixture
def running() -> Iterator[WorkerProcess]:
    with worker() as started:
        ready = started.receive()
        assert ready["event"] == "worker.ready"
        yield started


def test_the_first_word_tells_pid_port_and_profiles() -> None:
    first, last = free_udp_range()
    with worker(minPort=first, maxPort=last, preferredPort=first + 3) as started:
        assert started.receive() == {
            "event": "worker.ready",
            "data": {
                "pid": started.process.pid,
                "port": first + 3,
                "srtpProfiles": ["SRTP_AEAD_AES_128_GCM", "SRTP_AES128_CM_SHA1_80"],
            },
        }
        stats = started.ask("worker.stats")
        assert (stats["id"], stats["ok"], stats["data"]["port"]) == (1, True, first + 3)


def test_it_ends_when_the_channel_does(running: WorkerProcess) -> None:
    running.channel.close()
    assert running.ended()[0] == 0


def test_sigterm_closes_and_ends_it(running: WorkerProcess) -> None:
    running.process.send_signal(signal.SIGTERM)
    assert running.channel.recv(1) == b""
    assert running.ended()[0] == 0


def test_sigint_is_the_control_processs_to_handle(running: WorkerProcess) -> None:
    running.process.send_signal(signal.SIGINT)
    assert running.ask("worker.stats")["ok"]
    assert psutil.pid_exists(running.process.pid)
    running.process.send_signal(signal.SIGTERM)
    assert running.ended()[0] == 0


@pytest.mark.parametrize(
    "garbage",
    [
        (MAX_FRAME_BYTES + 1).to_bytes(4, "big"),
        b"\0\0\0\4null",
        b"\0\0\0\4{{{{",
        b"\0\0\0\2\xff\xff",
        encode_frame({"id": 1, "method": "worker.stats", "data": {}})[:-1] + b"\0" * 5,
        (60_000).to_bytes(4, "big") + b"[" * 60_000,
    ],
    ids=["too large", "no object", "no JSON", "no UTF-8", "cut short", "deep"],
)
def test_garbage_on_the_channel_ends_it_without_a_traceback(running: WorkerProcess, garbage: bytes) -> None:
    running.channel.sendall(garbage)
    status, output = running.ended()
    assert status == 0
    assert "channel carries garbage" in output
    assert "Traceback" not in output


def test_without_a_free_port_it_says_so_and_exits_with_3() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with worker(minPort=port, maxPort=port, preferredPort=port) as started:
            status, output = started.ended()
    assert status == 3
    line = json.loads(output.splitlines()[-1])
    assert str(port) in line["reason"]
    assert "Traceback" not in output


def test_an_address_that_is_not_its_own_is_said() -> None:
    with worker(listenIp="192.0.2.1") as started:
        status, output = started.ended()
    assert status == 4
    assert "192.0.2.1" in json.loads(output.splitlines()[-1])["reason"]


def test_requests_that_come_before_it_is_ready_are_answered_in_order() -> None:
    with worker() as started:
        for number in range(5):
            started.channel.sendall(encode_frame({"id": number, "method": "worker.stats", "data": {}}))
        messages = [started.receive() for _ in range(6)]
    assert [message["id"] for message in messages if "id" in message] == [0, 1, 2, 3, 4]
    assert [message["event"] for message in messages if "event" in message] == ["worker.ready"]
