"""Janus with its videoroom plugin, started from the distribution's package and driven over its WebSocket API.

It is configured as someone who knows it would for this load: two event loops (one a core) instead of a thread a
peer, ICE-lite, only the plugin and the transport that are used, no admin API, no events, no cap on bitrates.
"""

import asyncio
import itertools
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import aiohttp

from tests.bench.servers import sdp
from tests.bench.servers.base import Endpoint, Publication, ServerError, ServerOptions, Track
from tests.bench.servers.child import Child, own_address
from tests.bench.servers.janus_api import Handle, JanusApi, JanusError

INSTALL = "apt-get install --no-install-recommends janus"
READY_WITHIN_S = 15.0
EVENT_LOOPS = 2
PLUGIN = "libjanus_videoroom.so"
TRANSPORT = "libjanus_websockets.so"
LIBRARIES = sorted(Path("/usr/lib").glob("*/janus"))
"""Debian keeps the plugins in its directory of the architecture's libraries."""

_CORE = """
general: {{
	configs_folder = "{folder}"
	plugins_folder = "{libraries}/plugins"
	transports_folder = "{libraries}/transports"
	loggers_folder = "{libraries}/loggers"
	events_folder = "{libraries}/events"
	debug_level = 3
	event_loops = {event_loops}
	admin_secret = "{secret}"
}}
media: {{ ipv6 = false }}
nat: {{
	ice_lite = true
	ice_enforce_list = "{host}"
}}
plugins: {{ disable = "{plugins}" }}
transports: {{ disable = "{transports}" }}
loggers: {{ disable = "{loggers}" }}
events: {{ broadcast = false }}
"""
_WEBSOCKETS = """
general: {{
	json = "compact"
	ws = true
	ws_unix = "{path}"
	wss = false
}}
admin: {{
	admin_ws = false
	admin_wss = false
}}
"""


class JanusRoom:
    """A videoroom. Each endpoint has a session with one handle, as a browser has for each PeerConnection."""

    def __init__(self, api: JanusApi, number: int, owner: Handle) -> None:
        self._api = api
        self._number = number
        self._owner = owner
        self._feeds = itertools.count(1)
        self._handles: dict[str, Handle] = {}
        self._received: dict[str, set[str]] = {}

    async def publish(self, endpoint: Endpoint, tracks: Sequence[Track]) -> list[Publication]:
        """Join as a publisher with an offer of the tracks."""
        feed = next(self._feeds)
        self._handles[endpoint.name] = handle = await self._api.attach()
        body = {"request": "joinandconfigure", "ptype": "publisher", "room": self._number, "id": feed}
        _, answered = await handle.ask(body, _jsep("offer", sdp.offer(endpoint.local, tracks)))
        await endpoint.connect(sdp.remote_transport(answered))
        return [Publication(f"{feed}:{track.mid}", track, endpoint) for track in tracks]

    async def subscribe(self, endpoint: Endpoint, publications: Sequence[Publication]) -> None:
        """Subscribe to the feeds in one PeerConnection, or add them to the one that there is."""
        streams = []
        for publication in publications:
            feed, mid = publication.id.split(":")
            streams.append({"feed": int(feed), "mid": mid})
        if handle := self._handles.get(endpoint.name):
            _, offered = await handle.ask({"request": "subscribe", "streams": streams})
            await self._accept(endpoint, handle, offered)
            return
        self._handles[endpoint.name] = handle = await self._api.attach()
        body = {"request": "join", "ptype": "subscriber", "room": self._number, "streams": streams}
        _, offered = await handle.ask(body)
        await self._accept(endpoint, handle, offered)
        await endpoint.connect(sdp.remote_transport(offered))

    async def _accept(self, endpoint: Endpoint, handle: Handle, offered: str) -> None:
        known = self._received.setdefault(endpoint.name, set())
        fresh = [track for track in sdp.sent_tracks(offered) if track.mid not in known]
        known |= {track.mid for track in fresh}
        await endpoint.expect(fresh)
        await handle.ask({"request": "start"}, _jsep("answer", sdp.answer(endpoint.local, offered)))

    async def leave(self, endpoint: Endpoint) -> None:
        """End the endpoint's session."""
        self._received.pop(endpoint.name, None)
        await self._handles.pop(endpoint.name).close()

    async def close(self) -> None:
        """Destroy the room."""
        await asyncio.gather(*(handle.close() for handle in self._handles.values()))
        self._handles.clear()
        await self._owner.ask({"request": "destroy", "room": self._number})
        await self._owner.close()


class Janus:
    """One Janus process."""

    name = "janus"
    reencodes = False

    def __init__(self, options: ServerOptions, program: str) -> None:
        self.version = ""
        self.host = own_address()
        self._options = options
        self._log = options.log_dir / "janus.log"
        self._program = program
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._process: Child | None = None
        self._api: JanusApi | None = None
        self._rooms = itertools.count(1)

    async def start(self) -> None:
        """Write the configuration, start the process, wait until its API answers."""
        self._folder = tempfile.TemporaryDirectory(prefix="bench-janus-")
        path = Path(self._folder.name) / "api.sock"
        write_configuration(path.parent, path, self.host)
        command = [self._program, "--configs-folder", self._folder.name]
        self._process = Child(command, self._log, self._options.cores)
        self._api = await self._open(path)
        self.version = (await self._api.info())["version_string"]

    async def _open(self, path: Path) -> JanusApi:
        deadline = asyncio.get_running_loop().time() + READY_WITHIN_S
        while asyncio.get_running_loop().time() < deadline:
            if self._process is None or self._process.has_ended():
                break
            api = JanusApi(path)
            try:
                await api.open()
            except aiohttp.ClientError:
                await api.close()
                await asyncio.sleep(0.05)
            else:
                return api
        raise ServerError(f"Janus did not start: see {self._log}")

    async def stop(self) -> None:
        """Stop it."""
        api, self._api = self._api, None
        if api is not None:
            await api.close()
        process, self._process = self._process, None
        if process is not None:
            await asyncio.to_thread(process.stop)
        folder, self._folder = self._folder, None
        if folder is not None:
            folder.cleanup()

    def pids(self) -> dict[int, str]:
        """The one process."""
        return {} if self._process is None else {self._process.pid: "janus"}

    async def room(self, name: str) -> JanusRoom:
        """Make a room without limits."""
        if self._api is None:
            raise ServerError("Janus is not running")
        number = next(self._rooms)
        owner = await self._api.attach()
        body = {"request": "create", "room": number, "description": name, "publishers": 10_000, "bitrate": 0}
        try:
            await owner.ask(body)
        except JanusError as refusal:
            raise ServerError(f"Janus refused the room: {refusal}") from refusal
        return JanusRoom(self._api, number, owner)


def write_configuration(folder: Path, socket_path: Path, host: str) -> None:
    """Write Janus's configuration: this API path, media on this address, all that is not needed switched off."""
    libraries = LIBRARIES[0]

    def others(kind: str, wanted: str = "") -> str:
        return ",".join(sorted(file.name for file in (libraries / kind).glob("*.so") if file.name != wanted))

    core = _CORE.format(
        folder=folder,
        libraries=libraries,
        event_loops=EVENT_LOOPS,
        secret="unused, as no admin API is on",
        host=host,
        plugins=others("plugins", PLUGIN),
        transports=others("transports", TRANSPORT),
        loggers=others("loggers"),
    )
    (folder / "janus.jcfg").write_text(core)
    (folder / "janus.transport.websockets.jcfg").write_text(_WEBSOCKETS.format(path=socket_path))
    (folder / "janus.plugin.videoroom.jcfg").write_text("general: { }\n")


def create(options: ServerOptions, argument: str) -> Janus:
    """Make the driver; `argument` is the program if it is not on the path. Raises: ServerError without Janus."""
    program = shutil.which(argument or "janus")
    if program is None or not LIBRARIES:
        raise ServerError(f"Janus is not installed; on Debian: {INSTALL}")
    return Janus(options, program)


def _jsep(kind: str, description: str) -> dict[str, object]:
    return {"type": kind, "sdp": description, "trickle": False}
