"""TEST 4: transports, producers and consumers, and real media through them over UDP and over TCP."""

from typing import Any

from deploy.integration import rtp
from deploy.integration.checks import Note, Section, Skipped, given, require
from deploy.integration.dtls import local_parameters
from deploy.integration.http_api import Json
from deploy.integration.media_call import MediaCall
from deploy.integration.run import Run

HEADING = "TEST 4: Transport Operations"

LIMIT_MS = 200.0
TRIES = 7
"""A peer may hold eight transports; one is made before these."""


class Calls:
    """The SFU's calls, one by one, with their times."""

    def __init__(self, section: Section, run: Run) -> None:
        self._section = section
        self._run = run
        self._room = run.new_sfu_room("transports")
        self._publisher = run.new_seat(self._room, "publisher")
        self._viewer = run.new_seat(self._room, "viewer")

    async def check(self) -> Json | None:
        """Run them all. Returns what a transport offers."""
        check, timed = self._section.check, self._section.timed
        offered = await check("Create transport: 200 OK with its parameters", self._create)
        await check("DTLS parameters present", lambda: self._has_dtls(offered))
        await check("ICE candidates present", lambda: self._has_candidates(offered))
        await timed(
            "Transport creation: response time", self._create_more(offered), tries=TRIES, limit_ms=LIMIT_MS
        )
        await check("Connect transport: 200 OK", lambda: self._connect(offered))
        await check("Connect it again: 409 ALREADY_CONNECTED", lambda: self._connect_again(offered))
        producers = await timed(
            "Producer creation: 200 OK, response time", self._produce(offered), tries=TRIES, limit_ms=LIMIT_MS
        )
        consumers = await timed(
            "Consumer creation: 200 OK, response time", self._consume(producers), tries=TRIES, limit_ms=LIMIT_MS
        )
        await check("Close consumer: 200 OK", lambda: self._close("consumers", "consumerId", consumers))
        await check("Close producer: 200 OK", lambda: self._close("producers", "producerId", producers))
        await check(
            "Close transport: 200 OK",
            lambda: self._close("transports", "transportId", [offered] if offered else None),
        )
        return offered

    async def _create(self) -> Json:
        await self._publisher.join()
        await self._viewer.join()
        return await self._publisher.create_transport("send")

    async def _has_dtls(self, offered: Json | None) -> None:
        fingerprints = given(offered, "transport")["dtlsParameters"].get("fingerprints")
        require(fingerprints, "dtlsParameters has no fingerprints")

    async def _has_candidates(self, offered: Json | None) -> None:
        candidates = given(offered, "transport")["iceCandidates"]
        require(candidates, "iceCandidates is empty")
        for candidate in candidates:
            lacking = {"foundation", "priority", "ip", "port", "protocol", "type"} - candidate.keys()
            require(not lacking, f"a candidate lacks {', '.join(sorted(lacking))}")

    def _create_more(self, offered: Json | None) -> Any:
        async def create(_number: int) -> Json:
            given(offered, "transport")
            return await self._publisher.create_transport("send")

        return create

    async def _connect(self, offered: Json | None) -> None:
        transport = given(offered, "transport")
        await self._publisher.connect_transport(transport["transportId"], local_parameters())

    async def _connect_again(self, offered: Json | None) -> None:
        transport = given(offered, "transport")
        body = {"dtlsParameters": local_parameters()}
        path = f"/rooms/{self._room}/transports/{transport['transportId']}/connect"
        (await self._run.sfu.post(path, body)).must_be(409, "ALREADY_CONNECTED")

    def _produce(self, offered: Json | None) -> Any:
        async def produce(number: int) -> Json:
            transport_id = given(offered, "transport")["transportId"]
            parameters = {**rtp.producer_parameters(rtp.new_ssrc()), "mid": str(number)}
            producer = await self._publisher.produce(transport_id, parameters)
            require(producer["kind"] == "audio", f"kind is {producer['kind']} instead of audio")
            return producer

        return produce

    def _consume(self, producers: list[Json] | None) -> Any:
        receiving: list[str] = []

        async def consume(number: int) -> Json:
            producer_id = given(producers, "producer")[number]["producerId"]
            if not receiving:
                receiving.append((await self._viewer.create_transport("recv"))["transportId"])
            return await self._viewer.consume(receiving[0], producer_id)

        return consume

    async def _close(self, kind: str, id_field: str, made: list[Json] | None) -> None:
        for one in given(made, kind.removesuffix("s")):
            (await self._run.sfu.post(f"/rooms/{self._room}/{kind}/{one[id_field]}/close")).ok("success")
        stats = await self._run.sfu.get(f"/rooms/{self._room}/{kind}/{made[0][id_field]}/stats" if made else "")
        stats.must_be(404)


class Media:
    """A call over one protocol, from ICE to the statistics of what came through."""

    def __init__(self, section: Section, run: Run, protocol: str) -> None:
        self._section = section
        self._run = run
        self._protocol = protocol
        self._room = run.new_sfu_room(f"media-{protocol}")
        self._publisher = run.new_seat(self._room, "publisher")
        self._viewer = run.new_seat(self._room, "viewer")
        self._call = MediaCall(self._publisher, self._viewer, protocol, run.options.timeout)

    async def check(self, offered: Json | None) -> None:
        """Run them all, and hang up in every case."""
        way = self._protocol.upper()
        check = self._section.check
        async with self._call:
            connected = await check(f"{way}: ICE and DTLS connect, both ends", lambda: self._connect(offered))
            consumed = await check(f"{way}: produce and consume: 200 OK", lambda: self._exchange(connected))
            await check(f"{way}: media flows, the same payload comes out", lambda: self._talk(consumed))
            await check(f"{way}: the SFU's statistics tell of it", lambda: self._statistics(consumed))
            await check(f"{way}: both leave, room deleted", lambda: self._leave(connected))

    def _offers_it(self, offered: Json | None) -> None:
        candidates = given(offered, "transport")["iceCandidates"]
        offers_it = any(candidate["protocol"] == self._protocol for candidate in candidates)
        if self._protocol == "tcp" and not offers_it:
            raise Skipped("the SFU offers no TCP candidate (RTC_TCP=false)")
        require(offers_it, f"the SFU offers no {self._protocol.upper()} candidate")

    async def _connect(self, offered: Json | None) -> bool:
        self._offers_it(offered)
        await self._publisher.join()
        await self._viewer.join()
        await self._call.connect()
        return True

    def _connected(self, done: object) -> None:
        self._skip_without_candidate()
        given(done, "connection")

    def _skip_without_candidate(self) -> None:
        last = next((one for one in self._section.outcomes if one.name.startswith(self._protocol.upper())), None)
        if last is not None and last.status == "skip":
            raise Skipped(last.reason)

    async def _exchange(self, connected: object) -> bool:
        self._connected(connected)
        await self._call.produce()
        await self._call.consume()
        return True

    async def _talk(self, consumed: object) -> Note:
        self._connected(consumed)
        return await self._call.talk()

    async def _statistics(self, consumed: object) -> None:
        self._connected(consumed)
        producer, consumer = self._call.producer["producerId"], self._call.consumer["consumerId"]
        for path in (f"producers/{producer}", f"consumers/{consumer}"):
            stats = (await self._run.sfu.get(f"/rooms/{self._room}/{path}/stats")).ok("stats")["stats"]
            require(
                stats and stats[0].get("packetCount", 0) > 0, f"{path.partition('/')[0]}: no packet is counted"
            )
        for line in (self._call.sending, self._call.receiving):
            await self._transport_statistics(given(line, "transport").transport_id)

    async def _transport_statistics(self, transport_id: str) -> None:
        path = f"/rooms/{self._room}/transports/{transport_id}/stats"
        stats = (await self._run.sfu.get(path)).ok("stats")["stats"][0]
        used = stats.get("iceSelectedTuple", {}).get("protocol")
        require(used == self._protocol, f"the transport goes by {used} instead of {self._protocol}")
        require(stats.get("dtlsState") == "connected", f"dtlsState is {stats.get('dtlsState')}")

    async def _leave(self, connected: object) -> None:
        self._connected(connected)
        await self._publisher.leave()
        await self._viewer.leave()
        (await self._run.sfu.get(f"/rooms/{self._room}")).must_be(404, "ROOM_NOT_FOUND")


async def check(section: Section, run: Run) -> None:
    """Run TEST 4."""
    offered = await Calls(section, run).check()
    for protocol in ("udp", "tcp"):
        await Media(section, run, protocol).check(offered)
