"""The driver of mediasoup: what it says when something is missing, its line protocol, a real packet through it."""

import asyncio
import os
import struct
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.bench.servers.base import (
    MID,
    LocalTransport,
    Publication,
    RemoteTransport,
    ServerError,
    ServerOptions,
    Track,
)
from tests.bench.servers.mediasoup import Mediasoup, NodeProgram, create
from tests.support.media_peer import MediaPeer

SSRC = 4711
AUDIO = Track("audio", SSRC, 111, "0", 48000, 32_000, extensions={MID: 4})

ANSWERS_IN_PAIRS_BACKWARDS = """
import json, sys
held = []
for line in sys.stdin:
    request = json.loads(line)
    if request["method"] == "refuse":
        held.append({"id": request["id"], "error": "refuse: it does"})
    else:
        held.append({"id": request["id"], "answer": {"to": request["method"]}})
    if len(held) == 2:
        for answer in reversed(held):
            print(json.dumps(answer), flush=True)
        held.clear()
"""
READS_ONE_LINE_AND_ENDS = "import sys; sys.stdin.readline()"


def options(log_dir: Path) -> ServerOptions:
    return ServerOptions(cores=tuple(os.sched_getaffinity(0)), workers=1, profile="gcm", log_dir=log_dir)


def test_without_its_package_it_says_how_to_have_it(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match=rf"npm ci` in {tmp_path}"):
        create(options(tmp_path), str(tmp_path))


def test_without_a_worker_it_says_how_to_have_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEDIASOUP_WORKER_BIN", raising=False)
    (tmp_path / "node_modules" / "mediasoup").mkdir(parents=True)
    with pytest.raises(ServerError, match=r"npm rebuild mediasoup.*MEDIASOUP_WORKER_BIN"):
        create(options(tmp_path), str(tmp_path))


def test_the_worker_may_be_one_that_the_environment_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIASOUP_WORKER_BIN", sys.executable)
    (tmp_path / "node_modules" / "mediasoup").mkdir(parents=True)
    assert create(options(tmp_path), str(tmp_path)).name == "mediasoup"


async def program(source: str) -> NodeProgram:
    pipe = asyncio.subprocess.PIPE
    return NodeProgram(await asyncio.create_subprocess_exec(sys.executable, "-c", source, stdin=pipe, stdout=pipe))


async def test_answers_find_who_asked_in_whatever_order_they_come() -> None:
    asked = await program(ANSWERS_IN_PAIRS_BACKWARDS)
    one, two = await asyncio.gather(asked.call("one"), asked.call("two"))
    assert (one, two) == ({"to": "one"}, {"to": "two"})
    await asked.end()


async def test_a_refusal_reaches_only_who_asked_for_it() -> None:
    asked = await program(ANSWERS_IN_PAIRS_BACKWARDS)
    refused, answered = await asyncio.gather(asked.call("refuse"), asked.call("two"), return_exceptions=True)
    assert isinstance(refused, ServerError)
    assert "it does" in str(refused)
    assert answered == {"to": "two"}
    await asked.end()


async def test_a_program_that_ends_leaves_no_one_waiting() -> None:
    asked = await program(READS_ONE_LINE_AND_ENDS)
    for method in ("first", "after its end"):
        with pytest.raises(ServerError, match="has ended"):
            await asked.call(method)
    await asked.end()


def is_running(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


class PeerEndpoint:
    """An endpoint of the load, as a `MediaPeer`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.peer = MediaPeer()
        self.expected: list[Track] = []

    @property
    def local(self) -> LocalTransport:
        """Its own side; the address is learnt from its checks."""
        fingerprint = self.peer.dtls_parameters["fingerprints"][0]
        return LocalTransport(
            self.peer.username_fragment,
            "unused",
            fingerprint["algorithm"],
            fingerprint["value"],
            "127.0.0.1",
            9,
        )

    async def connect(self, remote: RemoteTransport) -> None:
        """Do ICE and DTLS."""
        offered: dict[str, Any] = {
            "iceParameters": {"usernameFragment": remote.ice_ufrag, "password": remote.ice_pwd},
            "iceCandidates": [{"protocol": "udp", "ip": remote.host, "port": remote.port}],
            "dtlsParameters": {
                "fingerprints": [{"algorithm": name, "value": value} for name, value in remote.fingerprints]
            },
        }
        await self.peer.connect(offered)

    async def expect(self, tracks: Sequence[Track]) -> None:
        """Keep what will come."""
        self.expected.extend(tracks)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Mediasoup]:
    try:
        server = create(options(tmp_path), "")
    except ServerError as missing:
        pytest.skip(str(missing))
    await server.start()
    yield server
    await server.stop()


@pytest.mark.interop
async def test_what_is_published_reaches_who_subscribes(server: Mediasoup) -> None:
    publisher, subscriber = PeerEndpoint("publisher"), PeerEndpoint("subscriber")
    room = await server.room("class")
    publications = await room.publish(publisher, [AUDIO])
    await room.subscribe(subscriber, publications)
    (expected,) = subscriber.expected
    arrived: asyncio.Queue[bytes] = asyncio.Queue()
    subscriber.peer.on_rtp = arrived.put_nowait
    publisher.peer.send_rtp(struct.pack("!BBHLL", 0x80, AUDIO.payload_type, 0, 0, SSRC) + b"opus")
    packet = await asyncio.wait_for(arrived.get(), 10)
    assert struct.unpack_from("!L", packet, 8)[0] == expected.ssrc
    assert packet[1] & 0x7F == expected.payload_type
    assert packet.endswith(b"opus")
    for endpoint in (publisher, subscriber):
        await endpoint.peer.close()
        await room.leave(endpoint)
    await room.close()


@pytest.mark.interop
async def test_its_processes_are_told_apart_and_end_with_it(server: Mediasoup) -> None:
    pids = server.pids()
    assert sorted(pids.values()) == ["node", "worker 0"]
    assert server.version.startswith("3.")
    await server.stop()
    assert server.pids() == {}
    assert not [pid for pid in pids if is_running(pid)]


@pytest.mark.interop
async def test_a_refusal_says_what_was_asked_and_why(server: Mediasoup) -> None:
    room = await server.room("class")
    endpoint = PeerEndpoint("peer")
    with pytest.raises(ServerError, match=r"consume: .*unknown"):
        await room.subscribe(endpoint, [Publication("unknown", AUDIO, endpoint)])
    await endpoint.peer.close()
