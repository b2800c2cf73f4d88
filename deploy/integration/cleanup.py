"""TEST 5: whoever goes, however that is, takes everything along."""

import asyncio
import re
from collections.abc import Awaitable, Callable

from deploy.integration.backend_api import API, Signalling
from deploy.integration.checks import Section, Skipped, given, require
from deploy.integration.media_call import MediaCall
from deploy.integration.run import Run
from deploy.integration.seats import SfuSeat

HEADING = "TEST 5: Cleanup"

ROUNDS = 30
"""Of joining and leaving at once: enough that a leak of one object a round shows."""

MEMORY_SLACK_BYTES = 16 << 20
"""What the SFU's control process may grow by over all rounds: a leak of half a megabyte a round is more."""

POLL_EVERY_S = 0.1

LEFT_OVER = ("vtp_sfu_peers", "vtp_sfu_transports", "vtp_sfu_producers", "vtp_sfu_consumers")


NOT_WAITED_FOR = "not waited for, as --vanish-timeout is 0"


class Cleanup:
    """The checks of TEST 5 at the SFU's own API."""

    def __init__(self, section: Section, run: Run) -> None:
        self._section = section
        self._run = run
        self._calls: list[MediaCall] = []

    async def check(self) -> None:
        """Run them all, and hang up in every case."""
        try:
            await self._check()
        finally:
            for call in self._calls:
                call.hang_up()

    async def _check(self) -> None:
        check = self._section.check
        silent = await check("A peer in a call falls silent, without a farewell", self._fall_silent)
        await check("Disconnect a peer: its transport, producer and their consumer are closed", self._disconnect)
        await check("Delete room with peers: 200 OK, all in it is gone", self._delete)
        await check(f"Rapid join/leave, {ROUNDS} times: nothing is left behind", self._rapid)
        await check(f"Rapid join/leave, {ROUNDS} times: memory is stable", self._memory)
        await check("The silent peer is removed with all it had", lambda: self._silent_is_gone(silent))

    async def _start_call(self, label: str) -> tuple[str, SfuSeat, SfuSeat, MediaCall]:
        room = self._run.new_sfu_room(label)
        publisher, viewer = self._run.new_seat(room, "publisher"), self._run.new_seat(room, "viewer")
        await publisher.join()
        await viewer.join()
        call = MediaCall(publisher, viewer, "udp", self._run.options.timeout)
        self._calls.append(call)
        await call.connect()
        await call.produce()
        await call.consume()
        return room, publisher, viewer, call

    async def _fall_silent(self) -> tuple[str, MediaCall]:
        if not self._run.options.vanish_timeout:
            raise Skipped(NOT_WAITED_FOR)
        room, _, _, call = await self._start_call("silent")
        given(call.sending, "transport").endpoint.close(politely=False)
        return room, call

    async def _silent_is_gone(self, silent: tuple[str, MediaCall] | None) -> None:
        if not self._run.options.vanish_timeout:
            raise Skipped(NOT_WAITED_FOR)
        room, call = given(silent, "silent peer")
        limit = self._run.options.vanish_timeout
        try:
            async with asyncio.timeout(limit):
                while await self._peer_count(room) > 1:  # noqa: ASYNC110 - the SFU makes it so
                    await asyncio.sleep(POLL_EVERY_S)
        except TimeoutError:
            require(False, f"it is still there after {limit:g} s: PEER_TIMEOUT_S must be less")
        await self._all_closed(room, call)

    async def _peer_count(self, room: str) -> int:
        return int((await self._run.sfu.get(f"/rooms/{room}")).ok("peerCount")["peerCount"])

    async def _disconnect(self) -> None:
        room, publisher, _, call = await self._start_call("disconnect")
        await publisher.leave()
        await self._all_closed(room, call)

    async def _all_closed(self, room: str, call: MediaCall) -> None:
        """What the publisher had is gone, and so is what others had of it; the viewer is still there."""
        gone = {
            "transports": given(call.sending, "transport").transport_id,
            "producers": call.producer["producerId"],
            "consumers": call.consumer["consumerId"],
        }
        for kind, identity in gone.items():
            (await self._run.sfu.get(f"/rooms/{room}/{kind}/{identity}/stats")).must_be(404)
        kept = given(call.receiving, "transport").transport_id
        (await self._run.sfu.get(f"/rooms/{room}/transports/{kept}/stats")).ok("stats")

    async def _delete(self) -> None:
        room, _, viewer, _ = await self._start_call("delete")
        (await self._run.sfu.delete(f"/rooms/{room}")).ok("success")
        (await self._run.sfu.get(f"/rooms/{room}")).must_be(404, "ROOM_NOT_FOUND")
        wish = {"peerId": viewer.peer, "direction": "recv"}
        (await self._run.sfu.post(f"/rooms/{room}/transports", wish)).must_be(404, "ROOM_NOT_FOUND")
        require(room not in await self._run.left_at_sfu(), "the room is still in the list")

    async def _rapid(self) -> None:
        alone = await self._run.is_alone()
        before = await self._objects()
        await self._join_and_leave("rapid")
        left = [room for room in await self._run.left_at_sfu() if "-rapid" in room]
        require(not left, f"{len(left)} rooms are still there")
        after = await self._objects()
        if alone and await self._run.is_alone():  # else other people's coming and going is in the figures
            grown = [name for name in LEFT_OVER if after[name] > before[name]]
            require(not grown, f"more than before: {', '.join(grown)}")

    async def _memory(self) -> None:
        await self._join_and_leave("warm")
        before = await self._memory_bytes()
        await self._join_and_leave("memory")
        grown = await self._memory_bytes() - before
        if not await self._run.is_alone():
            raise Skipped("other people's rooms are on this SFU, and in what it grows by")
        require(grown < MEMORY_SLACK_BYTES, f"the SFU's control process has grown by {grown / 2**20:.1f} MiB")

    async def _join_and_leave(self, label: str) -> None:
        for number in range(ROUNDS):
            seat = self._run.new_seat(self._run.new_sfu_room(f"{label}-{number}"), "peer")
            await seat.join()
            await seat.create_transport("send")
            await seat.leave()

    async def _objects(self) -> dict[str, float]:
        text = await self._metrics()
        return {name: sum(_values(text, name)) for name in LEFT_OVER}

    async def _memory_bytes(self) -> float:
        found = _values(await self._metrics(), "process_resident_memory_bytes")
        if not found:
            raise Skipped("the SFU's system tells no memory of processes")
        return found[0]

    async def _metrics(self) -> str:
        answer = await self._run.sfu.get("/metrics")
        answer.must_be(200)
        return answer.text


def _values(metrics: str, name: str) -> list[float]:
    return [float(value) for value in re.findall(rf"^{name}(?:\{{.*\}})? (\S+)$", metrics, re.MULTILINE)]


class ThroughTheBackend:
    """Putting somebody out of a class, and deleting a room with people in it."""

    def __init__(self, section: Section, run: Run) -> None:
        self._section = section
        self._run = run
        self._seats: list[Signalling] = []

    async def check(self, before_the_end: Callable[[], Awaitable[None]]) -> None:
        """Run them all, and close the sockets in every case. What else takes its time is run meanwhile."""
        check = self._section.check
        try:
            dying = await check("Backend: a participant's browser dies, without a word", self._die)
            await before_the_end()
            await check("Backend: kick a participant: its peer is gone from the SFU", self._kick)
            await check("Backend: delete room with people in it: sockets, rows and the SFU's room", self._delete)
            await check(
                "Backend: the seat and the peer of the dead browser are gone", lambda: self._is_gone(dying)
            )
        finally:
            for seat in self._seats:
                await seat.close()

    async def _class_of_two(self, label: str) -> tuple[str, Signalling, Signalling]:
        room = await self._run.new_backend_room(label)
        for _ in range(2):
            ticket = await self._run.backend.ticket()
            self._seats.append(await self._run.backend.open_socket(ticket, self._run.options.timeout))
            await self._seats[-1].join(room)
            await self._seats[-1].create_transport("send")
        return room, self._seats[-2], self._seats[-1]

    async def _die(self) -> tuple[str, Signalling, str]:
        if not self._run.options.vanish_timeout:
            raise Skipped(NOT_WAITED_FOR)
        room, staying, dying = await self._class_of_two("dying")
        dying.vanish()
        return room, staying, dying.participant_id

    async def _is_gone(self, dead: tuple[str, Signalling, str] | None) -> None:
        if not self._run.options.vanish_timeout:
            raise Skipped(NOT_WAITED_FOR)
        self._run.backend.signed_in()
        room, staying, participant_id = given(dead, "dead browser")
        limit = self._run.options.vanish_timeout
        await staying.notified("participant-left", limit, participantId=participant_id)
        await self._until_gone(f"/rooms/{room}", participant_id)

    async def _kick(self) -> None:
        room, teacher, other = await self._class_of_two("kick")
        await teacher.request("kick-participant", participantId=other.participant_id)
        code = await other.closed()
        require(code == 4000, f"the WebSocket was closed with {code} instead of 4000")
        await teacher.notified("participant-left", participantId=other.participant_id)
        await self._until_gone(f"/rooms/{room}", other.participant_id)

    async def _delete(self) -> None:
        room, first, second = await self._class_of_two("closing")
        (await self._run.backend.delete(f"{API}/rooms/{room}")).must_be(204)
        for seat in (first, second):
            code = await seat.closed()
            require(code == 4000, f"a WebSocket was closed with {code} instead of 4000")
        (await self._run.backend.get(f"{API}/rooms/{room}")).must_be(404, "ROOM_NOT_FOUND")
        await self._until_gone(f"/rooms/{room}", None)

    async def _until_gone(self, path: str, peer: str | None) -> None:
        """Wait until the SFU has heard of it: until the peer, or with None the whole room, is gone."""
        async with asyncio.timeout(self._run.options.timeout):
            while True:
                answer = await self._run.sfu.get(path)
                if answer.status == 404:
                    return
                if peer is not None and peer not in {one["peerId"] for one in answer.ok("peers")["peers"]}:
                    return
                await asyncio.sleep(POLL_EVERY_S)


async def check(section: Section, run: Run) -> None:
    """Run TEST 5; at its end nothing of the whole run may be left."""
    await ThroughTheBackend(section, run).check(before_the_end=Cleanup(section, run).check)

    async def nothing_left_at_sfu() -> None:
        left = await run.left_at_sfu()
        require(not left, f"{len(left)} rooms of this run are still there")

    async def nothing_left_at_backend() -> None:
        left = await run.left_at_backend()
        require(not left, f"{len(left)} rooms of this run are still there")

    await run.clean_up()
    await section.check("Nothing of this run is left at the SFU", nothing_left_at_sfu)
    await section.check("Nothing of this run is left at the backend", nothing_left_at_backend)
