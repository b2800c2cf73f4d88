"""DTLS-SRTP (RFC 5764) by aiortc's `RTCDtlsTransport`, over a transport of ours that hands it DTLS records only.

aiortc's underscored names are used in this file and nowhere else.
"""

import asyncio
import contextlib
import enum
import time
from collections import deque
from collections.abc import Callable
from functools import cached_property
from typing import Any, Literal

from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AES128_CM_SHA1_80,
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    SRTPProtectionProfile,
    State,
)
from OpenSSL import SSL

from sfu.net.srtp import InboundSrtp, OutboundSrtp
from shared.logging import get_logger

log = get_logger(__name__)

SRTP_PROFILES = [SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80]
"""In order of preference: GCM costs half of what AES-CM with HMAC does. Every browser has both."""

MAX_WAITING_RECORDS = 16
"""Datagrams kept for a transport that is not started or is behind: two flights. DTLS repeats what gets lost, and
who sends more than OpenSSL is given time for loses them."""

MAX_WAITING_DATA = 512
"""Datagrams kept of a transport with data channels. SCTP takes for lost what does not fit, and slows down."""

HANDSHAKE_TIMEOUT = 30.0
"""Seconds a handshake may take. A peer that does not finish it by then has gone."""

STEPS_A_TICK = 4
"""Datagrams handed to OpenSSL in one turn of the event loop. A handshake costs about a millisecond; a class that
joins at once may hold up the packets of another for no longer than a few of them."""

TICK_BUDGET_S = 0.0005
"""After this no further step is begun in one turn of the event loop."""

_MAX_FLIGHT_BYTES = 1500
_MAX_RECORD_BYTES = 2048

Role = Literal["client", "server"]


class DtlsState(enum.Enum):
    """W3C RTCDtlsTransportState."""

    NEW = "new"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    FAILED = "failed"
    CLOSED = "closed"


class Certificate(RTCCertificate):
    """A self-signed P-256 certificate that many transports share, with one OpenSSL context for all of them."""

    _context: SSL.Context | None = None

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        if self._context is None:
            self._context = super()._create_ssl_context(srtp_profiles)
        return self._context

    @cached_property
    def sha256_fingerprint(self) -> str:
        """The certificate's SHA-256 fingerprint: hexadecimal pairs in upper case with colons (RFC 8122 5)."""
        return next(f.value for f in self.getFingerprints() if f.algorithm == "sha-256")


class HandshakePacer:
    """Lets DTLS transports and data channels take a step each by turns, a few in each turn of the event loop.

    `fault` takes note of the exception that is being handled. A step handles its own: one that raised would leave
    those behind it without their turn for ever.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, fault: Callable[[str], None]) -> None:
        self.fault = fault
        self._loop = loop
        self._waiting: deque[Callable[[], bool]] = deque()
        self._scheduled = False

    def submit(self, step: Callable[[], bool]) -> None:
        """Run `step` soon, after those submitted before it; if it returns `True`, again when all had theirs."""
        self._waiting.append(step)
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._run)

    def _run(self) -> None:
        until = time.perf_counter() + TICK_BUDGET_S
        for _ in range(min(STEPS_A_TICK, len(self._waiting))):
            step = self._waiting.popleft()
            if step():
                self._waiting.append(step)
            if time.perf_counter() >= until:
                break
        self._scheduled = bool(self._waiting)
        if self._scheduled:
            self._loop.call_later(0, self._run)


class _RecordPipe:
    """What aiortc takes for its ICE transport: records in by a queue, records out by a plain call."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self.role = "controlled"
        self.state = "completed"
        self.send_now = send
        self._records: asyncio.Queue[bytes] = asyncio.Queue()

    @property
    def waiting(self) -> int:
        """How many datagrams OpenSSL has not taken yet."""
        return self._records.qsize()

    def put(self, record: bytes) -> None:
        """Queue a datagram for OpenSSL; the caller bounds their number."""
        self._records.put_nowait(record)

    async def _recv(self) -> bytes:
        return await self._records.get()

    async def _send(self, data: bytes) -> None:
        self.send_now(data)


class _DataSink:
    """What aiortc hands application data to that it finds among the last records of a handshake."""

    def __init__(self, receive: Callable[[bytes], object]) -> None:
        self.receive = receive

    async def _handle_data(self, data: bytes) -> None:
        self.receive(data)


class DtlsTransport:
    """The DTLS association of one transport; calls `on_state` on every change.

    `receive` records as they come, `start` once the peer's fingerprints are known; once connected `inbound` and
    `outbound` hold the SRTP keys and `srtp_profile` the chosen profile's name. Application data goes out by
    `send_data` and comes in by what `deliver_data_to` was given.
    """

    def __init__(
        self,
        certificate: Certificate,
        pacer: HandshakePacer,
        send: Callable[[bytes], None],
        on_state: Callable[[DtlsState], None],
    ) -> None:
        self.state = DtlsState.NEW
        self.inbound: InboundSrtp | None = None
        self.outbound: OutboundSrtp | None = None
        self.srtp_profile: str | None = None
        self._backlog: deque[bytes] = deque()  # not longer than MAX_WAITING_RECORDS
        self._pacer = pacer
        self._on_state = on_state
        self._pipe = _RecordPipe(send)
        ice: Any = self._pipe  # all that aiortc's DTLS uses of an ICE transport
        self._dtls = RTCDtlsTransport(ice, [certificate])
        self._dtls._srtp_profiles = SRTP_PROFILES
        self._dtls.on("statechange", self._follow)
        self._data_sink = _DataSink(_ignore)
        self._dtls._data_receiver = self._data_sink
        self._handshake: asyncio.Task[None] | None = None
        self._released = False

    def start(self, role: Role, fingerprints: list[tuple[str, str]]) -> None:
        """Begin the handshake as `role`, to be accepted only from the certificate with these fingerprints.

        Args:
            role: ours; `client` sends the first flight at once.
            fingerprints: pairs of algorithm and value, at least one of a known algorithm.
        """
        assert self._handshake is None, "DTLS started twice"  # noqa: S101 - our own bug, never the peer's
        self._dtls._set_role(role)
        remote = RTCDtlsParameters([RTCDtlsFingerprint(algorithm, value) for algorithm, value in fingerprints])
        self._handshake = asyncio.get_running_loop().create_task(self._run(remote))

    def receive(self, record: bytes) -> bool:
        """Take a datagram of DTLS records from the peer; `False` if it is dropped: too many wait, or it ended."""
        waiting = len(self._backlog) + self._pipe.waiting
        carries_data = self.state is DtlsState.CONNECTED and self._data_sink.receive is not _ignore
        most = MAX_WAITING_DATA if carries_data else MAX_WAITING_RECORDS
        if self.state in {DtlsState.CLOSED, DtlsState.FAILED} or waiting >= most:
            return False
        self._backlog.append(record)
        if len(self._backlog) == 1:
            self._pacer.submit(self._take_record)
        return True

    def deliver_data_to(self, receive: Callable[[bytes], object]) -> None:
        """Have `receive` called with the content of each record of application data (RFC 8261)."""
        self._data_sink.receive = receive

    def send_data(self, data: bytes) -> bool:
        """Send a record of application data at once; `False` when DTLS is not connected."""
        connection = self._dtls._ssl
        if self.state is not DtlsState.CONNECTED or connection is None:
            return False
        try:
            connection.send(data)
        except SSL.Error:
            return False
        self._write(connection)
        return True

    def close(self) -> None:
        """Tell the peer (close_notify) and free everything."""
        if self._released:
            return
        self._released = True
        was = self.state
        if was is not DtlsState.CLOSED:  # the peer may have said its farewell before
            self._set_state(DtlsState.CLOSED)
        self._dtls.remove_all_listeners()
        self.inbound = self.outbound = None
        if self._handshake is not None:
            self._handshake.cancel()
        if was in {DtlsState.CONNECTING, DtlsState.CONNECTED}:
            self._say_goodbye()
        self._let_go()

    def _say_goodbye(self) -> None:
        connection = self._dtls._ssl
        if connection is not None:
            with contextlib.suppress(SSL.Error):
                connection.shutdown()
                self._pipe.send_now(connection.bio_read(_MAX_FLIGHT_BYTES))

    def _let_go(self) -> None:
        """Break the reference cycles: OpenSSL's buffers are freed now and not by the collector some day."""
        task, self._dtls._task = self._dtls._task, None
        if task is not None:
            task.cancel()
        self._on_state = _ignore
        self._pipe.send_now = _ignore
        self._data_sink.receive = _ignore

    def _take_record(self) -> bool:
        """Hand the oldest datagram to OpenSSL; whether there are more."""
        if self.state in {DtlsState.CLOSED, DtlsState.FAILED}:
            self._backlog.clear()
            return False
        record = self._backlog.popleft()
        try:
            if self.state is DtlsState.CONNECTED:
                self._open(record)
            else:
                self._pipe.put(record)
        except Exception:  # a bug of ours, or of aiortc's, that this record has found
            self._pacer.fault("dtls_fault")
        return bool(self._backlog)

    def _open(self, record: bytes) -> None:
        """Let OpenSSL take a datagram of a connected peer, and hand on what is in it.

        Not left to aiortc, which reads one record a datagram, so that those of a hostile peer would pile up.
        """
        connection: Any = self._dtls._ssl
        connection.bio_write(record)
        try:
            while self.state is DtlsState.CONNECTED:
                self._data_sink.receive(connection.recv(_MAX_RECORD_BYTES))
        except SSL.ZeroReturnError:
            self._dtls._set_state(State.CLOSED)  # the peer's close_notify
        except SSL.Error:
            self._write(connection)  # nothing more to read, or nothing that is the peer's

    def _write(self, connection: SSL.Connection) -> None:
        """Send what OpenSSL has put out."""
        with contextlib.suppress(SSL.Error):
            while True:
                self._pipe.send_now(connection.bio_read(_MAX_RECORD_BYTES))

    async def _run(self, remote: RTCDtlsParameters) -> None:
        try:
            async with asyncio.timeout(HANDSHAKE_TIMEOUT):
                await self._dtls.start(remote)
        except TimeoutError:
            self._fail("handshake timed out")
        except Exception as error:
            self._fail(f"{type(error).__name__}: {error}")

    def _fail(self, reason: str) -> None:
        log.info("DTLS handshake failed", reason=reason)
        if self.state is not DtlsState.CLOSED:
            self._set_state(DtlsState.FAILED)

    def _follow(self) -> None:
        state = DtlsState(self._dtls.state)
        if state is DtlsState.CONNECTED:
            self._take_keys()
        else:
            self.inbound = self.outbound = None
        if state is not self.state and self.state is not DtlsState.CLOSED:
            self._set_state(state)

    def _take_keys(self) -> None:
        connection: Any = self._dtls._ssl
        profile = connection.get_selected_srtp_profile().decode()
        self.srtp_profile = profile
        self.inbound = InboundSrtp(self._dtls._rx_srtp)
        self.outbound = OutboundSrtp(self._dtls._tx_srtp, profile)

    def _set_state(self, state: DtlsState) -> None:
        self.state = state
        self._on_state(state)


def _ignore(_: object) -> None:
    """Take the place of a callback that is not to be called any more."""
