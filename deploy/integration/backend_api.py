"""The backend as a client uses it: REST, and the WebSocket for signalling."""

import asyncio
import itertools
import json
import socket
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import aiohttp

from deploy.integration.checks import CheckFailed, Skipped, require
from deploy.integration.http_api import HttpApi, Json
from deploy.integration.seats import TRANSPORT_FIELDS

API = "/api/v1"
NO_ACCOUNT = (
    "no account is given: set VTP_TEACHER_EMAIL and VTP_TEACHER_PASSWORD, or ADMIN_EMAIL and ADMIN_PASSWORD"
)
MAX_KEPT = 1000
"""Notifications kept at most; a run sees some dozen."""


class BackendApi(HttpApi):
    """Calls the backend, as `token`'s owner once somebody has signed in."""

    _refresh_token = ""

    async def sign_in(self, email: str | None, password: str | None) -> Json:
        """Sign in. Raises: CheckFailed; Skipped without an account."""
        if email is None or password is None:
            raise Skipped(NO_ACCOUNT)
        answer = await self.post(f"{API}/auth/login", {"email": email, "password": password})
        signed_in = answer.ok("access_token", "refresh_token", "token_type", "user")
        role = signed_in["user"].get("role")
        require(role in {"teacher", "admin"}, f"{email} is {role}: making rooms takes a teacher or an admin")
        self.token, self._refresh_token = signed_in["access_token"], signed_in["refresh_token"]
        return signed_in

    async def sign_out(self) -> None:
        """End the session, if there is one. Raises: CheckFailed."""
        if self.token is not None:
            await self.post(f"{API}/auth/logout", {"refresh_token": self._refresh_token})
            self.token = None

    async def rooms_named(self, part: str) -> list[str]:
        """Return the ids of the rooms with this in their name. Raises: CheckFailed, Skipped."""
        self.signed_in()
        found = (await self.get(f"{API}/rooms?search={quote(part)}&per_page=200")).ok("items", "total")
        return [str(item["id"]) for item in found["items"]]

    def signed_in(self) -> None:
        """Require that somebody has signed in. Raises: Skipped."""
        if self.token is None:
            raise Skipped("nobody is signed in: see TEST 1")

    async def create_room(self, name: str) -> str:
        """Make a room and return its id. Raises: CheckFailed, Skipped."""
        self.signed_in()
        answer = await self.post(f"{API}/rooms", {"name": name})
        return str(answer.ok("id", "name", "created_by", "created_at", status=201)["id"])

    async def remove_room(self, room: str) -> None:
        """Remove a room, or find that it is gone. Raises: CheckFailed."""
        answer = await self.delete(f"{API}/rooms/{room}")
        if answer.status != 404:
            answer.must_be(204)

    async def ticket(self) -> str:
        """Get a ticket for one WebSocket. Raises: CheckFailed."""
        return str((await self.post(f"{API}/signalling/ticket")).ok("ticket", "expires_in")["ticket"])

    async def open_socket(self, ticket: str, timeout: float) -> "Signalling":  # noqa: ASYNC109 - of the socket's calls
        """Open a socket with a ticket. Raises: CheckFailed."""
        try:
            async with asyncio.timeout(timeout):
                opened = await self.session.ws_connect(
                    self.url + "/ws", params={"ticket": ticket}, protocols=("protoo",), max_msg_size=1 << 20
                )
        except aiohttp.WSServerHandshakeError as error:
            raise CheckFailed(f"GET /ws: status {error.status} instead of an upgrade") from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise CheckFailed(f"GET /ws: cannot reach {self.url} ({type(error).__name__})") from None
        return Signalling(opened, timeout)


class Signalling:
    """A seat of a class: one WebSocket that speaks protoo. Close it in every case."""

    def __init__(self, opened: aiohttp.ClientWebSocketResponse, timeout: float) -> None:
        self.joined: Json = {}
        self._socket = opened
        self._timeout = timeout
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Json]] = {}
        self._notifications: list[tuple[str, Json]] = []
        self._changed = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    @property
    def participant_id(self) -> str:
        """The seat's id, which is the SFU's peer id."""
        return str(self.joined["participantId"])

    async def request(self, method: str, **data: Any) -> Json:
        """Send a request and return the answer's data. Raises: CheckFailed."""
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self._timeout):
                await self._socket.send_json({"request": True, "id": number, "method": method, "data": data})
                response = await answer
        except TimeoutError:
            raise CheckFailed(f"{method}: no answer within {self._timeout:g} s") from None
        except (ConnectionError, aiohttp.ClientError):
            raise CheckFailed(f"{method}: the WebSocket closed ({self._socket.close_code})") from None
        finally:
            self._answers.pop(number, None)
        if not response.get("ok"):
            raise CheckFailed(f"{method}: {response.get('errorCode')} {response.get('errorReason')}")
        found = response.get("data")
        return found if isinstance(found, dict) else {}

    async def join(self, room: str) -> Json:
        """Take a seat. Raises: CheckFailed."""
        joined = await self.request("join-room", roomId=room)
        lacking = {"roomId", "participantId", "participants", "routerRtpCapabilities"} - joined.keys()
        require(not lacking, f"join-room: the answer lacks {', '.join(sorted(lacking))}")
        self.joined = joined
        return joined

    async def notified(self, method: str, within_s: float | None = None, **fields: Any) -> Json:
        """Wait for a notification with these fields. Raises: CheckFailed."""
        within_s = within_s or self._timeout
        try:
            async with asyncio.timeout(within_s):
                while True:
                    for name, data in self._notifications:
                        if name == method and fields.items() <= data.items():
                            return data
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise CheckFailed(f"no notification {method} within {within_s:g} s") from None

    async def closed(self) -> int | None:
        """Wait until the server closes the socket; return the code. Raises: CheckFailed."""
        done, _ = await asyncio.wait({self._reader}, timeout=self._timeout)
        require(done, f"the WebSocket was not closed within {self._timeout:g} s")
        return self._socket.close_code

    def vanish(self) -> None:
        """Cut the connection without a word, as when a browser is killed or its network is gone."""
        connection = self._socket.get_extra_info("socket")
        if connection is not None:
            connection.shutdown(socket.SHUT_RDWR)

    async def close(self) -> None:
        """Close the socket."""
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        with suppress(aiohttp.ClientError, ConnectionError):
            await self._socket.close()

    async def create_transport(self, direction: str) -> Json:
        """Make a transport (`Seat`)."""
        made = await self.request("create-transport", direction=direction)
        lacking = set(TRANSPORT_FIELDS) - made.keys()
        require(not lacking, f"create-transport: the answer lacks {', '.join(sorted(lacking))}")
        return made

    async def connect_transport(self, transport_id: str, dtls_parameters: Json) -> None:
        """Connect a transport (`Seat`)."""
        await self.request("connect-transport", transportId=transport_id, dtlsParameters=dtls_parameters)

    async def produce(self, transport_id: str, rtp_parameters: Json) -> Json:
        """Produce (`Seat`)."""
        produced = await self.request(
            "produce", transportId=transport_id, kind="audio", rtpParameters=rtp_parameters
        )
        require("producerId" in produced, "produce: the answer lacks producerId")
        return produced

    async def consume(self, transport_id: str, producer_id: str) -> Json:
        """Consume (`Seat`)."""
        consumed = await self.request(
            "consume",
            transportId=transport_id,
            producerId=producer_id,
            rtpCapabilities=self.joined["routerRtpCapabilities"],
            paused=False,
        )
        require({"consumerId", "rtpParameters"} <= consumed.keys(), "consume: the answer lacks fields")
        return consumed

    async def _read(self) -> None:
        try:
            async for frame in self._socket:
                if frame.type is aiohttp.WSMsgType.TEXT:
                    self._take(json.loads(frame.data))
        finally:
            self._changed.set()
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_exception(ConnectionResetError("the WebSocket closed"))

    def _take(self, message: Json) -> None:
        if message.get("response"):
            answer = self._answers.get(message["id"])
            if answer is not None and not answer.done():
                answer.set_result(message)
        elif message.get("notification") and len(self._notifications) < MAX_KEPT:
            self._notifications.append((message["method"], message.get("data") or {}))
            self._changed.set()
