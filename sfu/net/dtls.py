"""DTLS-SRTP (RFC 5764) by aiortc's `RTCDtlsTransport`, over a transport of ours that hands it DTLS records only.

aiortc's underscored names are used in this file and nowhere else.
"""

import asyncio
import contextlib
import enum
from collections import deque
from collections.abc import Callable
from typing import Any, Literal

from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AES128_CM_SHA1_80,
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    SRTPProtectionProfile,
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

HANDSHAKE_TIMEOUT = 30.0
"""Seconds a handshake may take. A peer that does not finish it by then has gone."""

STEPS_A_TICK = 4
"""Datagrams handed to OpenSSL in one turn of the event loop. A handshake costs about a millisecond; a class that
joins at once may hold up the packets of another for no longer than a few of them."""

_MAX_FLIGHT_BYTES = 1500

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

    @property
    def sha256_fingerprint(self) -> str:
        """The certificate's SHA-256 fingerprint: hexadecimal pairs in upper case with colons (RFC 8122 5)."""
        return next(f.value for f in self.getFingerprints() if f.algorithm == "sha-256")


class HandshakePacer:
    """Lets DTLS transports take a step each by turns, a few in each turn of the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
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
        for _ in range(min(STEPS_A_TICK, len(self._waiting))):
            step = self._waiting.popleft()
            if step():
                self._waiting.append(step)
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


class DtlsTransport:
    """The DTLS association of one transport; calls `on_state` on every change.

    `receive` records as they come, `start` once the peer's fingerprints are known; once connected `inbound` and
    `outbound` hold the SRTP keys and `srtp_profile` the chosen profile's name.
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
        self._handshake: asyncio.Task[None] | None = None

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
        if self.state in {DtlsState.CLOSED, DtlsState.FAILED} or waiting >= MAX_WAITING_RECORDS:
            return False
        self._backlog.append(record)
        if len(self._backlog) == 1:
            self._pacer.submit(self._take_record)
        return True

    def close(self) -> None:
        """Tell the peer (close_notify) and free everything."""
        if self.state is DtlsState.CLOSED:
            return
        was = self.state
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

    def _take_record(self) -> bool:
        """Hand the oldest datagram to OpenSSL; whether there are more."""
        if self.state in {DtlsState.CLOSED, DtlsState.FAILED}:
            self._backlog.clear()
            return False
        self._pipe.put(self._backlog.popleft())
        return bool(self._backlog)

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
