"""TEST 3: a producer and a consumer in one room, step by step; then the same as a class through the backend."""

from deploy.integration import rtp
from deploy.integration.backend_api import Signalling
from deploy.integration.checks import Note, Section, given, require
from deploy.integration.http_api import Json
from deploy.integration.media_call import MediaCall
from deploy.integration.run import Run

HEADING = "TEST 3: Multi-Peer Scenario"


class AtTheSfu:
    """Two peers at the SFU's own API, in the order of the checklist."""

    def __init__(self, section: Section, run: Run) -> None:
        self._section = section
        self._run = run
        self._room = run.new_sfu_room("peers")
        self._first = run.new_seat(self._room, "peer-1")
        self._second = run.new_seat(self._room, "peer-2")

    async def check(self) -> None:
        """Run them all."""
        check = self._section.check
        first = await check("Peer 1 (producer) joins room: 200 OK", self._first.join)
        second = await check("Peer 2 (consumer) joins same room: 200 OK", self._second.join)
        await check("Both peers appear in room: peerCount = 2", lambda: self._count(first and second, 2))
        sending = await check("Peer 1 creates transport: 200 OK", lambda: self._transport(first, "send"))
        producer = await check("Peer 1 creates producer: 200 OK", lambda: self._produce(sending))
        receiving = await check("Peer 2 creates transport: 200 OK", lambda: self._transport(second, "recv"))
        await check("Peer 2 creates consumer: 200 OK", lambda: self._consume(receiving, producer))
        await check("Peer 1 leaves room: 200 OK, peerCount = 1", lambda: self._first_leaves(first))
        await check("Peer 2 leaves room: 200 OK, room deleted", lambda: self._second_leaves(second))

    async def _count(self, joined: Json | None, wanted: int) -> None:
        given(joined, "room")
        room = (await self._run.sfu.get(f"/rooms/{self._room}")).ok("peerCount", "peers")
        require(room["peerCount"] == wanted, f"peerCount is {room['peerCount']} instead of {wanted}")

    async def _transport(self, joined: Json | None, direction: str) -> Json:
        given(joined, "peer")
        return await (self._first if direction == "send" else self._second).create_transport(direction)

    async def _produce(self, transport: Json | None) -> Json:
        transport_id = given(transport, "transport")["transportId"]
        return await self._first.produce(transport_id, rtp.producer_parameters(rtp.new_ssrc()))

    async def _consume(self, transport: Json | None, producer: Json | None) -> None:
        producer_id = given(producer, "producer")["producerId"]
        consumer = await self._second.consume(given(transport, "transport")["transportId"], producer_id)
        require(consumer.get("producerId") == producer_id, "the consumer is of another producer")

    async def _first_leaves(self, joined: Json | None) -> None:
        given(joined, "peer")
        await self._first.leave()
        await self._count(joined, 1)

    async def _second_leaves(self, joined: Json | None) -> None:
        given(joined, "peer")
        await self._second.leave()
        (await self._run.sfu.get(f"/rooms/{self._room}")).must_be(404, "ROOM_NOT_FOUND")


class ThroughTheBackend:
    """A class of two over signalling, with media: what people at their browsers do."""

    def __init__(self, section: Section, run: Run) -> None:
        self._section = section
        self._run = run
        self._room: str | None = None
        self._seats: list[Signalling] = []

    async def check(self) -> None:
        """Run them all, and close the sockets in every case."""
        try:
            await self._check()
        finally:
            for seat in self._seats:
                await seat.close()

    async def _check(self) -> None:
        check = self._section.check
        self._room = await check("Backend: a teacher makes a room: 201 Created", self._make_room)
        first = await check("Backend: seat 1 joins over a WebSocket with a ticket", self._join)
        second = await check("Backend: seat 2 joins and seat 1 is told", lambda: self._join_second(first))
        call = await check("Backend: both connect transports (ICE, DTLS)", lambda: self._connect(first, second))
        try:
            await check("Backend: seat 1 produces and seat 2 is told", lambda: self._produce(call, second))
            await check("Backend: seat 2 consumes", lambda: self._consume(call))
            await check("Backend: media flows from seat 1 to seat 2", lambda: self._talk(call))
            await check("Backend: seat 1 leaves and seat 2 is told", lambda: self._leave(first, second))
            await check("Backend: seat 2 leaves, the SFU's room is gone", lambda: self._end(second))
        finally:
            if call is not None:
                call.hang_up()

    async def _make_room(self) -> str:
        return await self._run.new_backend_room("class")

    async def _join(self) -> Signalling:
        self._run.backend.signed_in()
        room = given(self._room, "room")
        timeout = self._run.options.timeout
        seat = await self._run.backend.open_socket(await self._run.backend.ticket(), timeout)
        self._seats.append(seat)
        await seat.join(room)
        return seat

    async def _join_second(self, first: Signalling | None) -> Signalling:
        self._run.backend.signed_in()
        before = given(first, "seat 1")
        seat = await self._join()
        await before.notified("participant-joined")
        listed = {one["participantId"] for one in seat.joined["participants"]}
        require(before.participant_id in listed, "seat 2 was not told of seat 1")
        return seat

    async def _connect(self, first: Signalling | None, second: Signalling | None) -> MediaCall:
        self._run.backend.signed_in()
        call = MediaCall(given(first, "seat 1"), given(second, "seat 2"), "udp", self._run.options.timeout)
        try:
            await call.connect()
        except BaseException:
            call.hang_up()
            raise
        return call

    async def _produce(self, call: MediaCall | None, second: Signalling | None) -> None:
        self._run.backend.signed_in()
        produced = await given(call, "connection").produce()
        await given(second, "seat 2").notified("new-producer", producerId=produced["producerId"])

    async def _consume(self, call: MediaCall | None) -> None:
        self._run.backend.signed_in()
        connected = given(call, "connection")
        given(connected.producer or None, "producer")
        await connected.consume()

    async def _talk(self, call: MediaCall | None) -> Note:
        self._run.backend.signed_in()
        connected = given(call, "connection")
        given(connected.consumer or None, "consumer")
        return await connected.talk()

    async def _leave(self, first: Signalling | None, second: Signalling | None) -> None:
        self._run.backend.signed_in()
        leaving, staying = given(first, "seat 1"), given(second, "seat 2")
        await leaving.request("leave-room")
        code = await leaving.closed()
        require(code == 4000, f"the WebSocket was closed with {code} instead of 4000")
        await staying.notified("participant-left", participantId=leaving.participant_id)

    async def _end(self, second: Signalling | None) -> None:
        self._run.backend.signed_in()
        await given(second, "seat 2").request("leave-room")
        (await self._run.sfu.get(f"/rooms/{self._room}")).must_be(404, "ROOM_NOT_FOUND")


async def check(section: Section, run: Run) -> None:
    """Run TEST 3."""
    await AtTheSfu(section, run).check()
    await ThroughTheBackend(section, run).check()
