"""One batch to many peers: copied, numbered and protected for each, and sent to up to sixteen in one call.

What is equal for a group of consumers is written once into a template. What is left for each is to copy it, to
write the transport-wide numbers, and SRTP. `sendmmsg` takes the messages of several peers, each a run of packets
for `UDP_SEGMENT` (see `udp_socket`); what it refuses goes to `UdpSender`, which queues, or sends singly.
"""

import socket
from collections.abc import Callable
from itertools import repeat
from typing import TYPE_CHECKING, NamedTuple

from sfu.net.address import Address
from sfu.net.message_vector import MAX_MESSAGES, MessageVector
from sfu.net.packet_writer import write_header
from sfu.net.srtp import OutboundSrtp, PinnedBuffer, Pointer, copy, new_lengths, pointer_to, protect
from sfu.net.tcp_connection import TcpConnection
from sfu.net.udp_socket import MAX_SEGMENT_BYTES, UdpSender
from sfu.net.way import Way
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

SINGLE_BYTES = 4096
"""Room for a packet that is a batch by itself: its place in the scratch memory is always the same."""

_NUMBER_AT = TRANSPORT_SEQUENCE_AT + 1


class _Slot(NamedTuple):
    """One peer's part of the scratch memory and of the call's messages."""

    start: Pointer
    packets: list[Pointer]
    numbers_at: list[int]
    messages: range


class _Run(NamedTuple):
    """A run of the layout: bytes `start` up to `end` (exclusive) of a slot."""

    start: int
    end: int
    segment_size: int


class FanOut:
    """Sends batches to all lanes of a view. `protect_failures` counts packets that libsrtp has refused."""

    def __init__(self, sock: socket.socket, sender: UdpSender, clock: Callable[[], float]) -> None:
        self.protect_failures = 0
        self._runs_vector = MessageVector(sock)
        self._singles_vector = MessageVector(sock, MAX_PEERS)
        self._vector = self._runs_vector
        self._family = sock.family
        self._sender = sender
        self._clock = clock
        self._memory = PinnedBuffer(SCRATCH_BYTES)
        self._template = PinnedBuffer(SCRATCH_BYTES)
        self._template_start = self._template.pointer(0)
        self._lengths = new_lengths(MAX_BATCH_PACKETS)
        self._sizes = new_lengths(MAX_BATCH_PACKETS)
        self._length_pointers = [self._lengths + n for n in range(MAX_BATCH_PACKETS)]
        self._singles = [
            _Slot(self._memory.pointer(at), [self._memory.pointer(at)], [at + _NUMBER_AT], range(n, n + 1))
            for n, at in enumerate(range(0, MAX_PEERS * SINGLE_BYTES, SINGLE_BYTES))
        ]
        self._single_sizes = [0] * MAX_PEERS
        for n in range(MAX_PEERS):
            self._singles_vector.lay(n, self._memory.address + n * SINGLE_BYTES, 0, 0)
        self._layout: Layout | None = None
        self._is_video = False
        self._now = 0.0
        self._runs: list[_Run] = []
        self._slots: list[_Slot] = []
        self._slot_bytes = 0
        self._max_slots = 0
        self._served: list[Lane] = []
        self._refused: list[Endpoint] = []

    def find_way(self, address: Address | None, outbound: OutboundSrtp | None) -> Way | None:
        """Return the way to an address by these keys.

        `None` if lanes cannot take it: the system knows no `sendmmsg` or no `UDP_SEGMENT`, the peer is reached by
        TCP, or the kernel has refused runs to it.
        """
        if address is None or outbound is None or isinstance(address, TcpConnection):
            return None
        if not self._vector.available or not self._sender.takes_runs(address):
            return None
        return Way(self._family, address, outbound)

    def send(self, batch: MappedBatch, groups: LaneGroups) -> list[Lane]:
        """Send a batch by all lanes; returns those that it could not be sent by: each has to be looked at."""
        missed: list[Lane] = []
        self._served.clear()  # of a batch that a fault has cut short
        self._now = self._clock()  # before it is sent: a later time would make the path look faster than it is
        self._is_video = batch.is_video
        for (tag_length, numbers), lanes in groups.items():
            layout = batch.layout(tag_length)
            if layout is not self._layout:
                self._flush()
                if not self._prepare(layout):
                    missed += lanes
                    continue
            self._number(layout, numbers)
            tracked = batch.is_video and numbers.transport_sequence_header != 0
            if len(layout.rows) == 1:
                self._serve_single(layout, lanes, missed, tracked=tracked)
            else:
                self._serve(layout, lanes, missed, tracked=tracked)
        self._flush()
        return missed

    def _prepare(self, layout: Layout) -> bool:
        """Work out what depends on the batch alone; `False` when it does not fit."""
        size, tag, count = len(layout.data), layout.tag_length, len(layout.rows)
        if count > MAX_BATCH_PACKETS or size > (SINGLE_BYTES if count == 1 else SCRATCH_BYTES):
            return False
        copy(self._template_start, pointer_to(layout.data), size)
        if count == 1:
            self._vector, self._slots, self._slot_bytes = self._singles_vector, self._singles, SINGLE_BYTES
            self._runs = [_Run(0, size, size)]
            self._layout = layout
            return True
        self._layout = None
        self._runs = []
        for first, last, segment_size in layout.runs:
            start, end = layout.rows[first].at, layout.rows[last - 1].at + layout.rows[last - 1].size + tag
            if last - first > 1 and segment_size > MAX_SEGMENT_BYTES[self._family]:
                return False
            self._runs.append(_Run(start, end, segment_size))
        self._vector, self._slots, self._slot_bytes = self._runs_vector, [], size
        self._max_slots = min(MAX_PEERS, SCRATCH_BYTES // size, MAX_MESSAGES // len(self._runs))
        for n, row in enumerate(layout.rows):
            self._sizes[n] = row.size
        self._layout = layout
        return True

    def _number(self, layout: Layout, numbers: StreamNumbers) -> None:
        """Write into the template all that is equal for a group."""
        view, is_video = self._template.view, self._is_video
        for row in layout.rows:
            write_header(view, row, numbers, 0, is_video=is_video)
        layout.renumber_pictures(view, numbers, 0, len(layout.rows))

    def _lay_slot(self, layout: Layout, n: int) -> None:
        """Lay out the memory and the messages of the n-th peer of a call."""
        base, first = n * self._slot_bytes, n * len(self._runs)
        for k, (start, end, segment_size) in enumerate(self._runs, first):
            segmented = segment_size if end - start > segment_size else 0
            self._vector.lay(k, self._memory.address + base + start, end - start, segmented)
        pointer, rows = self._memory.pointer, layout.rows
        self._slots.append(
            _Slot(
                pointer(base),
                [pointer(base + row.at) for row in rows],
                [base + row.at + _NUMBER_AT for row in rows],
                range(first, first + len(self._runs)),
            )
        )

    def _serve(self, layout: Layout, lanes: list[Lane], missed: list[Lane], *, tracked: bool) -> None:
        """Protect the batch for each lane; send it when a call is full."""
        slots, served, max_slots = self._slots, self._served, self._max_slots
        view, template, lengths, sizes = self._memory.view, self._template_start, self._lengths, self._sizes
        put_number, set_name, now = self._vector.put_number, self._vector.set_name, self._now
        count, size, tag_length = len(layout.rows), len(layout.data), layout.tag_length
        lengths_bytes, length_pointers = 4 * count, self._length_pointers[:count]
        untracked = (0, 0, size, now, 0)
        for lane in lanes:
            link: Endpoint = lane.link
            way = link.way
            if way is None or way.tag_length != tag_length:
                missed.append(lane)
                continue
            if len(served) == max_slots:
                self._flush()
            if len(served) == len(slots):
                self._lay_slot(layout, len(served))
            start, packets, numbers_at, messages = slots[len(served)]
            copy(start, template, size)
            copy(lengths, sizes, lengths_bytes)
            if tracked:
                number = link.transport_sequence
                link.transport_sequence = end = number + count
                lane.log.append((number, end, size, now, 0))
                for at in numbers_at:
                    put_number(view, at, number & 0xFFFF)
                    number += 1
            else:
                lane.log.append(untracked)
            if any(map(protect, repeat(way.session), packets, length_pointers)):
                link.bytes_sent += self._send_what_can_be(way, layout, packets, len(served) * self._slot_bytes)
                continue
            link.bytes_sent += size
            for n in messages:
                set_name(n, way.name)
            served.append(lane)

    def _serve_single(self, layout: Layout, lanes: list[Lane], missed: list[Lane], *, tracked: bool) -> None:
        """Do the same with a batch of one packet, as audio and small pictures are: with less to go through."""
        slots, served = self._slots, self._served
        view, template, length, plain = self._memory.view, self._template_start, self._lengths, layout.rows[0].size
        put_number, set_name, now = self._vector.put_number, self._vector.set_name, self._now
        size, tag_length, sizes = len(layout.data), layout.tag_length, self._single_sizes
        untracked = (0, 0, size, now, 0)
        for lane in lanes:
            link: Endpoint = lane.link
            way = link.way
            if way is None or way.tag_length != tag_length:
                missed.append(lane)
                continue
            n = len(served)
            if n == MAX_PEERS:
                self._flush()
                n = 0
            start, _, numbers_at, _ = slots[n]
            copy(start, template, plain)
            if tracked:
                number = link.transport_sequence
                link.transport_sequence = number + 1
                lane.log.append((number, number + 1, size, now, 0))
                put_number(view, numbers_at[0], number & 0xFFFF)
            else:
                lane.log.append(untracked)
            length[0] = plain
            if protect(way.session, start, length):
                self.protect_failures += 1
                continue
            link.bytes_sent += size
            if sizes[n] != size:
                sizes[n] = size
                self._vector.set_size(n, size)
            set_name(n, way.name)
            served.append(lane)

    def _flush(self) -> None:
        """Hand the messages to the kernel; what it refuses, to the sender."""
        served = self._served
        if not served:
            return
        runs, done, sender = self._runs, 0, self._sender
        total = len(served) * len(runs)
        while done < total:
            took = 0 if sender.wants_write else self._vector.send(done, total - done)
            self._count(done, took)
            done += took
            if done < total:
                self._send_apart(served[done // len(runs)], done // len(runs), runs[done % len(runs)])
                done += 1
        served.clear()
        while self._refused:  # not before: the messages point into the ways, and each may have more than one
            self._refused.pop().find_way()

    def _send_apart(self, lane: Lane, slot: int, run: _Run) -> None:
        """Send a run that the kernel has not taken: in another form, or later."""
        way, base = lane.link.way, slot * self._slot_bytes
        data = self._memory.view[base + run.start : base + run.end]
        self._sender.send_run(data, run.segment_size, way.address, video=self._is_video)
        if not self._sender.takes_runs(way.address):
            self._refused.append(lane.link)

    def _count(self, first: int, count: int) -> None:
        counters, runs = self._sender.counters, self._runs
        for n in range(first, first + count) if len(runs) > 1 else ():
            start, end, segment_size = runs[n % len(runs)]
            counters.sent += -(-(end - start) // segment_size)
            counters.sent_bytes += end - start
        if len(runs) == 1:
            start, end, segment_size = runs[0]
            counters.sent += count * -(-(end - start) // segment_size)
            counters.sent_bytes += count * (end - start)

    def _send_what_can_be(self, way: Way, layout: Layout, packets: list[Pointer], base: int) -> int:
        """Send a batch of which libsrtp has refused a packet: too old for its replay list, or the key is used up.

        Those before it are protected already, and none may go out unprotected. Returns the bytes sent.
        """
        sent = 0
        refused = next(n for n, row in enumerate(layout.rows) if self._lengths[n] == row.size)
        for n, (row, pointer) in enumerate(zip(layout.rows, packets, strict=True)):
            if n == refused or (n > refused and protect(way.session, pointer, self._length_pointers[n])):
                self.protect_failures += 1
                continue
            start, size = base + row.at, row.size + layout.tag_length
            data = self._memory.view[start : start + size]
            self._sender.send_run(data, size, way.address, video=self._is_video)
            sent += size
        return sent
