"""The UDP port of a worker and its TCP port, shared by all its transports (RFC 7983, RFC 8445, RFC 6544).

STUN finds its transport by the username fragment; everything else by the address, or the TCP connection, from
which an authenticated check has come. Media from any other address is dropped, unless it is that of a peer that
has moved, by the proof of its own keys.
"""

import asyncio
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from sfu.net.address import Address
from sfu.net.address_book import AddressBook
from sfu.net.candidates import LocalAddresses
from sfu.net.dtls import HandshakePacer
from sfu.net.dtls_handshake import SRTP_PROFILES, Certificate
from sfu.net.endpoint import Endpoint
from sfu.net.fan_out import FanOut
from sfu.net.faults import Faults
from sfu.net.packet_writer import PacketWriter
from sfu.net.receive_vector import ReceiveVector, address_of
from sfu.net.roaming import Roaming
from sfu.net.srtp import PinnedBuffer, Pointer
from sfu.net.stun_messages import local_username_fragment, parse_check
from sfu.net.tcp_connection import TcpConnection
from sfu.net.tcp_listener import TcpListener
from sfu.net.udp_socket import UdpSender
from sfu.rtp.lanes import Lane, LaneGroups
from sfu.rtp.mapped_batch import MAX_BATCH_PACKETS, MappedBatch
from sfu.rtp.packet import FIRST_RTCP_TYPE, LAST_RTCP_TYPE, is_rtcp
from shared.transport_parameters import IceCandidate, TransportTuple

SLOT_BYTES = 2048
"""Room for a datagram: more than any path's MTU that carries WebRTC. What fills it was cut off and is dropped."""

MIN_RTP_BYTES = 12
"""Of RTP and of SRTCP alike; libsrtp reads that much before it checks anything."""

_NOT_A_PROTOCOL = 255


class MediaPort:
    """Reads and writes one UDP socket in batches, and TCP connections, and sorts what arrives.

    Args:
        sock: UDP, bound and non-blocking.
        tcp_sock: TCP, listening and non-blocking; without one there is no ICE-TCP.
        announced_ips: the addresses that peers are told to send to, the preferred one first.
        consent_timeout: seconds without a connectivity check after which a transport is disconnected.
    """

    def __init__(
        self,
        sock: socket.socket,
        loop: asyncio.AbstractEventLoop,
        *,
        announced_ips: Sequence[str],
        consent_timeout: float,
        tcp_sock: socket.socket | None = None,
    ) -> None:
        self.drops: Counter[str] = Counter()
        self.certificate = Certificate.generateCertificate()
        self.sender = UdpSender(sock)
        self.writer = PacketWriter(self.sender)
        self.fan_out = FanOut(sock, self.sender, loop.time)
        self._sock = sock
        self._loop = loop
        self._consent_timeout = consent_timeout
        self._on_batch: Callable[[float], None] = _ignore
        self._faults = Faults(self.drops, loop.time)
        self._pacer = HandshakePacer(loop, self.fault)
        self._by_fragment: dict[str, Endpoint] = {}
        self._addresses = AddressBook()
        self._by_address = self._addresses.owners
        self._roaming = Roaming(self._addresses)
        memory = PinnedBuffer(MAX_BATCH_PACKETS * SLOT_BYTES)
        self._slots = [
            (memory.view[at : at + SLOT_BYTES], memory.pointer(at))
            for at in range(0, len(memory.view), SLOT_BYTES)
        ]
        self._memory = memory
        starts = range(memory.address, memory.address + len(memory.view), SLOT_BYTES)
        self._vector = ReceiveVector(sock, [(start, SLOT_BYTES) for start in starts])
        self._writing = False
        self._packets_received = 0
        self._bytes_received = 0
        self._tcp: TcpListener | None = None
        tcp_port = None
        if tcp_sock is not None:
            counters, receive = self.sender.counters, self._receive_frames
            self._tcp = TcpListener(tcp_sock, loop, counters, self.drops, receive, self._lose_connection)
            tcp_port = self._tcp.port
        self._local = LocalAddresses(announced_ips, sock.getsockname()[1], tcp_port)

    def start(self, on_batch: Callable[[float], None]) -> None:
        """Begin to read; `on_batch` is called with the time after each batch, to forward what came in."""
        self._on_batch = on_batch
        self._loop.add_reader(self._sock, self._read_many if self._vector.available else self._read)
        if self._tcp is not None:
            self._tcp.start()

    @property
    def port(self) -> int:
        """The UDP port."""
        return self._local.udp_port

    @property
    def srtp_profiles(self) -> list[str]:
        """Names of the SRTP profiles on offer, the preferred one first."""
        return [profile.openssl_profile.decode() for profile in SRTP_PROFILES]

    @property
    def ice_candidates(self) -> list[IceCandidate]:
        """Where peers reach this worker, the preferred way first."""
        return self._local.candidates

    @property
    def certificate_fingerprint(self) -> str:
        """SHA-256 fingerprint of the DTLS certificate."""
        return self.certificate.sha256_fingerprint

    def traffic(self) -> dict[str, Any]:
        """Count what came in and went out since the start, and what was dropped, by reason."""
        sent = self.sender.counters
        drops = self.drops.copy()
        drops.update(
            {
                "send_queue_full": sent.queue_full,
                "send_refused": sent.refused,
                "protect_failed": self.writer.protect_failures + self.fan_out.protect_failures,
            }
        )
        return {
            "port": self.port,
            "packetsReceived": self._packets_received,
            "bytesReceived": self._bytes_received,
            "packetsSent": sent.sent,
            "bytesSent": sent.sent_bytes,
            "drops": {reason: count for reason, count in drops.items() if count},
        }

    def create_link(self) -> Endpoint:
        """Make the endpoint of a new transport; it gets datagrams until it is closed."""
        return Endpoint(
            certificate=self.certificate,
            pacer=self._pacer,
            writer=self.writer,
            fan_out=self.fan_out,
            owner=self,
            clock=self._loop.time,
            consent_timeout=self._consent_timeout,
            drops=self.drops,
        )

    def send_lanes(self, batch: MappedBatch, groups: LaneGroups) -> list[Lane]:
        """Send a batch to many peers; returns the lanes that it could not be sent by (see `FanOut`)."""
        return self.fan_out.send(batch, groups)

    # --- for endpoints ---

    def send(self, data: bytes | memoryview, address: Address) -> None:
        """See `EndpointOwner`."""
        self.sender.send(data, address)
        self.watch_writable()

    def name(self, endpoint: Endpoint, fragment: str) -> None:
        """See `EndpointOwner`."""
        self._by_fragment[fragment] = endpoint

    def unname(self, fragments: Sequence[str]) -> None:
        """See `EndpointOwner`."""
        for fragment in fragments:
            self._by_fragment.pop(fragment, None)

    def forget_address(self, endpoint: Endpoint, address: Address) -> None:
        """See `EndpointOwner`. A TCP connection is of no use to anybody else: it is closed."""
        if self._by_address.get(address) is endpoint:
            self._addresses.unbind(address)
        if not isinstance(address, TcpConnection):
            self.sender.forget(address)
        elif self._tcp is not None:
            self._tcp.drop(address)

    def tuple_of(self, address: Address) -> TransportTuple:
        """See `EndpointOwner`."""
        return self._local.tuple_of(address)

    # --- the sockets ---

    def watch_writable(self) -> None:
        """Have the queue flushed when the socket is writable, if anything waits in it."""
        if self.sender.wants_write and not self._writing:
            self._writing = True
            self._loop.add_writer(self._sock, self._write)

    def fault(self, reason: str) -> None:
        """Count the exception that is being handled, and log it if none has been logged lately."""
        self._faults.note(reason)

    def close(self) -> None:
        """Stop reading and writing and close the sockets."""
        if self._tcp is not None:
            self._tcp.close()
        self._loop.remove_reader(self._sock)
        if self._writing:
            self._loop.remove_writer(self._sock)
        self._sock.close()

    def _write(self) -> None:
        self.sender.flush()
        if not self.sender.wants_write:
            self._writing = False
            self._loop.remove_writer(self._sock)

    def _read_many(self) -> None:
        """Read and forward a batch by one call; media of known peers takes a shorter way than `_take`."""
        now = self._loop.time()
        vector, slots, known = self._vector, self._slots, self._addresses.by_name
        try:
            count = vector.receive()
        except OSError:  # an ICMP error for something sent earlier; the next read goes on
            self.drops["socket_error"] += 1
            count = 0
        for n in range(count):
            view, pointer = slots[n]
            length, name = vector.lengths[n], vector.name(n)
            owner = known.get(name)
            if (
                owner is None
                or not MIN_RTP_BYTES <= length < SLOT_BYTES
                or not 128 <= view[0] < 192
                or FIRST_RTCP_TYPE <= view[1] <= LAST_RTCP_TYPE
            ):
                self._take(view, pointer, length, address_of(name) if owner is None else owner[1], now)
                continue
            endpoint, address = owner
            self._packets_received += 1
            self._bytes_received += length
            try:
                endpoint.receive_rtp(view, pointer, length, address, now)
            except Exception:  # as in `_take`
                self.fault("packet_fault")
        self._end_batch(now)

    def _read(self) -> None:
        now = self._loop.time()
        receive = self._sock.recvfrom_into
        for view, pointer in self._slots:
            try:
                length, address = receive(view)
            except BlockingIOError:
                break
            except OSError:  # an ICMP error for something sent earlier; the next read goes on
                self.drops["socket_error"] += 1
                continue
            self._take(view, pointer, length, address, now)
        self._end_batch(now)

    def _receive_frames(self, connection: TcpConnection, frames: list[memoryview]) -> None:
        """Take the frames of one read from a TCP connection as if they were datagrams."""
        now = self._loop.time()
        for first in range(0, len(frames), len(self._slots)):
            for frame, (view, pointer) in zip(frames[first : first + len(self._slots)], self._slots, strict=False):
                if connection.closed:
                    break
                view[: len(frame)] = frame
                self._take(view, pointer, len(frame), connection, now)
            self._end_batch(now)

    def _take(self, view: memoryview, pointer: Pointer, length: int, address: Address, now: float) -> None:
        self._packets_received += 1
        self._bytes_received += length
        try:
            self._receive(view, pointer, length, address, now)
        except Exception:  # a bug of ours that this packet has found; those behind it are not to suffer
            self.fault("packet_fault")

    def _end_batch(self, now: float) -> None:
        try:
            self._on_batch(now)
        except Exception:
            self.fault("batch_fault")
        self.watch_writable()

    def _receive(self, view: memoryview, pointer: Pointer, length: int, address: Address, now: float) -> None:
        first = view[0] if length else _NOT_A_PROTOCOL
        if not 128 <= first < 192:
            self._receive_other(first, bytes(view[:length]), address, now)
            return
        endpoint = self._by_address.get(address)
        if endpoint is None:
            self._receive_stray(view, pointer, length, address, now)
        elif length < MIN_RTP_BYTES or length == SLOT_BYTES:
            self.drops["bad_length"] += 1
        elif is_rtcp(first, view[1]):
            endpoint.receive_rtcp(view, pointer, length, address, now)
        else:
            endpoint.receive_rtp(view, pointer, length, address, now)

    def _receive_stray(
        self, view: memoryview, pointer: Pointer, length: int, address: Address, now: float
    ) -> None:
        if (
            isinstance(address, TcpConnection)
            or not MIN_RTP_BYTES <= length < SLOT_BYTES
            or not self._roaming.take(view, pointer, length, address, now)
        ):
            self.drops["unknown_address"] += 1

    def _receive_other(self, first: int, datagram: bytes, address: Address, now: float) -> None:
        if first < 4:
            self._receive_stun(datagram, address, now)
        elif 20 <= first < 64:
            endpoint = self._by_address.get(address)
            if endpoint is None:
                self.drops["unknown_address"] += 1
            else:
                endpoint.receive_dtls(datagram)
        else:
            self.drops["unknown_protocol"] += 1

    def _receive_stun(self, datagram: bytes, address: Address, now: float) -> None:
        before = self._by_address.get(address)
        if before is not None and before.receive_repeated(datagram, address, now):
            return
        try:
            fragment = local_username_fragment(datagram)
            endpoint = self._by_fragment.get(fragment)
            if endpoint is None:
                self.drops["stun_unknown_username"] += 1
                return
            check = parse_check(datagram, fragment)
        except ValueError:
            self.drops["stun_malformed"] += 1
            return
        if before is not None and before is not endpoint and before.ice.holds(address, now):
            self.drops["stun_address_taken"] += 1
            return
        if endpoint.receive_check(check, address, now) and before is not endpoint:
            self._addresses.bind(address, endpoint)
            if before is not None:
                before.lose(address)
            if isinstance(address, TcpConnection) and self._tcp is not None:
                self._tcp.prove(address)

    def _lose_connection(self, connection: TcpConnection) -> None:
        """Take note that a connection has ended, which may have been somebody's address."""
        endpoint = self._addresses.unbind(connection)
        if endpoint is not None:
            endpoint.lose(connection)


def _ignore(_now: float) -> None:
    """Before `start` nothing is read, so there is nothing to forward."""
