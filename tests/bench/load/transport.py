"""The lower half of an endpoint: its socket, ICE as the controlling full agent, DTLS, and the SRTP keys."""

import secrets
import socket
from collections.abc import Callable

from tests.bench.load import stun
from tests.bench.load.datagrams import open_socket
from tests.bench.load.dtls import Dtls, DtlsError, fingerprint
from tests.bench.load.loop import Loop, now
from tests.bench.load.srtp import Srtp
from tests.bench.servers.base import LocalTransport, Profile, RemoteTransport

CONNECT_WITHIN_S = 15.0
CHECK_AGAIN_S = 0.1
"""First interval of repeated checks; it doubles. Short, since on loopback nothing is lost but by overload."""
CHECK_AGAIN_MAX_S = 1.6
FLIGHT_AGAIN_S = 0.05
"""When an unanswered DTLS flight is sent again, as libwebrtc has it; OpenSSL's own timer begins at 1 s."""
FLIGHT_AGAIN_MAX_S = 1.6
CONSENT_EVERY_S = 5.0
"""As RFC 7675 has it; a server may count on one in 30 s."""

Finished = Callable[[str | None], None]
"""Told once how connecting went: None, or what was wrong."""


class Transport:
    """One socket towards one server. Give it all that is neither RTP nor RTCP."""

    def __init__(self, loop: Loop, profile: Profile, host: str, receive_buffer: int) -> None:
        self.sock: socket.socket = open_socket(host, receive_buffer)
        self.srtp: Srtp | None = None
        self.closed = False
        self._loop = loop
        self._profile: Profile = profile
        self._ufrag, self._pwd = secrets.token_hex(4), secrets.token_hex(16)
        self._remote: RemoteTransport | None = None
        self._dtls: Dtls | None = None
        self._finished: Finished | None = None
        self._is_checked = False
        self._transaction = b""
        self._flight: list[bytes] = []
        self._early: list[bytes] = []

    @property
    def local(self) -> LocalTransport:
        """What the server has to know."""
        host, port = self.sock.getsockname()
        return LocalTransport(self._ufrag, self._pwd, "sha-256", fingerprint(self._profile), host, port)

    def connect(self, remote: RemoteTransport, finished: Finished) -> None:
        """Begin with checks; DTLS follows the first answer."""
        self._remote, self._finished = remote, finished
        self.sock.connect((remote.host, remote.port))
        self._loop.at(now() + CONNECT_WITHIN_S, self._give_up)
        self._check_again(CHECK_AGAIN_S)

    def send(self, data: bytes | memoryview) -> None:
        """Send a datagram; one that the kernel refuses is lost like any other."""
        try:
            self.sock.send(data)
        except OSError:
            return

    def receive(self, data: bytes) -> None:
        """Take a datagram of STUN or DTLS."""
        if data[0] < 4:
            self._receive_stun(data)
        elif 20 <= data[0] < 64:
            self._receive_dtls(data)

    def consent(self) -> None:
        """Send a check that keeps the consent fresh; nobody waits for the answer."""
        self._check()

    def close(self) -> None:
        """Say farewell and close the socket."""
        if self.closed:
            return
        self.closed = True
        if self._dtls is not None:
            self._dtls.close()
            self._flush()
        self.sock.close()

    def _check(self) -> None:
        remote = self._remote
        assert remote is not None
        request, self._transaction = stun.binding_request(f"{remote.ice_ufrag}:{self._ufrag}", remote.ice_pwd)
        self.send(request)

    def _check_again(self, after: float) -> None:
        if self._is_checked or self.closed:
            return
        self._check()
        later = min(after * 2, CHECK_AGAIN_MAX_S)
        self._loop.at(now() + after, lambda: self._check_again(later))

    def _receive_stun(self, data: bytes) -> None:
        message = stun.parse(data)
        if message is None:
            return
        if message.kind == stun.BINDING_REQUEST:
            if stun.is_authentic(data, self._pwd) and self._remote is not None:
                address = (self._remote.host, self._remote.port)
                self.send(stun.binding_success(message.transaction_id, address, self._pwd))
        elif message.kind == stun.BINDING_SUCCESS and message.transaction_id == self._transaction:
            self._checked()

    def _checked(self) -> None:
        if self._is_checked:
            return
        self._is_checked = True
        assert self._remote is not None
        is_client = self._remote.dtls_role != "client"
        self._dtls = Dtls(self._profile, is_client=is_client, fingerprints=list(self._remote.fingerprints))
        self._advance()
        self._repeat_flight(self._flight, FLIGHT_AGAIN_S)
        for record in self._early:
            self._receive_dtls(record)
        self._early.clear()

    def _receive_dtls(self, data: bytes) -> None:
        if self._dtls is None:
            if len(self._early) < 8:
                self._early.append(data)
            return
        self._advance(data)

    def _advance(self, data: bytes = b"") -> None:
        dtls = self._dtls
        assert dtls is not None
        try:
            dtls.advance(data)
        except DtlsError as error:
            self._finish(str(error))
            return
        self._flush()
        if dtls.keys is not None and self.srtp is None:
            self.srtp = Srtp(self._profile, dtls.keys.send, dtls.keys.receive)
            self._finish(None)

    def _flush(self) -> None:
        assert self._dtls is not None
        flight = self._dtls.outgoing()
        if flight:
            self._flight = flight
        for datagram in flight:
            self.send(datagram)

    def _repeat_flight(self, flight: list[bytes], after: float) -> None:
        """Send our last flight again while the server does not react; the interval doubles (RFC 6347 4.2.4)."""

        def repeat() -> None:
            if self.closed or self.srtp is not None:
                return
            if self._flight is not flight:
                self._repeat_flight(self._flight, FLIGHT_AGAIN_S)
                return
            for datagram in flight:
                self.send(datagram)
            self._repeat_flight(flight, min(after * 2, FLIGHT_AGAIN_MAX_S))

        self._loop.at(now() + after, repeat)

    def _give_up(self) -> None:
        self._finish(f"not connected within {CONNECT_WITHIN_S:.0f} s ({'DTLS' if self._is_checked else 'ICE'})")

    def _finish(self, problem: str | None) -> None:
        finished, self._finished = self._finished, None
        if finished is not None:
            finished(problem)
