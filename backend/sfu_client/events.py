"""The SFU's event stream: what its messages mean, and the task that follows it.

`EventStream` is sans-IO: it takes the messages of the stream and tells the listener. `EventFollower` is the shell:
it opens the WebSocket, feeds the stream and opens it again when it breaks. Both know one SFU.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Any, Protocol

import aiohttp

from backend.domain.sfu_port import (
    ConsumerClosed,
    DataConsumerClosed,
    DataProducerClosed,
    JsonObject,
    LayersChanged,
    LayersWanted,
    ProducerClosed,
    RoomDoubtful,
    SfuEvent,
    SpeakerChanged,
)
from backend.sfu_client.reconcile import layers_in
from backend.sfu_client.transport import CONNECT_S, SfuHttp
from shared.logging import get_logger

HEARTBEAT_S = 5.0
"""An SFU that answers no ping within half of this hangs; the stream is then opened anew."""

HELLO_WITHIN_S = 2.0
"""How long the first message may take."""

RECONNECT_FIRST_S = 0.1
RECONNECT_MOST_S = 1.0
"""Waits between tries: an SFU that is back should be found within a second."""

MAX_EVENT_BYTES = 1 << 20
"""Events are some hundred bytes."""

_log = get_logger(__name__)


class StreamListener(Protocol):
    """Who is told what happens at one SFU. Called in order; none of these may block."""

    def sfu_connected(self, epoch: str, *, draining: bool, missed_events: bool) -> None:
        """The event stream is open; another `epoch` than before is another SFU process, which knows nothing."""

    def sfu_lost(self) -> None:
        """The event stream broke and could not be opened again at once."""

    def sfu_missed_events(self) -> None:
        """Events were lost."""

    def sfu_drains(self) -> None:
        """The SFU takes no new room any more."""

    def sfu_event(self, event: SfuEvent) -> None:
        """Something happened in a room."""


class EventStream:
    """Follows epoch and sequence numbers over all connections and tells the listener what happened."""

    def __init__(self, listener: StreamListener) -> None:
        self._listener = listener
        self._epoch: str | None = None
        self._seq = 0

    def hello(self, message: Any) -> None:
        """Take the first message of a connection.

        Raises:
            ValueError: it is no hello.
        """
        if not isinstance(message, dict):
            raise ValueError("a message of the SFU's event stream is no object")
        epoch, seq = message.get("epoch"), message.get("seq")
        if message.get("event") != "hello" or not isinstance(epoch, str) or not isinstance(seq, int):
            raise ValueError("the SFU's event stream did not begin with a hello")
        missed = self._epoch == epoch and seq != self._seq
        self._epoch, self._seq = epoch, seq
        draining = message.get("draining") is True
        self._listener.sfu_connected(epoch, draining=draining, missed_events=missed)

    def event(self, message: Any) -> None:
        """Take any later message.

        Raises:
            ValueError: it is no event.
        """
        seq = message.get("seq") if isinstance(message, dict) else None
        if not isinstance(seq, int):
            raise ValueError("an event of the SFU has no number")
        if seq != self._seq + 1:
            _log.warning("events of the SFU are missing", expected=self._seq + 1, got=seq)
            self._listener.sfu_missed_events()
        if message.get("event") == "draining":
            self._listener.sfu_drains()
        event = parse_event(message)
        if event is not None:
            self._listener.sfu_event(event)
        self._seq = seq  # only now: an event that could not be digested counts as missed


def parse_event(message: JsonObject) -> SfuEvent | None:
    """Return what an event means to the rules; None when it means nothing to them.

    Raises:
        ValueError: a field is missing.
    """
    parser = _PARSERS.get(str(message.get("event")))
    if parser is None:
        return None
    try:
        return parser(message)
    except KeyError as error:
        raise ValueError(f"an event of the SFU lacks {error}") from None


def _room_closed(message: JsonObject) -> SfuEvent | None:
    if message.get("reason") == "shutdown":
        return None  # the stream ends next, and that says it for all rooms
    return RoomDoubtful(message["roomId"])


def _layers(message: JsonObject) -> LayersChanged:
    return LayersChanged(message["roomId"], message["peerId"], message["consumerId"], layers_in(message))


_PARSERS: dict[str, Callable[[JsonObject], SfuEvent | None]] = {
    "peer-closed": lambda m: RoomDoubtful(m["roomId"]),
    "room-closed": _room_closed,
    "producer-closed": lambda m: ProducerClosed(m["roomId"], m["producerId"]),
    "consumer-closed": lambda m: ConsumerClosed(m["roomId"], m["consumerId"]),
    "data-producer-closed": lambda m: DataProducerClosed(m["roomId"], m["dataProducerId"]),
    "data-consumer-closed": lambda m: DataConsumerClosed(
        m["roomId"], m["peerId"], m["dataConsumerId"], m.get("reason")
    ),
    "consumer-layers": _layers,
    "producer-layers": lambda m: LayersWanted(m["roomId"], m["producerId"], m["spatialLayer"]),
    "active-speaker": lambda m: SpeakerChanged(m["roomId"], m["peerId"], m["producerId"], m["volume"]),
}


class EventFollower:
    """Keeps the event stream open. `connected` tells whether it is."""

    def __init__(self, http: SfuHttp, listener: StreamListener) -> None:
        self._http = http
        self._listener = listener
        self._stream = EventStream(listener)
        self._connected = asyncio.Event()

    @property
    def connected(self) -> bool:
        """Whether the stream is open, its hello received."""
        return self._connected.is_set()

    async def wait_connected(self, within_s: float) -> bool:
        """Wait until the stream is open; False when it is not after so many seconds."""
        try:
            async with asyncio.timeout(within_s):
                await self._connected.wait()
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Follow the stream for ever; cancel it to stop."""
        pause_s = RECONNECT_FIRST_S
        while True:
            if await self._follow():
                pause_s = RECONNECT_FIRST_S  # perhaps it was only the connection: nobody is alarmed yet
            else:
                self._listener.sfu_lost()
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter guards nothing
            pause_s = min(2 * pause_s, RECONNECT_MOST_S)

    async def _follow(self) -> bool:
        """Follow one connection to its end; tell whether it ever said hello."""
        said_hello = False
        try:
            async with self._http.session.ws_connect(
                f"{self._http.base_url}/events",
                heartbeat=HEARTBEAT_S,
                max_msg_size=MAX_EVENT_BYTES,
                timeout=aiohttp.ClientWSTimeout(ws_close=CONNECT_S),
            ) as ws:
                first = await ws.receive_json(timeout=HELLO_WITHIN_S)
                self._http.note_answer()
                self._connected.set()
                self._stream.hello(first)
                said_hello = True
                while True:
                    self._stream.event(await ws.receive_json())
        except (aiohttp.ClientError, OSError, ValueError, TypeError) as error:  # TypeError: it is no text frame
            _log.debug("the SFU's event stream broke", reason=str(error))
        except Exception:
            _log.exception("an event of the SFU was not digested")  # the next hello tells what was missed
        finally:
            self._connected.clear()
        return said_hello
