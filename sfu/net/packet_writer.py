"""A batch of packets to one consumer, copied, numbered, protected and sent. To many at once: see `fan_out`."""

import struct
from typing import NamedTuple

from sfu.net.address import Address
from sfu.net.srtp import OutboundSrtp, PinnedBuffer, Pointer, copy, new_length, pointer_to, protect
from sfu.net.udp_socket import UdpSender
from sfu.rtp.mapped_batch import MAX_BATCH_PACKETS, Layout, MappedBatch, Row, StreamNumbers

_MAX_MAPPED_PACKET_BYTES = 2048 + 64
"""Largest packet that is received, and what mapping its header extension may add."""

_MAX_TAG_BYTES = 16
_EXTENSION_PROFILE = 0xBEDE

_write_audio = struct.Struct("!HHLLHH5s").pack_into
_write_video = struct.Struct("!HHLLHH5sBH").pack_into
"""All that differs between consumers in one call: fixed header, extension header, MID, transport-wide number."""


def write_header(
    view: memoryview, row: Row, numbers: StreamNumbers, transport_sequence: int, *, is_video: bool
) -> None:
    """Write all that differs between consumers into the header of a packet laid out in `view`."""
    at, _, first_word, sequence_number, timestamp, words = row
    sequence_number = (sequence_number + numbers.sequence_offset) & 0xFFFF
    timestamp = (timestamp + numbers.timestamp_offset) & 0xFFFFFFFF
    ssrc, mid = numbers.ssrc, numbers.mid_element
    if is_video:
        transport_header = numbers.transport_sequence_header
        number = transport_sequence & 0xFFFF if transport_header else 0
        _write_video(
            view,
            at,
            first_word,
            sequence_number,
            timestamp,
            ssrc,
            _EXTENSION_PROFILE,
            words,
            mid,
            transport_header,
            number,
        )
    else:
        _write_audio(view, at, first_word, sequence_number, timestamp, ssrc, _EXTENSION_PROFILE, words, mid)


class _Span(NamedTuple):
    first: int
    last: int
    segment_size: int
    view: memoryview


class PacketWriter:
    """Writes batches to consumers through one scratch buffer; one for each worker.

    The consumers of a batch are served one after another, so what depends on the batch alone (offsets, pointers,
    views) is worked out when it comes first and kept until the next batch.
    """

    def __init__(self, sender: UdpSender) -> None:
        self._sender = sender
        self._scratch = PinnedBuffer(MAX_BATCH_PACKETS * (_MAX_MAPPED_PACKET_BYTES + _MAX_TAG_BYTES))
        self._start = self._scratch.pointer(0)
        self._length = new_length()
        self._layout: Layout | None = None
        self._source: Pointer = None
        self._size = 0
        self._rows: list[tuple[Pointer, Row]] = []
        self._spans: list[_Span] = []
        self.protect_failures = 0

    def write(
        self,
        batch: MappedBatch,
        numbers: StreamNumbers,
        transport_sequence: int,
        srtp: OutboundSrtp,
        address: Address,
        first: int = 0,
        last: int | None = None,
    ) -> int:
        """Send packets `first` up to `last` (exclusive; all by default) of `batch`; the bytes sent, tags included.

        `transport_sequence` is the transport-wide number of the first of them; the caller counts on. A packet that
        libsrtp refuses is left out and counted.
        """
        layout = batch.layout(srtp.tag_length)
        if layout is not self._layout:
            self._prepare(layout)
        video = batch.is_video
        if not first and last is None:
            copy(self._start, self._source, self._size)
            if numbers.picture_id_offset or numbers.tl0_offset:
                layout.renumber_pictures(self._scratch.view, numbers, 0, len(self._rows))
            done = self._protect(self._rows, numbers, transport_sequence, srtp, video=video)
            if done == len(self._rows):
                for _, _, segment_size, view in self._spans:
                    self._sender.send_run(view, segment_size, address, video=video)
                return self._size
            # The packets before the one that failed are protected already; none may go out twice.
            sent = self._send(0, done, address, video=video)
            first = done + 1
            transport_sequence += first
        else:
            sent = 0
        stop = len(self._rows) if last is None else last
        while first < stop:
            done = first + self._write_part(first, stop, numbers, transport_sequence, srtp, video=video)
            sent += self._send(first, done, address, video=video)
            transport_sequence += done + 1 - first
            first = done + 1
        return sent

    def _write_part(
        self,
        first: int,
        last: int,
        numbers: StreamNumbers,
        transport_sequence: int,
        srtp: OutboundSrtp,
        *,
        video: bool,
    ) -> int:
        """Make rows `first` up to `last` ready for sending; how many of them, up to the first that failed."""
        layout, rows = self._layout, self._rows[first:last]
        assert layout is not None  # noqa: S101 - prepared by the caller
        start, end = rows[0][1].at, rows[-1][1].at + rows[-1][1].size
        self._scratch.view[start:end] = layout.data[start:end]
        if numbers.picture_id_offset or numbers.tl0_offset:
            layout.renumber_pictures(self._scratch.view, numbers, first, last)
        return self._protect(rows, numbers, transport_sequence, srtp, video=video)

    def _protect(
        self,
        rows: list[tuple[Pointer, Row]],
        numbers: StreamNumbers,
        transport_sequence: int,
        srtp: OutboundSrtp,
        *,
        video: bool,
    ) -> int:
        """Number and protect rows where they lie; how many, up to the first that libsrtp refuses."""
        view, length, session = self._scratch.view, self._length, srtp.srtp
        for done, (pointer, row) in enumerate(rows):
            write_header(view, row, numbers, transport_sequence + done, is_video=video)
            length[0] = row.size
            if protect(session, pointer, length):
                # Too old for the replay list, or the key is used up: nothing unprotected may leave.
                self.protect_failures += 1
                return done
        return len(rows)

    def _prepare(self, layout: Layout) -> None:
        if len(layout.data) > len(self._scratch.view):
            raise ValueError(f"a batch of {len(layout.data)} bytes")
        self._layout = layout
        self._source, self._size = pointer_to(layout.data), len(layout.data)
        pointer, tag = self._scratch.pointer, layout.tag_length
        self._rows = [(pointer(row.at), row) for row in layout.rows]
        self._spans = []
        for first, last, segment_size in layout.runs:
            start, end = layout.rows[first].at, layout.rows[last - 1].at + layout.rows[last - 1].size + tag
            self._spans.append(_Span(first, last, segment_size, self._scratch.view[start:end]))

    def _send(self, first: int, last: int, address: Address, *, video: bool) -> int:
        """Send the part of each run that lies between rows `first` and `last` (exclusive); the bytes sent."""
        layout, sent = self._layout, 0
        assert layout is not None  # noqa: S101 - prepared before
        for span in self._spans:
            low, high = max(first, span.first), min(last, span.last)
            if low < high:
                start = layout.rows[low].at
                end = layout.rows[high - 1].at + layout.rows[high - 1].size + layout.tag_length
                self._sender.send_run(self._scratch.view[start:end], span.segment_size, address, video=video)
                sent += end - start
        return sent
