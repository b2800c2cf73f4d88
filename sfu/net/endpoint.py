"""One transport's way to its peer: ICE-lite, DTLS and SRTP together, as the worker sees it."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from sfu.net.address import Address
from sfu.net.dtls import DtlsState, DtlsTransport, HandshakePacer
from sfu.net.dtls_handshake import Certificate, Role
from sfu.net.ice_lite import CheckResult, IceLite, IceState
from sfu.net.sctp import SctpAssociation
from sfu.net.srtp import AES128_CM_SHA1_80, MAX_RTCP_BYTES, Pointer
from sfu.rtp.mapped_batch import MappedBatch, StreamNumbers
from shared.transport_parameters import IceParameters, TransportTuple

if TYPE_CHECKING:
    from sfu.net.fan_out import FanOut
    from sfu.net.packet_writer import PacketWriter
    from sfu.net.stun_messages import Check
    from sfu.net.way import Way


class EndpointListener(Protocol):
    """Whom an endpoint tells what came in."""

    def on_rtp(self, packet: memoryview, length: int, now: float) -> None:
        """Take a verified RTP packet; the view is valid until the end of the batch."""

    def on_rtcp(self, packet: memoryview, now: float) -> None:
        """Take a verified compound RTCP packet; the view is valid during the call."""

    def on_state(self, ice: str, dtls: str) -> None:
        """Take note that one of the two states (values of `IceState` and `DtlsState`) has changed."""

    def on_timeout_sooner(self) -> None:
        """Ask for `next_timeout` again: it has come nearer, without a change of state."""


class EndpointOwner(Protocol):
    """The media port, as an endpoint needs it."""

    def send(self, data: bytes | memoryview, address: Address) -> None:
        """Send a packet that matters more than video."""

    def name(self, endpoint: "Endpoint", fragment: str) -> None:
        """Bring the endpoint the checks for this user name fragment from now on."""

    def unname(self, fragments: Sequence[str]) -> None:
        """Bring nobody the checks for these any more."""

    def forget_address(self, endpoint: "Endpoint", address: Address) -> None:
        """Bring the endpoint nothing from this address any more."""

    def tuple_of(self, address: Address) -> TransportTuple:
        """Describe the way to an address."""


class _Nobody:
    """Listens to an endpoint that is closed."""

    def on_rtp(self, packet: memoryview, length: int, now: float) -> None:
        """See `EndpointListener`."""

    def on_rtcp(self, packet: memoryview, now: float) -> None:
        """See `EndpointListener`."""

    def on_state(self, ice: str, dtls: str) -> None:
        """See `EndpointListener`."""

    def on_timeout_sooner(self) -> None:
        """See `EndpointListener`."""


class Endpoint:
    """The peer's addresses, keys and counters of one WebRTC transport.

    It is made by a `MediaPort`, which brings it what arrives; `listener` has to be set before that.
    """

    __slots__ = (
        "__weakref__",
        "_clock",
        "_drops",
        "_fan_out",
        "_owner",
        "_pacer",
        "_pending_start",
        "_reported",
        "_send",
        "_writer",
        "bytes_received",
        "bytes_sent",
        "data",
        "dtls",
        "ice",
        "listener",
        "transport_sequence",
        "way",
    )

    listener: EndpointListener

    def __init__(
        self,
        *,
        certificate: Certificate,
        pacer: HandshakePacer,
        writer: "PacketWriter",
        fan_out: "FanOut",
        owner: EndpointOwner,
        clock: Callable[[], float],
        consent_timeout: float,
        drops: Counter[str],
    ) -> None:
        self.way: Way | None = None  # for the fan-out, as long as it can serve the peer
        self.ice = IceLite(consent_timeout, self.find_way)
        self.dtls = DtlsTransport(certificate, pacer, self._send_record, self._follow_dtls)
        self.data: SctpAssociation | None = None
        self.transport_sequence = 0
        self.bytes_received = 0
        self.bytes_sent = 0
        self._pacer = pacer
        self._writer = writer
        self._fan_out = fan_out
        self._owner = owner
        self._send = owner.send
        self._clock = clock
        self._drops = drops
        self._pending_start: tuple[Role, list[tuple[str, str]]] | None = None
        self._reported: tuple[str, str] | None = None
        owner.name(self, self.ice.credentials.username_fragment)

    # --- what the worker calls ---

    @property
    def ice_parameters(self) -> IceParameters:
        """Our credentials, for the peer's checks."""
        credentials = self.ice.credentials
        return IceParameters(credentials.username_fragment, credentials.password, ice_lite=True)

    def restart_ice(self) -> IceParameters:
        """Make new credentials; the old ones serve until the peer uses these (RFC 8445 9)."""
        self._owner.unname(self.ice.restart(self._clock()))
        self._owner.name(self, self.ice.credentials.username_fragment)
        return self.ice_parameters

    @property
    def selected_tuple(self) -> TransportTuple | None:
        """The way to the peer, while it has consented to be sent to."""
        return None if self.ice.selected is None else self._owner.tuple_of(self.ice.selected)

    @property
    def peer_address(self) -> Address | None:
        """Where packets to the peer go."""
        return self.ice.selected

    @property
    def consent_expired(self) -> bool:
        """Whether the peer is disconnected because it has been silent for the whole consent timeout."""
        return self.ice.consent_expired

    @property
    def srtp_profile(self) -> str | None:
        """The SRTP protection profile that DTLS has chosen (RFC 5764 4.1.2, RFC 7714 14.2)."""
        return self.dtls.srtp_profile

    def connect(self, role: Role, fingerprints: list[tuple[str, str]]) -> None:
        """Start DTLS in this role, once ICE is up, with a peer of these fingerprints."""
        if self.ice.selected is None:  # a handshake has its time only from when it can begin
            self._pending_start = (role, fingerprints)
        else:
            self.dtls.start(role, fingerprints)

    def open_data(self, outgoing: int, incoming: int) -> SctpAssociation:
        """Make the association of the data channels, with so many streams out and in; DTLS is still to come."""
        self.data = SctpAssociation(outgoing, incoming, send=self._send_data, pacer=self._pacer, drops=self._drops)
        self.dtls.deliver_data_to(self._receive_data)
        return self.data

    @property
    def ready(self) -> bool:
        """Whether media can be sent: the peer's address and the keys are known."""
        return self.dtls.outbound is not None and self.ice.selected is not None

    @property
    def may_repeat(self) -> bool:
        """Whether a number may be used twice for packets that differ: not with AES-GCM (RFC 7714 9.1)."""
        return self.dtls.srtp_profile == AES128_CM_SHA1_80

    @property
    def fan_out_tag(self) -> int | None:
        """Length of SRTP's tag, if its packets can go out together with those of others now (see `FanOut`)."""
        return None if self.way is None else self.way.tag_length

    def find_way(self) -> None:
        """Take note that the peer's address or keys have changed, or how packets get there."""
        self.way = self._fan_out.find_way(self.ice.selected, self.dtls.outbound)

    def send_batch(
        self, batch: MappedBatch, numbers: StreamNumbers, first: int = 0, last: int | None = None
    ) -> bool:
        """Send packets `first` up to `last` (exclusive) of a batch; `False` when the peer cannot be reached."""
        srtp, address = self.dtls.outbound, self.ice.selected
        if srtp is None or address is None:
            return False
        sequence = self.transport_sequence
        if numbers.transport_sequence_header:
            self.transport_sequence = sequence + (len(batch.packets) if last is None else last) - first
        self.bytes_sent += self._writer.write(batch, numbers, sequence, srtp, address, first, last)
        return True

    def send_rtcp(self, packet: bytes) -> bool:
        """Protect and send a compound RTCP packet; `False` when it cannot be sent."""
        srtp, address = self.dtls.outbound, self.ice.selected
        if srtp is None or address is None or len(packet) > MAX_RTCP_BYTES:
            return False
        protected = srtp.protect_rtcp(packet)
        if protected is None:
            return False
        self.bytes_sent += len(protected)
        self._send(protected, address)
        return True

    def forget_stream(self, ssrc: int) -> None:
        """Free what SRTP keeps of a stream that is not sent any more."""
        if self.dtls.outbound is not None:
            self.dtls.outbound.forget(ssrc)

    def lose(self, address: Address) -> None:
        """Give up an address: another transport has proved that it is its peer's, or its connection has ended."""
        self.ice.forget(address, self._clock())
        self._report()

    def close(self) -> None:
        """Close DTLS and ICE and free the addresses; safe to call twice."""
        if self.ice.state is IceState.CLOSED:
            return
        self._reported = (IceState.CLOSED.value, DtlsState.CLOSED.value)  # told once, and not in steps
        self.listener.on_state(*self._reported)
        self.listener = _Nobody()  # the transport and its link are freed without the collector
        if self.data is not None:
            self.data.close()
            self.data = None
        self.dtls.close()
        self.way = None
        self._owner.unname(self.ice.credentials.fragments)
        for address in self.ice.addresses:
            self._owner.forget_address(self, address)
        self.ice.close()

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due."""
        return self.ice.next_timeout()

    def handle_timeout(self, now: float) -> None:
        """Let the consent of a peer that has gone silent run out, and credentials that it has left behind."""
        self._owner.unname(self.ice.handle_timeout(now))
        stray = self.ice.unconfirmed(now)
        if stray is not None:
            self._owner.forget_address(self, stray)
            self.ice.forget(stray, now)
        self._report()

    # --- what the media port calls ---

    def receive_check(self, check: "Check", address: Address, now: float) -> bool:
        """Answer a connectivity check; whether it has proved that `address` is the peer's."""
        result = self.ice.handle_check(check, address, now)
        if result.refused is not None:
            self._drops[result.refused] += 1
            if result.answer is not None:
                self._send(result.answer, address)
            return False
        self._follow_check(result, address)
        return True

    def receive_repeated(self, datagram: bytes, address: Address, now: float) -> bool:
        """Answer a check that is like the last one, from one of the peer's addresses; `False` if it is not."""
        result = self.ice.handle_repeated(datagram, address, now)
        if result is None:
            return False
        self._follow_check(result, address)
        return True

    def _follow_check(self, result: CheckResult, address: Address) -> None:
        if result.answer is not None:
            self._send(result.answer, address)
        if result.retired:
            self._owner.unname(result.retired)
        for old in result.forgotten:
            self._owner.forget_address(self, old)
        if self._pending_start is not None:
            pending, self._pending_start = self._pending_start, None
            self.dtls.start(*pending)
        self._report()

    def receive_dtls(self, record: bytes) -> None:
        """Take a datagram of DTLS records from one of the peer's addresses."""
        if not self.dtls.receive(record):
            self._drops["dtls_not_expected"] += 1

    def receive_rtp(self, packet: memoryview, pointer: Pointer, length: int, address: Address, now: float) -> None:
        """Unprotect an SRTP packet in place and hand it on."""
        inbound = self.dtls.inbound
        if inbound is None:
            self._drops["srtp_before_dtls"] += 1
            return
        length = inbound.unprotect_rtp(packet, pointer, length)
        if not length:
            self._drops["srtp_refused"] += 1
            return
        if self.ice.heard(address, now):
            self.listener.on_timeout_sooner()
        self.bytes_received += length
        self.listener.on_rtp(packet, length, now)

    def receive_rtcp(
        self, packet: memoryview, pointer: Pointer, length: int, address: Address, now: float
    ) -> None:
        """Unprotect an SRTCP packet in place and hand it on."""
        inbound = self.dtls.inbound
        if inbound is None:
            self._drops["srtp_before_dtls"] += 1
            return
        length = inbound.unprotect_rtcp(packet, pointer, length)
        if not length:
            self._drops["srtcp_refused"] += 1
            return
        if self.ice.heard(address, now):
            self.listener.on_timeout_sooner()
        self.bytes_received += length
        self.listener.on_rtcp(packet[:length], now)

    def may_roam(self, ssrc: bytes) -> bool:
        """Whether a packet of this SSRC from an unknown address may be our peer's."""
        inbound = self.dtls.inbound
        return inbound is not None and inbound.knows(ssrc) and self.ready

    def open_stray(self, packet: memoryview, pointer: Pointer, length: int, *, rtcp: bool) -> int:
        """Unprotect a packet from an unknown address in place; its length if it is our peer's, else 0."""
        inbound = self.dtls.inbound
        if inbound is None:
            return 0
        return (inbound.unprotect_rtcp if rtcp else inbound.unprotect_rtp)(packet, pointer, length)

    def follow(self, packet: memoryview, length: int, address: Address, now: float, *, rtcp: bool) -> None:
        """Take in the address that a packet of our peer, opened by now, has come from, and hand the packet on."""
        for old in self.ice.adopt(address, now):
            self._owner.forget_address(self, old)
        self.listener.on_timeout_sooner()
        self.bytes_received += length
        if rtcp:
            self.listener.on_rtcp(packet[:length], now)
        else:
            self.listener.on_rtp(packet, length, now)

    def _send_record(self, record: bytes) -> None:
        if self.ice.selected is not None:
            self._send(record, self.ice.selected)

    def _receive_data(self, packet: bytes) -> None:
        self.bytes_received += len(packet)
        if self.data is not None:
            self.data.receive(packet)

    def _send_data(self, packet: bytes) -> None:
        if self.dtls.send_data(packet):
            self.bytes_sent += len(packet)

    def _follow_dtls(self, state: DtlsState) -> None:
        self.find_way()
        if self.data is not None and state is DtlsState.CONNECTED:
            self.data.open()
        elif self.data is not None and state in {DtlsState.FAILED, DtlsState.CLOSED}:
            self.data.close()
        self._report()

    def _report(self) -> None:
        states = (self.ice.state.value, self.dtls.state.value)
        if states != self._reported:
            self._reported = states
            self.listener.on_state(*states)
