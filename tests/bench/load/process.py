"""A load process: endpoints driven by JSON commands over a socketpair.

    python -m tests.bench.load.process FD [--exact]

Each command is `{"id", "op", ...}`, each answer `{"id", "ok"}` or `{"id", "error"}`, as lines.
"""

import gc
import json
import mmap
import os
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.bench.load.clips import Library
from tests.bench.load.datagrams import drops
from tests.bench.load.loop import Loop
from tests.bench.load.peer import Peer
from tests.bench.load.reception import Reception, Totals
from tests.bench.load.transport import Transport
from tests.bench.servers.base import Profile, RemoteTransport, Track

Json = dict[str, Any]

RECEIVE_BUFFER = 1 << 20
"""More than a browser has, so that a moment in which this process is not scheduled is not counted as loss."""
COMMAND_BYTES = 1 << 16


class LoadProcess:
    """Holds the endpoints of this process and carries commands out."""

    def __init__(self, control: socket.socket, *, exact: bool) -> None:
        self.loop = Loop(exact=exact)
        self._control = control
        self._incoming = b""
        self._peers: dict[str, Peer] = {}
        self._first_slots: dict[str, int] = {}
        self._gone_drops = 0
        self._host = "127.0.0.1"
        self._profile: Profile = "gcm"
        self._feedback = True
        self._totals = Totals()
        self._library = Library()
        self._tails: dict[bytes, int] = {}
        self._sent_at: mmap.mmap | None = None
        self._commands: dict[str, Callable[[Json, Callable[[Any], None]], None]] = {
            "configure": self._configure,
            "open": self._open,
            "connect": self._connect,
            "expect": self._expect,
            "send": self._send,
            "hold": self._hold,
            "go": self._go,
            "reset": self._reset,
            "counts": self._counts,
            "close": self._close,
        }
        control.setblocking(True)
        self.loop.add_reader(control.fileno(), self._read_control)

    def _read_control(self) -> None:
        data = self._control.recv(COMMAND_BYTES)
        if not data:
            self.loop.stop()
            return
        *lines, self._incoming = (self._incoming + data).split(b"\n")
        for line in lines:
            command = json.loads(line)
            answered = self._answerer(command["id"])
            try:
                self._commands[command["op"]](command, answered)
            except (OSError, ValueError, KeyError, AssertionError) as error:
                answered(f"{type(error).__name__}: {error}")

    def _answerer(self, number: int) -> Callable[[Any], None]:
        def answer(outcome: Any) -> None:
            is_error = isinstance(outcome, str)
            self._answer({"id": number, "error": outcome} if is_error else {"id": number, "ok": outcome})

        return answer

    def _answer(self, message: Json) -> None:
        self._control.sendall(json.dumps(message).encode() + b"\n")

    def _configure(self, command: Json, answered: Callable[[Any], None]) -> None:
        self._host, self._profile, self._feedback = command["host"], command["profile"], command["feedback"]
        self._library = Library.load(Path(command["library"]))
        self._tails = self._library.slots_by_tail()
        with Path(command["times"]).open("r+b") as file:
            self._sent_at = mmap.mmap(file.fileno(), 0)
        gc.collect()
        gc.freeze()
        gc.disable()
        answered(None)

    def _open(self, command: Json, answered: Callable[[Any], None]) -> None:
        transport = Transport(self.loop, self._profile, self._host, RECEIVE_BUFFER)
        fd = transport.sock.fileno()
        first = command["group"] * self._library.slots
        reception = Reception(fd, transport.receive, self._totals, self._tails, self._sent_at, first)
        self._peers[command["name"]] = Peer(self.loop, transport, reception, feedback=self._feedback)
        self._first_slots[command["name"]] = first
        self.loop.add_reader(fd, reception.read)
        answered(asdict(transport.local))

    def _connect(self, command: Json, answered: Callable[[Any], None]) -> None:
        peer = self._peers[command["name"]]
        remote = command["remote"]
        remote["fingerprints"] = tuple(tuple(pair) for pair in remote["fingerprints"])

        def finished(problem: str | None) -> None:
            if problem is None:
                peer.connected()
            answered(problem)

        peer.transport.connect(RemoteTransport(**remote), finished)

    def _expect(self, command: Json, answered: Callable[[Any], None]) -> None:
        self._peers[command["name"]].reception.expect([Track(**track) for track in command["tracks"]])
        answered(None)

    def _send(self, command: Json, answered: Callable[[Any], None]) -> None:
        assert self._sent_at is not None
        name, clip = command["name"], self._library.clips[command["clip"]]
        first = self._first_slots[name] + clip.first_slot
        self._peers[name].send(Track(**command["track"]), clip, self._sent_at, first, command["phase"])
        answered(None)

    def _hold(self, _: Json, answered: Callable[[Any], None]) -> None:
        for peer in self._peers.values():
            peer.hold()
        answered(None)

    def _go(self, _: Json, answered: Callable[[Any], None]) -> None:
        for peer in self._peers.values():
            peer.go()
        answered(None)

    def _reset(self, _: Json, answered: Callable[[Any], None]) -> None:
        fresh = Totals()
        for name in Totals.__slots__:
            setattr(self._totals, name, getattr(fresh, name))
        self.loop.lag_us = 0
        answered(None)

    def _counts(self, _: Json, answered: Callable[[Any], None]) -> None:
        totals = self._totals
        answered(
            {
                "cpu_s": time.process_time(),
                "lag_us": self.loop.lag_us,
                "drops": self._gone_drops + sum(drops(peer.transport.sock) for peer in self._peers.values()),
                "totals": {name: getattr(totals, name) for name in Totals.__slots__ if name != "latency"},
                "latency": {"counts": totals.latency.counts, "longest_us": totals.latency.longest_us},
                "peers": {name: peer_counts(peer) for name, peer in self._peers.items()},
            }
        )

    def _close(self, command: Json, answered: Callable[[Any], None]) -> None:
        peer = self._peers.pop(command["name"], None)
        self._first_slots.pop(command["name"], None)
        if peer is not None:
            self._gone_drops += drops(peer.transport.sock)
            self.loop.remove_reader(peer.transport.sock.fileno())
            peer.close()
        answered(None)


def peer_counts(peer: Peer) -> Json:
    """Return what each stream of an endpoint has counted since its start."""
    return {
        "sent": {
            stream.track.ssrc: [stream.packets, stream.frames, stream.key_frames, stream.resent]
            for stream in peer.sent
        },
        "received": {
            stream.track.ssrc: [
                stream.received,
                stream.frames if stream.track.kind == "video" else stream.received,
                stream.expected,
                stream.duplicates,
                stream.reordered,
                stream.recovered,
            ]
            for stream in peer.reception.streams.values()
        },
        "begun": {
            stream.track.ssrc: [stream.first_ns, stream.decodable_ns] for stream in peer.reception.streams.values()
        },
        "refused": peer.departure.refused if peer.departure else 0,
    }


def main() -> None:
    """Serve the parent until it hangs up."""
    exact = "--exact" in sys.argv
    with suppress(PermissionError):
        # Publishers go before receivers where both share a core: a late packet of theirs would be a late packet of
        # the server's.
        os.setpriority(os.PRIO_PROCESS, 0, -15 if exact else 0)
    with socket.socket(fileno=int(sys.argv[1])) as control:
        LoadProcess(control, exact=exact).loop.run()


if __name__ == "__main__":
    main()
