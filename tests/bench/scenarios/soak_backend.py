"""What thousands of joins and leaves leave behind in the backend, the SFU beside it and the database.

    python -m tests.bench.scenarios.soak_backend [--joins 2000] [--json FILE]

Every visitor gets a ticket, opens a socket with it, joins a room in which somebody produces, makes two transports,
produces, consumes, and goes in one of four ways: leaves; closes the socket without leaving; is cut off; is cut
off, takes the seat back on another socket and leaves. One in four signs in first. Nobody does ICE: the media plane
has a soak of its own. Memory is read when all visitors of a step have left and no seat waits any more.
"""

import argparse
import asyncio
import itertools
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import uvloop

from tests.bench import termination
from tests.bench.processes import children
from tests.bench.scenarios.control_calls import DTLS_PARAMETERS
from tests.bench.scenarios.memory_samples import STEPS, MemorySamples, table
from tests.support.classmate import PASSWORD, sign_in, sign_up
from tests.support.protoo_client import ProtooClient, connect
from tests.support.rtp_samples import producer_parameters, receiver_capabilities
from tests.support.services import Platform, running_platform

AT_ONCE = 16
ROOMS = 8
USERS = 64
SIGN_INS = 4
"""One visitor in so many signs in."""
GRACE_S = 1
SETTLE_S = GRACE_S + 2.0
"""How long seats wait, and what is begun when they are given up may take to end."""
ENVIRONMENT = {"SFU_WORKERS": "1", "RESUME_GRACE_S": str(GRACE_S), "LOGIN_ATTEMPTS_PER_ADDRESS": "1000000"}
"""All visitors come from one address."""
WAYS_TO_GO = 4


@dataclass(slots=True)
class BackendSoak:
    """The state of a run: users with their access tokens, and what is produced in each room."""

    url: str
    session: aiohttp.ClientSession
    users: list[tuple[str, str]] = field(default_factory=list)
    residents: list[ProtooClient] = field(default_factory=list)
    produced: list[str] = field(default_factory=list)
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    async def prepare(self) -> None:
        """Let a teacher produce in each room, and make the users."""
        teacher = await sign_up(self.session, self.url, "teacher@school.example", "teacher")
        for room in range(ROOMS):
            socket = await connect(self.session, self.url, token=teacher)
            await socket.request("join-room", roomId=f"soak-{room}")
            self.residents.append(socket)
            self.produced.append(await self._produce(socket))
        for number in range(USERS):
            email = f"student{number}@school.example"
            self.users.append((email, await sign_up(self.session, self.url, email)))

    async def visits(self, count: int) -> None:
        """Let so many visitors come, some at a time."""
        left = itertools.repeat(None, count)

        async def one_after_the_other() -> None:
            for _ in left:
                await self._visit(next(self.numbers))

        await asyncio.gather(*(one_after_the_other() for _ in range(AT_ONCE)))
        for socket in self.residents:
            socket.messages.clear()  # they have all been told of everybody

    async def participants(self) -> int:
        """Count who is in the rooms, but for the residents."""
        answers = [await socket.request("get-participants") for socket in self.residents]
        return sum(int(answer["count"]) for answer in answers) - ROOMS

    async def _visit(self, number: int) -> None:
        email, token = self.users[number % USERS]
        if number % SIGN_INS == 0:
            token = await sign_in(self.session, self.url, email, PASSWORD)
        socket = await self._open(token)
        room = number % ROOMS
        joined = await socket.request("join-room", roomId=f"soak-{room}")
        await self._produce(socket)
        transport = await _transport(socket, "recv")
        consumed = await socket.request(
            "consume",
            producerId=self.produced[room],
            transportId=transport,
            rtpCapabilities=receiver_capabilities("chromium"),
        )
        await socket.request("resume-consumer", consumerId=consumed["consumerId"])
        await self._go(number // ROOMS % WAYS_TO_GO, socket, token, joined)

    async def _go(self, way: int, socket: ProtooClient, token: str, joined: dict[str, Any]) -> None:
        if way == 0:
            await _leave(socket)
        elif way == 1:
            await socket.close()
        else:
            await socket.vanish()
        if way == WAYS_TO_GO - 1:
            socket = await self._open(token)
            again = await socket.request("join-room", roomId=joined["roomId"], resumeToken=joined["resumeToken"])
            assert again["resumed"]
            await _leave(socket)

    async def _open(self, token: str) -> ProtooClient:
        headers = {"Authorization": f"Bearer {token}"}
        async with self.session.post(f"{self.url}/api/v1/signalling/ticket", headers=headers) as answer:
            ticket: str = (await answer.json())["ticket"]
        return await connect(self.session, self.url, ticket=ticket)

    async def _produce(self, socket: ProtooClient) -> str:
        produced = await socket.request(
            "produce",
            transportId=await _transport(socket, "send"),
            kind="audio",
            rtpParameters=producer_parameters("chromium", "audio", encodings=[{"ssrc": 1}], mid="0"),
        )
        producer: str = produced["producerId"]
        return producer


async def _transport(socket: ProtooClient, direction: str) -> str:
    transport: str = (await socket.request("create-transport", direction=direction))["transportId"]
    await socket.request("connect-transport", transportId=transport, dtlsParameters=DTLS_PARAMETERS)
    return transport


async def _leave(socket: ProtooClient) -> None:
    await socket.request("leave-room")
    await socket.closed()


def processes(platform: Platform) -> dict[str, list[int]]:
    """Return the pids by what they are. The embedded database counts as one: its pages are shared."""
    postmaster = int(next(platform.data_dir.rglob("postmaster.pid")).read_text().split()[0])
    control = platform.sfu.pid
    return {
        "backend": [platform.backend.pid],
        "control": [control],
        **{f"worker {n}": [pid] for n, pid in enumerate(children(control))},
        "database": [postmaster, *children(postmaster)],
    }


async def measure(platform: Platform, joins: int) -> dict[str, Any]:
    """Soak a platform that runs."""
    began = time.monotonic()
    memory = MemorySamples()
    # Each call on a connection of its own: idle ones that stay open would be counted as what visitors leave.
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(connector=connector) as session:
        soak = BackendSoak(platform.backend.url, session)
        await soak.prepare()
        memory.take(0, processes(platform))
        for step in range(1, STEPS + 1):
            await soak.visits(joins // STEPS)
            await asyncio.sleep(SETTLE_S)
            memory.take(joins // STEPS * step, processes(platform))
        left = await soak.participants()
        await asyncio.gather(*(_leave(socket) for socket in soak.residents))
    return {
        "joins": joins,
        "seconds": round(time.monotonic() - began, 1),
        "participants_left": left,
        **memory.render(),
    }


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--joins", type=int, default=2000)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with running_platform(ENVIRONMENT) as platform:
        result = termination.run(measure(platform, arguments.joins), uvloop.new_event_loop)
    tail = f"{result['participants_left']} participants left over, {result['seconds']} s"
    sys.stdout.write(f"{result['joins']} joins with the backend\n{table(result)}\n{tail}\n")
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
