"""Handshakes with OpenSSL as the peer, datagram by datagram."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL, crypto

from sfu.net import dtls_handshake
from sfu.net.dtls import DtlsState, DtlsTransport, HandshakePacer
from sfu.net.dtls_handshake import SRTP_PROFILES, Certificate, Role

ROLES = ["client", "server"]
X509_VERSION_3, X509_VERSION_10 = b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x09"


class Peer:
    """The other end: plain OpenSSL, which says what it has to when it is asked."""

    def __init__(self, role: Role, *, unreadable: bool = False, **options: bool) -> None:
        self.certificate = Certificate.generateCertificate()
        self.error: SSL.Error | None = None
        self.connected = False
        context = SSL.Context(SSL.DTLS_METHOD)
        context.set_verify(SSL.VERIFY_PEER if options.get("verify", True) else SSL.VERIFY_NONE, lambda *_: True)
        if options.get("certificate", True):
            raw = self.certificate._cert.public_bytes(Encoding.DER)
            if unreadable:
                raw = raw.replace(X509_VERSION_3, X509_VERSION_10, 1)
            with pytest.deprecated_call():
                context.use_certificate(crypto.load_certificate(crypto.FILETYPE_ASN1, raw))
            context.use_privatekey(self.certificate._key)
        if options.get("srtp", True):
            context.set_tlsext_use_srtp(b":".join(profile.openssl_profile for profile in SRTP_PROFILES))
        self.connection = SSL.Connection(context)
        (self.connection.set_connect_state if role == "client" else self.connection.set_accept_state)()

    @property
    def fingerprints(self) -> list[tuple[str, str]]:
        return [(each.algorithm, each.value) for each in self.certificate.getFingerprints()]

    def take(self, datagram: bytes) -> None:
        self.connection.bio_write(datagram)
        self.go_on()

    def go_on(self) -> None:
        try:
            if self.connected:
                self.connection.recv(2048)
            else:
                self.connection.do_handshake()
                self.connected = True
        except SSL.WantReadError:
            pass
        except SSL.Error as error:
            self.error = error

    def say(self) -> Iterator[bytes]:
        with suppress(SSL.Error):
            while True:
                yield self.connection.bio_read(4096)


class Call:
    """Our transport and its peer. `passes` says what becomes of the n-th datagram from either end."""

    def __init__(
        self, role: Role, peer: Peer | None = None, *, expected: list[tuple[str, str]] | None = None
    ) -> None:
        self.peer = peer or Peer("client" if role == "server" else "server")
        self.passes: Callable[[int, bytes], list[bytes]] = lambda _, datagram: [datagram]
        self.states: list[str] = []
        self.faults: list[str] = []
        self.sent: list[bytes] = []
        self.transport = DtlsTransport(
            Certificate.generateCertificate(),
            HandshakePacer(asyncio.get_running_loop(), self.faults.append),
            self.sent.append,
            lambda state: self.states.append(state.value),
        )
        self._datagrams = 0
        self.transport.start(role, self.peer.fingerprints if expected is None else expected)

    async def run(self) -> None:
        """Carry datagrams until neither end has any."""
        self.peer.go_on()
        quiet = 0
        while quiet < 10:
            quiet += 1
            await asyncio.sleep(0)
            for datagram in self.peer.say():
                quiet = 0
                for each in self._pass(datagram):
                    self.transport.receive(each)
            sent, self.sent[:] = list(self.sent), []
            for datagram in sent:
                quiet = 0
                for each in self._pass(datagram):
                    self.peer.take(each)

    async def repeat(self) -> None:
        """Carry what either end repeats after its time, until both are connected."""
        async with asyncio.timeout(10):
            while not (self.peer.connected and self.transport.state is DtlsState.CONNECTED):
                await asyncio.sleep(0.02)
                with suppress(SSL.Error):
                    self.peer.connection.DTLSv1_handle_timeout()
                await self.run()

    def _pass(self, datagram: bytes) -> list[bytes]:
        self._datagrams += 1
        return self.passes(self._datagrams, datagram)


@pytest.fixture(autouse=True)
async def nothing_is_left_to_the_loop() -> AsyncIterator[None]:
    failed: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(context))
    yield
    assert failed == []


@pytest.mark.parametrize("role", ROLES)
async def test_keys_are_there_when_both_are_connected(role: Role) -> None:
    call = Call(role)
    await call.run()
    assert call.states == ["connecting", "connected"]
    assert call.transport.srtp_profile == "SRTP_AEAD_AES_128_GCM"
    assert call.transport.inbound is not None
    assert call.transport.outbound is not None
    assert call.peer.connected


@pytest.mark.parametrize("role", ROLES)
async def test_whatever_is_lost_is_repeated(role: Role) -> None:
    calls = [Call(role) for _ in range(4)]
    for lost, call in enumerate(calls, 1):
        call.passes = lambda n, datagram, lost=lost: [] if n == lost else [datagram]  # type: ignore[misc]
        await call.run()
        assert not (call.peer.connected and call.transport.state is DtlsState.CONNECTED)
    await asyncio.gather(*(call.repeat() for call in calls))


@pytest.mark.parametrize("role", ROLES)
async def test_datagrams_that_come_twice_or_late_do_no_harm(role: Role) -> None:
    call, seen = Call(role), list[bytes]()

    def again(_: int, datagram: bytes) -> list[bytes]:
        seen.append(datagram)
        return [datagram, datagram, *seen[:1]]

    call.passes = again
    await call.run()
    assert call.states == ["connecting", "connected"]
    assert call.peer.connected
    assert call.transport.send_data(b"x")


@pytest.mark.parametrize("role", ROLES)
async def test_another_certificate_gets_no_keys_and_is_told(role: Role) -> None:
    call = Call(role, expected=Peer("client").fingerprints)
    await call.run()
    assert call.states == ["connecting", "failed"]
    assert call.transport.inbound is None
    assert call.transport.outbound is None
    assert call.peer.connection.get_shutdown() & SSL.RECEIVED_SHUTDOWN


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("missing", ["srtp", "certificate"])
async def test_a_peer_without_srtp_or_a_certificate_is_refused(role: Role, missing: str) -> None:
    peer = Peer("client" if role == "server" else "server", **{missing: False})
    call = Call(role, peer)
    await call.run()
    assert call.states == ["connecting", "failed"]
    assert call.faults == []


@pytest.mark.parametrize("role", ROLES)
async def test_a_certificate_that_cannot_be_read_ends_the_handshake(role: Role) -> None:
    call = Call(role, Peer("client" if role == "server" else "server", unreadable=True))
    await call.run()
    assert call.states == ["connecting", "failed"]
    assert call.faults == ["dtls_fault"]
    assert call.transport.outbound is None


@pytest.mark.parametrize("role", ROLES)
async def test_nobody_negotiates_anew(role: Role) -> None:
    call = Call(role)
    await call.run()
    connection = call.peer.connection
    assert connection.renegotiate()
    with suppress(SSL.WantReadError):
        connection.do_handshake()
    await call.run()
    assert "no renegotiation" in str(call.peer.error)
    assert call.states == ["connecting", "connected", "closed"], "OpenSSL takes that for fatal, and says so"


@pytest.mark.parametrize("role", ROLES)
async def test_a_farewell_is_answered(role: Role) -> None:
    call = Call(role)
    await call.run()
    assert not call.peer.connection.shutdown()
    await call.run()
    assert call.states == ["connecting", "connected", "closed"]
    assert call.peer.connection.get_shutdown() == SSL.SENT_SHUTDOWN | SSL.RECEIVED_SHUTDOWN
    assert not call.transport.send_data(b"x")


@pytest.mark.parametrize("content_type", [20, 21, 22, 23])
@pytest.mark.parametrize("epoch", [0, 1])
async def test_forged_records_end_nothing(content_type: int, epoch: int) -> None:
    call = Call("server")
    await call.run()
    for body in (b"\x02\x28", b"\x01\x00", bytes(12), bytes(60)):
        header = bytes([content_type]) + b"\xfe\xfd" + epoch.to_bytes(2, "big") + bytes(5) + b"\xff"
        assert call.transport.receive(header + len(body).to_bytes(2, "big") + body)
    await call.run()
    assert call.states == ["connecting", "connected"]
    assert call.transport.send_data(b"x")


@pytest.mark.parametrize("role", ROLES)
async def test_a_handshake_that_is_not_finished_ends(role: Role, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dtls_handshake, "HANDSHAKE_TIMEOUT", 0.01)
    call = Call(role)
    call.passes = lambda *_: []
    async with asyncio.timeout(5):
        while call.transport.state is not DtlsState.FAILED:
            await call.run()
    assert not call.transport.receive(b"x")


@pytest.mark.parametrize("state", ["new", "connecting", "connected", "failed", "closed"])
async def test_it_may_be_closed_at_every_change_and_is_freed_at_once(state: str) -> None:
    gc.collect()
    gc.disable()
    try:
        call = Call("server", expected=Peer("client").fingerprints if state == "failed" else None)
        gone = weakref.ref(call.transport)
        if state == "new":
            call.transport.close()
        else:
            transport = call.transport
            transport._on_state = lambda now: transport.close() if now.value == state else None
        await call.run()
        if state == "closed":
            call.transport.close()
        assert call.transport.state is DtlsState.CLOSED
        assert call.transport.inbound is None
        assert call.faults == []
        call.transport = transport = None  # type: ignore[assignment]
        await asyncio.sleep(0)
        assert gone() is None
    finally:
        gc.enable()
