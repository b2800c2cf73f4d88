"""One batch to many peers: copied, numbered and protected for each, and sent to up to sixteen in one call.

What is equal for a group of consumers is written once into a template. What is left for each is to copy it, to
write the transport-wide numbers, and SRTP. `sendmmsg` takes the messages of several peers, each a run of packets
for `UDP_SEGMENT` (see `udp_socket`); what it refuses goes to `UdpSender`, which queues, or sends singly.

The call goes by ctypes: Python's `socket` has none for it, and builds the arguments of `sendmsg` anew each time.
"""

import ctypes
import socket
import struct
import sys
from collections.abc import Callable
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

from sfu.net.address import Address
from sfu.net.packet_writer import write_header
from sfu.net.srtp import PinnedBuffer, Pointer, copy, new_lengths, pointer_to, protect
from sfu.net.udp_socket import MAX_SEGMENT_BYTES, UdpSender, segment_option
from sfu.rtp.lanes import Lane, LaneGroups
from sfu.rtp.mapped_batch import (
    MAX_BATCH_PACKETS,
    TRANSPORT_SEQUENCE_AT,
    Layout,
    MappedBatch,
    StreamNumbers,
)

if TYPE_CHECKING:
    from sfu.net.endpoint import Endpoint

SCRATCH_BYTES = 256 << 10
"""Room for the packets of one call; more would push everything else out of a core's second-level cache."""

MAX_PEERS = 16
"""Served in one call: by then the call's own cost is spread thin, and its packets still fit a core's caches."""

MAX_MESSAGES = 256
"""In one call."""

_PUT_NUMBER = struct.Struct("!H").pack_into
_PUT_NAME = struct.Struct("=Q").pack_into
_PUT_SLICE = struct.Struct("=QQ").pack_into
_SLICE_BYTES = 16
_PUT_MESSAGE = struct.Struct("=QI4xQQQQi4xI4x").pack_into
_MESSAGE_BYTES = 64
"""`struct iovec` and `struct mmsghdr` of 64-bit Linux (sendmmsg(2)): name, its length, iovec, count, control data,
its length, flags, bytes sent."""

_OPTION_BYTES = 24
_PUT_OPTION = struct.Struct("=QiiH6x").pack_into
_NAME_BYTES = {socket.AF_INET: 16, socket.AF_INET6: 28}
_NUMBER_AT = TRANSPORT_SEQUENCE_AT + 1


class _Slot(NamedTuple):
    """One peer's part of the scratch memory and of the call's messages."""

    start: Pointer
    packets: list[Pointer]
    numbers_at: list[int]
    names_at: list[int]


class _Run(NamedTuple):
    """A run of the layout: bytes `start` up to `end` (exclusive) of a slot."""

    start: int
    end: int
    segment_size: int


def _find_sendmmsg() -> Callable[[int, int, int, int], int] | None:
    if sys.platform != "linux" or sys.byteorder != "little" or struct.calcsize("P") != 8:
        return None
    try:
        function = ctypes.CDLL(None).sendmmsg
    except (AttributeError, OSError):
        return None
    function.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)
    return function


class FanOut:
    """Sends batches to all lanes of a view. `protect_failures` counts packets that libsrtp has refused.

    Where the system knows no `sendmmsg` or no `UDP_SEGMENT` it serves no address, and consumers go one by one.
    """

    def __init__(self, sock: socket.socket, sender: UdpSender, clock: Callable[[], float]) -> None:
        self.protect_failures = 0
        self._sendmmsg = _find_sendmmsg()
        self._available = self._sendmmsg is not None and sender.segmentation
        self._descriptor = sock.fileno()
        self._family = sock.family
        self._sender = sender
        self._clock = clock
        self._memory = PinnedBuffer(SCRATCH_BYTES)
        self._template = PinnedBuffer(SCRATCH_BYTES)
        self._lengths = new_lengths(MAX_BATCH_PACKETS)
        self._sizes = new_lengths(MAX_BATCH_PACKETS)
        self._length_pointers = [self._lengths + n for n in range(MAX_BATCH_PACKETS)]
        self._slices = PinnedBuffer(MAX_MESSAGES * _SLICE_BYTES)
        self._options = PinnedBuffer(MAX_BATCH_PACKETS * _OPTION_BYTES)
        self._messages = PinnedBuffer(MAX_MESSAGES * _MESSAGE_BYTES)
        self._layout: Layout | None = None
        self._runs: list[_Run] = []
        self._slots: list[_Slot] = []
        self._max_slots = 0
        self._size = 0
        self._is_video = False

    def serves(self, address: Address) -> bool:
        """Tell whether a lane may lead to this address."""
        return self._available and self._sender.takes_runs(address)

    def send(self, batch: MappedBatch, groups: LaneGroups) -> list[Lane]:
        """Send a batch by all lanes; returns those that it could not be sent by: each has to be looked at."""
        missed: list[Lane] = []
        self._is_video = batch.is_video
        for (tag_length, numbers), lanes in groups.items():
            layout = batch.layout(tag_length)
            if layout is not self._layout and not self._prepare(layout):
                missed += lanes
                continue
            self._number(layout, numbers)
            tracked = batch.is_video and numbers.transport_sequence_header != 0
            for at in range(0, len(lanes), self._max_slots):
                self._serve(lanes[at : at + self._max_slots], missed, tracked=tracked)
        return missed

    def _prepare(self, layout: Layout) -> bool:
        """Work out what depends on the batch alone; `False` when it does not fit."""
        size, tag = len(layout.data), layout.tag_length
        self._runs = []
        for first, last, segment_size in layout.runs:
            start, end = layout.rows[first].at, layout.rows[last - 1].at + layout.rows[last - 1].size + tag
            if last - first > 1 and segment_size > MAX_SEGMENT_BYTES[self._family]:
                return False
            _PUT_OPTION(self._options.view, len(self._runs) * _OPTION_BYTES, *segment_option(segment_size))
            self._runs.append(_Run(start, end, segment_size))
        self._max_slots = min(MAX_PEERS, SCRATCH_BYTES // size, MAX_MESSAGES // len(self._runs))
        if not self._max_slots:
            return False
        self._layout, self._size, self._slots = layout, size, []
        for n, row in enumerate(layout.rows):
            self._sizes[n] = row.size
        copy(self._template.pointer(0), pointer_to(layout.data), size)
        return True

    def _number(self, layout: Layout, numbers: StreamNumbers) -> None:
        """Write into the template all that is equal for a group."""
        view, is_video = self._template.view, self._is_video
        for row in layout.rows:
            write_header(view, row, numbers, 0, is_video=is_video)
        layout.renumber_pictures(view, numbers, 0, len(layout.rows))

    def _slot(self, n: int) -> _Slot:
        """Lay out the memory and the messages of the n-th peer of a call."""
        layout, base = self._layout, n * self._size
        assert layout is not None  # noqa: S101 - prepared before
        names_at = []
        for k, run in enumerate(self._runs):
            message = n * len(self._runs) + k
            start, size = self._memory.address + base + run.start, run.end - run.start
            _PUT_SLICE(self._slices.view, message * _SLICE_BYTES, start, size)
            option, option_bytes = self._options.address + k * _OPTION_BYTES, _OPTION_BYTES
            if size <= run.segment_size:
                option, option_bytes = 0, 0
            _PUT_MESSAGE(
                self._messages.view,
                message * _MESSAGE_BYTES,
                0,
                _NAME_BYTES[self._family],
                self._slices.address + message * _SLICE_BYTES,
                1,
                option,
                option_bytes,
                0,
                0,
            )
            names_at.append(message * _MESSAGE_BYTES)
        return _Slot(
            self._memory.pointer(base),
            [self._memory.pointer(base + row.at) for row in layout.rows],
            [base + row.at + _NUMBER_AT for row in layout.rows],
            names_at,
        )

    def _serve(self, lanes: list[Lane], missed: list[Lane], *, tracked: bool) -> None:
        """Protect the batch for each lane and send it to all, in one call if nothing is wrong."""
        layout, size, slots, view = self._layout, self._size, self._slots, self._memory.view
        assert layout is not None  # noqa: S101 - prepared before
        messages, template, lengths, sizes = (
            self._messages.view,
            self._template.pointer(0),
            self._lengths,
            self._sizes,
        )
        count = len(layout.rows)
        lengths_bytes, length_pointers = 4 * count, self._length_pointers[:count]
        now = self._clock()  # before it is sent: a later time would make the path look faster than it is
        served: list[Lane] = []
        for lane in lanes:
            link: Endpoint = lane.link
            address, outbound = link.ice.selected, link.dtls.outbound
            if (address is not lane.address or outbound is not lane.outbound) and not self._find(
                lane, address, outbound
            ):
                missed.append(lane)
                continue
            if len(served) == len(slots):
                slots.append(self._slot(len(served)))
            start, packets, numbers_at, names_at = slots[len(served)]
            copy(start, template, size)
            copy(lengths, sizes, lengths_bytes)
            link.bytes_sent += size
            if tracked:
                number = link.transport_sequence
                link.transport_sequence = number + count
                lane.history.sent(number, count, size, now)
                for at in numbers_at:
                    _PUT_NUMBER(view, at, number & 0xFFFF)
                    number += 1
            else:
                lane.history.sent_untracked(size)
            if any(map(protect, repeat(lane.session), packets, length_pointers)):
                self._send_what_can_be(lane, layout, packets, len(served) * size)
                continue
            for at in names_at:
                _PUT_NAME(messages, at, lane.name)
            served.append(lane)
        if served:
            self._transmit(served)

    def _find(self, lane: Lane, address: Address | None, outbound: Any) -> bool:
        """Take in where the peer is now and by what keys; `False` when it cannot be reached in this way."""
        lane.address = lane.outbound = lane.session = None
        if address is None or outbound is None or outbound.tag_length != lane.tag_length:
            return False
        if not self.serves(address):
            return False
        name = _name(self._family, address)
        lane.name_memory = PinnedBuffer(len(name))
        lane.name_memory.view[:] = name
        lane.name = lane.name_memory.address
        lane.address, lane.outbound, lane.session = address, outbound, outbound.srtp
        return True

    def _transmit(self, lanes: list[Lane]) -> None:
        """Hand the messages to the kernel; what it refuses, to the sender."""
        runs, done, sender = self._runs, 0, self._sender
        total = len(lanes) * len(runs)
        assert self._sendmmsg is not None  # noqa: S101 - there would be no lanes
        while done < total:
            if not sender.wants_write:
                took = self._sendmmsg(
                    self._descriptor, self._messages.address + done * _MESSAGE_BYTES, total - done, 0
                )
                if took > 0:
                    self._count(done, took)
                    done += took
                    continue
            lane, run = lanes[done // len(runs)], runs[done % len(runs)]
            base = done // len(runs) * self._size
            data = self._memory.view[base + run.start : base + run.end]
            sender.send_run(data, run.segment_size, lane.address, video=self._is_video)
            lane.address = None  # to be found anew: this peer may take no runs any more
            done += 1

    def _count(self, first: int, count: int) -> None:
        counters, runs = self._sender.counters, self._runs
        if len(runs) == 1:
            start, end, segment_size = runs[0]
            counters.sent += count * -(-(end - start) // segment_size)
            counters.sent_bytes += count * (end - start)
            return
        for n in range(first, first + count):
            start, end, segment_size = runs[n % len(runs)]
            counters.sent += -(-(end - start) // segment_size)
            counters.sent_bytes += end - start

    def _send_what_can_be(self, lane: Lane, layout: Layout, packets: list[Pointer], base: int) -> None:
        """Send a batch of which libsrtp has refused a packet: too old for its replay list, or the key is used up.

        Those before it are protected already, and none may go out unprotected.
        """
        refused = next(n for n, row in enumerate(layout.rows) if self._lengths[n] == row.size)
        for n, (row, pointer) in enumerate(zip(layout.rows, packets, strict=True)):
            if n == refused or (n > refused and protect(lane.session, pointer, self._length_pointers[n])):
                self.protect_failures += 1
                continue
            start, size = base + row.at, row.size + layout.tag_length
            data = self._memory.view[start : start + size]
            self._sender.send_run(data, size, lane.address, video=self._is_video)


def _name(family: int, address: Any) -> bytes:
    """Build the `struct sockaddr` of an address (ip(7), ipv6(7))."""
    host = socket.inet_pton(family, address[0])
    head = struct.pack("=H", family) + struct.pack("!H", address[1])
    if family == socket.AF_INET:
        return head + struct.pack("4s8x", host)
    return head + struct.pack("!I16s", address[2], host) + struct.pack("=I", address[3])
