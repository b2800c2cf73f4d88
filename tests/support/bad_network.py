"""A bad network between a client and the SFU: a UDP relay on loopback with a bad link in each direction.

The relay runs in a thread of its own, so that a test which blocks (in Playwright's synchronous API, say) can use
it; its methods may be called from any thread but its own.
"""

import asyncio
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from tests.support.network_link import Conditions, LinkCounts, NetworkLink

Address = tuple[str, int]
Result = TypeVar("Result")

MAX_DATAGRAM_BYTES = 65_535
SOCKET_BUFFER_BYTES = 1 << 20
"""Asked of the kernel: what a stalled test process may leave unread, seconds of a class's media."""

MAX_CLIENTS = 64
"""Client addresses of one relay; a browser has a few, so more of them are a fault of the test."""

ANSWERS_WITHIN_S = 10.0
"""The relay's thread is idle most of the time; a loaded machine may wake it late."""


@dataclass(frozen=True, slots=True)
class NetworkCounts:
    """What became of the datagrams of both directions so far."""

    up: LinkCounts
    down: LinkCounts


class BadNetwork:
    """One client's access network. Everything that goes through it shares its two links, as behind a modem.

    Use it in a `with` block; `way_to` makes the address that leads a client to a server, and the rest changes the
    network while it runs. `up` is from the client to the server.
    """

    def __init__(self, seed: int = 1) -> None:
        self._up: NetworkLink[Callable[[], None]] = NetworkLink(2 * seed)
        self._down: NetworkLink[Callable[[], None]] = NetworkLink(2 * seed + 1)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="bad-network", daemon=True)
        self._ways: dict[Address, _Way] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> "BadNetwork":
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._call(self._close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(ANSWERS_WITHIN_S)
        self._loop.close()

    def way_to(self, server: Address) -> Address:
        """Return the address at which this network takes datagrams for `server`."""
        return self._call(lambda: self._way_to(server).address)

    def lead(self, candidates: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Have an SFU's ICE candidates lead through this network; those over TCP would lead around it and go."""
        through = []
        for candidate in candidates:
            if candidate["protocol"] == "udp":
                ip, port = self.way_to((candidate["ip"], candidate["port"]))
                through.append({**candidate, "ip": ip, "address": ip, "port": port})
        return through

    def become(self, *, up: Conditions | None = None, down: Conditions | None = None) -> None:
        """Change the conditions of one direction or both, from the next datagram on."""
        self._call(lambda: self._become(up, down))

    def rebind(self) -> None:
        """Give every client a new source address towards its server, as a NAT does that has forgotten it."""
        self._call(self._rebind)

    def cut(self) -> None:
        """Let nothing through any more, in either direction."""
        self._call(lambda: self._set_cut(True))

    def mend(self) -> None:
        """Let through what comes from now on."""
        self._call(lambda: self._set_cut(False))

    def counts(self) -> NetworkCounts:
        """Return what became of what was sent so far."""
        return self._call(lambda: NetworkCounts(replace(self._up.counts), replace(self._down.counts)))

    # --- in the relay's thread ---

    def _call(self, function: Callable[[], Result]) -> Result:
        async def run() -> Result:
            return function()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(ANSWERS_WITHIN_S)

    def _way_to(self, server: Address) -> "_Way":
        if server not in self._ways:
            self._ways[server] = _Way(server, self._loop, self._send_up, self._send_down)
        return self._ways[server]

    def _become(self, up: Conditions | None, down: Conditions | None) -> None:
        self._up.conditions = up or self._up.conditions
        self._down.conditions = down or self._down.conditions

    def _rebind(self) -> None:
        for way in self._ways.values():
            way.rebind()

    def _set_cut(self, is_cut: bool) -> None:
        self._up.is_cut = self._down.is_cut = is_cut

    def _send_up(self, size: int, deliver: Callable[[], None]) -> None:
        self._send(self._up, size, deliver)

    def _send_down(self, size: int, deliver: Callable[[], None]) -> None:
        self._send(self._down, size, deliver)

    def _send(self, link: NetworkLink[Callable[[], None]], size: int, deliver: Callable[[], None]) -> None:
        link.send(deliver, size, self._loop.time())
        self._deliver()

    def _deliver(self) -> None:
        now = self._loop.time()
        for link in (self._up, self._down):
            for deliver in link.due(now):
                deliver()
        if self._timer is not None:
            self._timer.cancel()
        arrivals = [at for link in (self._up, self._down) if (at := link.next_arrival()) is not None]
        self._timer = self._loop.call_at(min(arrivals), self._deliver) if arrivals else None

    def _close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for way in self._ways.values():
            way.close()


class _Way:
    """The sockets that lead to one server: one that clients send to, and one a client towards the server."""

    def __init__(
        self,
        server: Address,
        loop: asyncio.AbstractEventLoop,
        send_up: Callable[[int, Callable[[], None]], None],
        send_down: Callable[[int, Callable[[], None]], None],
    ) -> None:
        self._server = server
        self._loop = loop
        self._send_up = send_up
        self._send_down = send_down
        self._socket = _bound_socket()
        self._outside: dict[Address, socket.socket] = {}  # by client
        loop.add_reader(self._socket, self._read_clients)

    @property
    def address(self) -> Address:
        address: Address = self._socket.getsockname()
        return address

    def rebind(self) -> None:
        for client, old in list(self._outside.items()):
            self._outside[client] = self._open(client)
            self._shut(old)

    def close(self) -> None:
        for sock in (self._socket, *self._outside.values()):
            self._shut(sock)

    def _read_clients(self) -> None:
        for datagram, client in _read(self._socket):
            if client not in self._outside:
                if len(self._outside) == MAX_CLIENTS:
                    raise AssertionError("more clients than a test should have")
                self._outside[client] = self._open(client)
            self._send_up(len(datagram), partial(self._to_server, datagram, client))

    def _read_server(self, outside: socket.socket, client: Address) -> None:
        for datagram, _ in _read(outside):
            self._send_down(len(datagram), partial(_write, self._socket, datagram, client))

    def _to_server(self, datagram: bytes, client: Address) -> None:
        _write(self._outside[client], datagram, self._server)

    def _open(self, client: Address) -> socket.socket:
        outside = _bound_socket()
        self._loop.add_reader(outside, self._read_server, outside, client)
        return outside

    def _shut(self, sock: socket.socket) -> None:
        self._loop.remove_reader(sock)
        sock.close()


def _bound_socket() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER_BYTES)
    sock.bind(("127.0.0.1", 0))
    return sock


def _read(sock: socket.socket) -> list[tuple[bytes, Address]]:
    """Read until the socket is dry."""
    datagrams: list[tuple[bytes, Address]] = []
    while True:
        try:
            datagrams.append(sock.recvfrom(MAX_DATAGRAM_BYTES))
        except BlockingIOError:
            return datagrams
        except ConnectionError:  # an ICMP error for something sent earlier: its receiver is gone
            continue


def _write(sock: socket.socket, datagram: bytes, to: Address) -> None:
    try:
        sock.sendto(datagram, to)
    except OSError:  # full, or nobody is there: a network loses such datagrams too
        return
