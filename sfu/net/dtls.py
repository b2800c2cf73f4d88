"""DTLS (RFC 6347) by OpenSSL, one plain call a datagram, so that the pacer knows what a handshake costs."""

import asyncio
import contextlib
import enum
import time
from collections import deque
from collections.abc import Callable

from OpenSSL import SSL

from sfu.net.dtls_handshake import Certificate, Handshake, Role
from sfu.net.srtp import InboundSrtp, OutboundSrtp
from shared.logging import get_logger

log = get_logger(__name__)

MAX_WAITING_RECORDS = 16
"""Datagrams kept for a transport that is not started or is behind: two flights. DTLS repeats what gets lost, and
who sends more than OpenSSL is given time for loses them."""

MAX_WAITING_DATA = 512
"""Datagrams kept of a transport with data channels. SCTP takes for lost what does not fit, and slows down."""

STEPS_A_TICK = 4
"""Datagrams handed to OpenSSL in one turn of the event loop. A handshake costs half a millisecond in two or three
steps; a class that joins at once may hold up the packets of another for no longer than a few of them."""

TICK_BUDGET_S = 0.0005
"""After this no further step is begun in one turn of the event loop."""

_MAX_RECORD_BYTES = 2048
"""Our flights are shorter than a path's MTU: the longest, a server's first, has some 900 bytes."""


class DtlsState(enum.Enum):
    """W3C RTCDtlsTransportState."""

    NEW = "new"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    FAILED = "failed"
    CLOSED = "closed"


ENDED_STATES = frozenset({DtlsState.FAILED, DtlsState.CLOSED})


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
        self._handshake: Handshake | None = None
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
        self._connection = self._certificate.connection(role)
        self._handshake = Handshake(role, fingerprints, self._certificate, self._time_out)
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
            self._say_farewell(connection)
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
        except Exception:  # a bug of ours, or of a library's, that this record has found
            self._pacer.fault("dtls_fault")
            if self._handshake is not None:
                self._handshake.end()
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
            self._say_farewell(connection)
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
            self._fail("it took too long, or a fault of ours ended it")
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
        except SSL.Error:  # nothing more to read, mostly
            if connection is None:
                return
            self._write(connection)
            if connection.get_shutdown() & SSL.RECEIVED_SHUTDOWN:  # close_notify, or an alert that is fatal
                self._say_farewell(connection)
                self._set_state(DtlsState.CLOSED)

    def _write(self, connection: SSL.Connection) -> None:
        """Send what OpenSSL has put out."""
        with contextlib.suppress(SSL.Error):
            while True:
                self._send(connection.bio_read(_MAX_RECORD_BYTES))

    def _say_farewell(self, connection: SSL.Connection) -> None:
        """Send close_notify (RFC 5246 7.2.1)."""
        with contextlib.suppress(SSL.Error):
            connection.shutdown()
        self._write(connection)

    def _fail(self, reason: str) -> None:
        log.info("DTLS handshake failed", reason=reason)
        self._set_state(DtlsState.FAILED)


def _ignore(_: object) -> None:
    """Take the place of a callback that is not to be called any more."""
