"""TEST 2: rooms are made by joining, listed, and gone with the last who leaves; and the backend's rooms."""

from deploy.integration.backend_api import API
from deploy.integration.checks import Section, given, require
from deploy.integration.http_api import Json
from deploy.integration.run import Run
from deploy.integration.seats import SfuSeat

HEADING = "TEST 2: Room Operations"

JOIN_LIMIT_MS = 200.0
LIST_LIMIT_MS = 100.0
JOIN_TRIES = 7
LIST_TRIES = 20


class RoomOperations:
    """The checks of TEST 2."""

    def __init__(self, section: Section, run: Run) -> None:
        self._section = section
        self._run = run
        self._room = run.new_sfu_room("rooms")
        self._seats: list[SfuSeat] = []
        self._joined: Json | None = None
        self._backend_room: str | None = None

    async def check(self) -> None:
        """Run them all."""
        check, timed = self._section.check, self._section.timed
        self._joined = await check("Create/join room: POST /rooms/:id/peers: 200 OK", self._join_first)
        await timed("Room join: response time", self._join, tries=JOIN_TRIES, limit_ms=JOIN_LIMIT_MS)
        await check("A peer id that is taken: 409 PEER_EXISTS", self._join_again)
        await check("Get room info: 200 OK with roomId, peerCount, createdAt", self._info)
        await check("List rooms: GET /rooms: 200 OK, the room is in it", self._listed)
        await timed("Room list: response time", self._list, tries=LIST_TRIES, limit_ms=LIST_LIMIT_MS)
        await check("Leave room: POST /rooms/:id/peers/:peerId/leave: 200 OK", self._leave)
        await check("Empty room auto-deleted: not in the list, 404 ROOM_NOT_FOUND", self._gone)
        self._backend_room = await check("Backend: create room: 201 Created", self._create_at_backend)
        await check("Backend: get room: 200 OK with its fields", self._info_at_backend)
        await check("Backend: list rooms: 200 OK, the room is in it", self._listed_at_backend)
        await check("Backend: delete room: 204, then 404 ROOM_NOT_FOUND", self._delete_at_backend)

    async def _join_first(self) -> Json:
        seat = self._run.new_seat(self._room, "peer-1")
        joined = await seat.join()
        self._seats.append(seat)
        require(joined["roomId"] == self._room, f"roomId is {joined['roomId']} instead of {self._room}")
        require(joined["rtpCapabilities"].get("codecs"), "rtpCapabilities has no codecs")
        return joined

    async def _join(self, number: int) -> None:
        given(self._joined, "room")
        seat = self._run.new_seat(self._room, f"peer-{number + 2}")
        joined = await seat.join()
        self._seats.append(seat)
        others = len(joined["peers"])
        require(others == number + 1, f"the answer tells of {others} other peers instead of {number + 1}")

    async def _join_again(self) -> None:
        given(self._joined, "room")
        body = {"peerId": "peer-1", "userId": "somebody"}
        (await self._run.sfu.post(f"/rooms/{self._room}/peers", body)).must_be(409, "PEER_EXISTS")

    async def _info(self) -> None:
        given(self._joined, "room")
        room = (await self._run.sfu.get(f"/rooms/{self._room}")).ok("roomId", "peerCount", "createdAt", "peers")
        require(room["roomId"] == self._room, f"roomId is {room['roomId']} instead of {self._room}")
        require(
            room["peerCount"] == len(self._seats),
            f"peerCount is {room['peerCount']} instead of {len(self._seats)}",
        )

    async def _list(self, _number: int = 0) -> list[Json]:
        rooms: list[Json] = (await self._run.sfu.get("/rooms")).ok("rooms")["rooms"]
        return rooms

    async def _listed(self) -> None:
        given(self._joined, "room")
        require(self._room in {room["roomId"] for room in await self._list()}, "the room is not in the list")

    async def _leave(self) -> None:
        given(self._joined, "room")
        for seat in self._seats:
            await seat.leave()

    async def _gone(self) -> None:
        given(self._joined, "room")
        require(self._room not in {room["roomId"] for room in await self._list()}, "the room is still in the list")
        (await self._run.sfu.get(f"/rooms/{self._room}")).must_be(404, "ROOM_NOT_FOUND")

    async def _create_at_backend(self) -> str:
        return await self._run.new_backend_room("rooms")

    def _made_at_backend(self) -> str:
        self._run.backend.signed_in()
        return given(self._backend_room, "room of the backend")

    async def _info_at_backend(self) -> None:
        room = self._made_at_backend()
        answer = await self._run.backend.get(f"{API}/rooms/{room}")
        fields = answer.ok("id", "name", "created_by", "max_participants", "participant_count", "created_at")
        require(fields["participant_count"] == 0, f"participant_count is {fields['participant_count']}, not 0")

    async def _listed_at_backend(self) -> None:
        room = self._made_at_backend()
        require(room in await self._run.left_at_backend(), "the room is not in the list")

    async def _delete_at_backend(self) -> None:
        path = f"{API}/rooms/{self._made_at_backend()}"
        (await self._run.backend.delete(path)).must_be(204)
        (await self._run.backend.get(path)).must_be(404, "ROOM_NOT_FOUND")


async def check(section: Section, run: Run) -> None:
    """Run TEST 2."""
    await RoomOperations(section, run).check()
