"""Requests to the other backends."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import aiohttp
from structlog.contextvars import get_contextvars

from backend.domain.backend_passes import BackendPasses, Visitor
from backend.domain.homes import Home, Pulse
from backend.domain.origin import current_origin
from backend.domain.ports import PresentParticipant, RoomStats
from backend.domain.users import Role
from shared.ids import REQUEST_ID_HEADER, request_id
from shared.logging import get_logger

PULSE_WITHIN_S = 1.0
CONNECT_S = 1.0
"""Backends are near each other."""

ANSWER_WITHIN_S = 3.0
"""Figures that take longer are done without."""

RELAY_HEARTBEAT_S = 4.0
"""A home that answers no ping within half of this hangs or is gone; its clients are better served elsewhere."""

MAX_RELAYED_BYTES = 64 << 20
"""What one message of a home may have: what its own queue to a client holds, in UTF-8."""

_log = get_logger(__name__)


class BackendNeighbours:
    """Implements `backend.domain.homes.Neighbours`. `open` it before use, `close` it at the end."""

    def __init__(self, passes: BackendPasses) -> None:
        self._passes = passes
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the connection pool."""
        timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN_S, sock_connect=CONNECT_S)
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout)

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def pulse(self, home: Home) -> Pulse:
        """Ask a backend whether it lives, within about a second."""
        timeout = aiohttp.ClientTimeout(total=PULSE_WITHIN_S)
        try:
            async with self._opened.get(
                f"{home.url}/internal/pulse", headers=self._headers(home), timeout=timeout
            ) as answer:
                if answer.status >= 500:
                    return Pulse.SILENT
                return Pulse.ALIVE if answer.status == 204 else Pulse.GONE
        except aiohttp.ClientConnectorError as error:
            return Pulse.GONE if isinstance(error.os_error, ConnectionRefusedError) else Pulse.SILENT
        except (aiohttp.ClientError, OSError, ValueError):  # OSError includes every time-out
            return Pulse.SILENT

    async def relay(self, home: Home, session_id: str) -> aiohttp.ClientWebSocketResponse[bool]:
        """Open a WebSocket for the user of a session, at whose other end the room's home serves.

        The home is told where the client whose request this is comes from (`backend.domain.origin`).

        Raises:
            aiohttp.ClientError, OSError: it cannot be had now.
        """
        return await self._opened.ws_connect(
            f"{home.url}/internal/relay",
            headers=self._headers(home, Visitor(session_id, current_origin())),
            heartbeat=RELAY_HEARTBEAT_S,
            max_msg_size=MAX_RELAYED_BYTES,
            timeout=aiohttp.ClientWSTimeout(ws_close=CONNECT_S),
        )

    async def live_rooms(self, home: Home, room_id: str | None = None) -> Sequence[RoomStats]:
        """Ask a backend for the figures of the rooms at home there, or of one; nothing when it does not answer."""
        query = {"room_id": room_id} if room_id is not None else {}
        try:
            async with self._opened.get(
                f"{home.url}/internal/rooms", headers=self._headers(home), params=query
            ) as answer:
                answer.raise_for_status()
                return [_stats(one) for one in (await answer.json())["rooms"]]
        except (aiohttp.ClientError, OSError, ValueError, KeyError, TypeError) as error:
            _log.warning("a backend gives no figures", backend_id=home.backend_id, reason=str(error))
            return []

    @property
    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise AssertionError("the way to the other backends is not open")
        return self._session

    def _headers(self, home: Home, visitor: Visitor | None = None) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self._passes.sign(home.backend_id, visitor)}",
            REQUEST_ID_HEADER: request_id(get_contextvars().get("request_id")),
        }


def _stats(wire: dict[str, Any]) -> RoomStats:
    present = [
        PresentParticipant(
            participant_id=one["participant_id"],
            user_id=one["user_id"],
            full_name=one["full_name"],
            role=Role(one["role"]),
            joined_at=datetime.fromisoformat(one["joined_at"]),
        )
        for one in wire["participants"]
    ]
    return RoomStats(wire["room_id"], wire["participant_count"], wire["producer_count"], present)
