"""DTLS-SRTP (RFC 5764) by aiortc's certificates, identity check and key export, without its tasks.

aiortc's `RTCDtlsTransport` waits for records in a task of its own. Here each record is a plain call in its turn,
so that the pacer knows what a handshake costs. aiortc's underscored names are used in this file and nowhere else.
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
from pylibsrtp import Session

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
"""Datagrams handed to OpenSSL in one turn of the event loop. A handshake costs half a millisecond in two or three
steps; a class that joins at once may hold up the packets of another for no longer than a few of them."""

TICK_BUDGET_S = 0.0005
"""After this no further step is begun in one turn of the event loop."""

_MAX_RECORD_BYTES = 2048
"""Our flights are shorter than a path's MTU: the longest, a server's first, has some 900 bytes."""

_SSL_MODE_RELEASE_BUFFERS = 0x10
"""Of OpenSSL's ssl.h: an idle connection keeps no buffers for records, which take 16 kB of memory each way."""

Role = Literal["client", "server"]


class DtlsState(enum.Enum):
    """W3C RTCDtlsTransportState."""

    NEW = "new"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    FAILED = "failed"
    CLOSED = "closed"


ENDED_STATES = frozenset({DtlsState.FAILED, DtlsState.CLOSED})


class Certificate(RTCCertificate):
    """A self-signed P-256 certificate that many transports share, with one OpenSSL context for all of them."""

    _context: SSL.Context | None = None

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        if self._context is None:
            self._context = super()._create_ssl_context(srtp_profiles)
            self._context.set_mode(_SSL_MODE_RELEASE_BUFFERS)
            self._context.set_session_cache_mode(SSL.SESS_CACHE_OFF)  # nobody resumes: there is no ticket
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


class DtlsTransport:
    """The DTLS association of one transport; calls `on_state` on every change.

    `receive` records as they come, `start` once the peer's fingerprints are known; once connected `inbound` and
    `outbound` hold the SRTP keys and `srtp_profile` the chosen profile's name. Application data goes out by
    `send_data` and comes in by what `deliver_data_to` was given.
    """

    __slots__ = (
        "__weakref__",
        "_backlog",
        "_certificate",
        "_connection",
        "_handshake",
        "_on_state",
        "_pacer",
        "_receive_data",
        "_send",
        "inbound",
        "outbound",
        "srtp_profile",
        "state",
    )

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
        self._backlog: deque[bytes] | None = None  # not longer than MAX_WAITING_RECORDS
        self._certificate = certificate
        self._connection: SSL.Connection | None = None
        self._handshake: _Handshake | None = None
        self._pacer = pacer
        self._send = send
        self._on_state = on_state
        self._receive_data: Callable[[bytes], object] = _ignore

    def start(self, role: Role, fingerprints: list[tuple[str, str]]) -> None:
        """Begin the handshake as `role`, to be accepted only from the certificate with these fingerprints.

        Args:
            role: ours; `client` sends the first flight at once.
            fingerprints: pairs of algorithm and value, at least one of a known algorithm.
        """
        assert self._connection is None, "DTLS started twice"  # noqa: S101 - our own bug, never the peer's
        connection = SSL.Connection(self._certificate._create_ssl_context(SRTP_PROFILES))
        if role == "server":
            connection.set_accept_state()
        else:
            connection.set_connect_state()
        self._connection = connection
        self._handshake = _Handshake(role, fingerprints, self._certificate, self._time_out)
        self._pacer.submit(self._step)

    def receive(self, record: bytes) -> bool:
        """Take a datagram of DTLS records from the peer; `False` if it is dropped: too many wait, or it ended."""
        backlog = self._backlog
        if backlog is None:
            backlog = self._backlog = deque()
        carries_data = self.state is DtlsState.CONNECTED and self._receive_data is not _ignore
        most = MAX_WAITING_DATA if carries_data else MAX_WAITING_RECORDS
        if self.state in ENDED_STATES or len(backlog) >= most:
            return False
        backlog.append(record)
        if len(backlog) == 1 and self.state is not DtlsState.NEW:
            self._pacer.submit(self._step)
        return True

    @property
    def waiting(self) -> int:
        """How many datagrams OpenSSL has not taken yet."""
        return len(self._backlog or ())

    def deliver_data_to(self, receive: Callable[[bytes], object]) -> None:
        """Have `receive` called with the content of each record of application data (RFC 8261)."""
        self._receive_data = receive

    def send_data(self, data: bytes) -> bool:
        """Send a record of application data at once; `False` when DTLS is not connected."""
        connection = self._connection
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
        was, connection = self.state, self._connection
        if was is not DtlsState.CLOSED:  # the peer may have said its farewell before
            self._set_state(DtlsState.CLOSED)
        if connection is not None and was in {DtlsState.CONNECTING, DtlsState.CONNECTED}:
            with contextlib.suppress(SSL.Error):
                connection.shutdown()
            self._write(connection)
        self._let_go()
        self._on_state = self._send = self._receive_data = _ignore

    def _set_state(self, state: DtlsState) -> None:
        self.state = state
        if state in ENDED_STATES:
            self._let_go()
        self._on_state(state)

    def _let_go(self) -> None:
        """Free OpenSSL's and libsrtp's memory now and not some day."""
        if self._handshake is not None:
            self._handshake.cancel()
        self._handshake = self._connection = self.inbound = self.outbound = self._backlog = None

    def _step(self) -> bool:
        """Hand the oldest datagram to OpenSSL; whether there are more."""
        try:
            if self.state is DtlsState.NEW:
                self._set_state(DtlsState.CONNECTING)
            if self.state is DtlsState.CONNECTING:
                self._shake_hands()
            elif self.state is DtlsState.CONNECTED:
                self._open()
        except Exception:  # a bug of ours, or of aiortc's, that this record has found
            self._pacer.fault("dtls_fault")
        return bool(self._backlog)

    def _shake_hands(self) -> None:
        connection, handshake = self._connection, self._handshake
        assert connection is not None and handshake is not None  # noqa: S101, PT018 - so it is while connecting
        if self._backlog:
            connection.bio_write(self._backlog.popleft())
        try:
            connection.do_handshake()
        except SSL.WantReadError:
            self._write(connection)
            handshake.wait(connection)
            return
        except SSL.Error as error:
            self._write(connection)  # the alert that says why
            self._fail(f"{type(error).__name__}: {error}")
            return
        self._write(connection)
        keys = handshake.finish(connection)
        if keys is None:
            self._fail("the peer's certificate is not the announced one, or it has no SRTP profile of ours")
            return
        self.srtp_profile, inbound, outbound = keys
        self.inbound, self.outbound = InboundSrtp(inbound), OutboundSrtp(outbound, self.srtp_profile)
        handshake.cancel()
        self._handshake = None
        self._set_state(DtlsState.CONNECTED)
        self._read()

    def _time_out(self) -> None:
        """Repeat our flight, or give up."""
        connection, handshake = self._connection, self._handshake
        if connection is None or handshake is None:
            return
        if handshake.is_over:
            self._fail("handshake timed out")
            return
        with contextlib.suppress(SSL.Error):
            connection.DTLSv1_handle_timeout()
        self._write(connection)
        handshake.wait(connection)

    def _open(self) -> None:
        """Let OpenSSL take a datagram of a connected peer, and hand on what is in it."""
        connection = self._connection
        if connection is not None and self._backlog:
            connection.bio_write(self._backlog.popleft())
            self._read()

    def _read(self) -> None:
        """Read all records there are: those of a hostile peer would else pile up."""
        try:
            while (connection := self._connection) is not None:
                self._receive_data(connection.recv(_MAX_RECORD_BYTES))
        except SSL.ZeroReturnError:
            self._set_state(DtlsState.CLOSED)  # the peer's close_notify
        except SSL.Error:
            if connection is not None:
                self._write(connection)  # nothing more to read, or nothing that is the peer's

    def _write(self, connection: SSL.Connection) -> None:
        """Send what OpenSSL has put out."""
        with contextlib.suppress(SSL.Error):
            while True:
                self._send(connection.bio_read(_MAX_RECORD_BYTES))

    def _fail(self, reason: str) -> None:
        log.info("DTLS handshake failed", reason=reason)
        self._set_state(DtlsState.FAILED)


class _Handshake:
    """What is needed until the handshake is over: whom to expect, and when to repeat or give up."""

    __slots__ = ("_deadline", "_dtls", "_loop", "_on_time", "_remote", "_timer")

    def __init__(
        self,
        role: Role,
        fingerprints: list[tuple[str, str]],
        certificate: Certificate,
        on_time: Callable[[], None],
    ) -> None:
        self._dtls = RTCDtlsTransport(_NO_ICE, [certificate])
        self._dtls._srtp_profiles = SRTP_PROFILES
        self._dtls._set_role(role)
        remote = [RTCDtlsFingerprint(algorithm, value) for algorithm, value in fingerprints]
        self._remote = RTCDtlsParameters(remote)
        self._loop = asyncio.get_running_loop()
        self._deadline = self._loop.time() + HANDSHAKE_TIMEOUT
        self._on_time = on_time
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_over(self) -> bool:
        """Whether its time is."""
        return self._loop.time() >= self._deadline

    def wait(self, connection: SSL.Connection) -> None:
        """Call back when OpenSSL wants to repeat its flight (RFC 6347 4.2.4), and when the time is over."""
        self.cancel()
        now, repeat_after = self._loop.time(), connection.DTLSv1_get_timeout()
        when = self._deadline if repeat_after is None else min(self._deadline, now + repeat_after)
        self._timer = self._loop.call_at(when, self._on_time)

    def cancel(self) -> None:
        """Do not call back."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def finish(self, connection: SSL.Connection) -> tuple[str, Session, Session] | None:
        """Verify who the peer is, and only then export the keys: the profile, theirs and ours."""
        dtls: Any = self._dtls  # whose state mypy takes for what it was
        dtls._ssl = connection
        dtls._validate_peer_identity(self._remote)
        if dtls._state is not State.FAILED:
            dtls._setup_srtp()
        dtls._ssl = None
        if dtls._state is State.FAILED:
            return None
        return connection.get_selected_srtp_profile().decode(), dtls._rx_srtp, dtls._tx_srtp


class _NoIce:
    """What aiortc takes for its ICE transport. It is asked for nothing: records go by plain calls."""

    role = "controlled"
    state = "completed"


_NO_ICE: Any = _NoIce()


def _ignore(_: object) -> None:
    """Take the place of a callback that is not to be called any more."""
