"""What the benchmark asks of every server it measures, and the words for transports and streams that all use.

A driver is a module `tests.bench.servers.NAME` with `create(options, argument) -> Server`; `--server NAME` or
`--server NAME@ARGUMENT` finds it by its name. A driver only negotiates: the endpoints that it is handed live in
other processes, where they do ICE, DTLS and SRTP.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

Kind = Literal["audio", "video"]
DtlsRole = Literal["client", "server", "auto"]
Profile = Literal["gcm", "cm"]
"""SRTP profiles: AEAD_AES_128_GCM and AES128_CM_SHA1_80."""

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"


class ServerError(Exception):
    """A server could not be started or refused what the load needs; the message says why."""


@dataclass(frozen=True, slots=True)
class RemoteTransport:
    """What a server offers for one transport; `dtls_role` is the server's own. Fingerprints are pairs."""

    ice_ufrag: str
    ice_pwd: str
    host: str
    port: int
    fingerprints: tuple[tuple[str, str], ...]
    dtls_role: DtlsRole = "auto"


@dataclass(frozen=True, slots=True)
class LocalTransport:
    """An endpoint's own side: what a server's negotiation has to be told."""

    ice_ufrag: str
    ice_pwd: str
    fingerprint_algorithm: str
    fingerprint: str
    host: str
    port: int
    dtls_role: DtlsRole = "client"


@dataclass(frozen=True, slots=True)
class Track:
    """One RTP stream as it is on the wire between an endpoint and the server.

    `extensions` maps header extension URIs to ids. `transport_cc`: its receiver sends transport-wide feedback.
    `bitrate_bps` is what its sender will need, 0 where unknown (a received stream).
    """

    kind: Kind
    ssrc: int
    payload_type: int
    mid: str
    clock_rate: int
    bitrate_bps: int = 0
    rtx_ssrc: int | None = None
    rtx_payload_type: int | None = None
    extensions: dict[str, int] = field(default_factory=dict)
    transport_cc: bool = False


@dataclass(frozen=True, slots=True)
class Publication:
    """A published track under the id by which the server lets others subscribe to it."""

    id: str
    track: Track
    endpoint: Endpoint


class Endpoint(Protocol):
    """The handle of one load-generating endpoint: one UDP socket, one transport, in a process of the load's."""

    @property
    def name(self) -> str:
        """A name that is unique in a run, of `A-Z a-z 0-9 -`; fit for a peer id."""

    @property
    def local(self) -> LocalTransport:
        """Its own side. The socket is bound already."""

    async def connect(self, remote: RemoteTransport) -> None:
        """Do ICE (controlling, nominating at once) and DTLS; return when there are keys. Raises: ServerError.

        Checks carry FINGERPRINT, and the server's own checks are answered: libnice and aioice need both.
        """

    async def expect(self, tracks: Sequence[Track]) -> None:
        """Tell which streams will arrive, in addition to those told before; call it before they can."""


class Room(Protocol):
    """A room of a server, made for the load. Calls for different endpoints may run at the same time."""

    async def publish(self, endpoint: Endpoint, tracks: Sequence[Track]) -> list[Publication]:
        """Let an endpoint send these tracks: negotiate, connect it, return one publication a track.

        SSRCs, payload types and extension ids are the endpoint's and have to be accepted as they are.
        """

    async def subscribe(self, endpoint: Endpoint, publications: Sequence[Publication]) -> None:
        """Let an endpoint receive these publications: negotiate, `expect`, connect it if it is not, start them.

        May be called again for the same endpoint to add publications.
        """

    async def leave(self, endpoint: Endpoint) -> None:
        """End all that an endpoint has in the room."""

    async def close(self) -> None:
        """End the room."""


class Server(Protocol):
    """A server under measurement, started and stopped by its driver."""

    @property
    def name(self) -> str:
        """What the report calls it, a short word."""

    @property
    def version(self) -> str:
        """Its version, known once it has started."""

    @property
    def host(self) -> str:
        """The address that endpoints bind to: 127.0.0.1 unless the server refuses to serve there."""

    @property
    def reencodes(self) -> bool:
        """True for one that decodes and encodes: its delivery counts in frames, its latency is not measured."""

    async def start(self) -> None:
        """Start it, on the cores of the options, and wait until it serves. Raises: ServerError."""

    async def stop(self) -> None:
        """Stop it and leave nothing behind; idempotent."""

    def pids(self) -> dict[int, str]:
        """All processes whose CPU and memory count, with what each of them is."""

    async def room(self, name: str) -> Room:
        """Make a room."""


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How a server is to run: on which cores, with how many media workers, where it may leave its logs."""

    cores: tuple[int, ...]
    workers: int
    profile: Profile
    log_dir: Path


@contextmanager
def pinned(cores: Sequence[int]) -> Iterator[None]:
    """Let processes that are started within the block inherit these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
