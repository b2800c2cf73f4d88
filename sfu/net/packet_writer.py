"""The innermost loop: a batch of packets to one consumer, copied, numbered, protected and sent."""

import struct
from typing import NamedTuple

from sfu.net.address import Address
from sfu.net.srtp import OutboundSrtp, PinnedBuffer, Pointer, copy, new_length, protect
from sfu.net.udp_socket import UdpSender
from sfu.rtp.mapped_batch import MAX_BATCH_PACKETS, Layout, MappedBatch, StreamNumbers

_MAX_MAPPED_PACKET_BYTES = 2048 + 64
"""Largest packet that is received, and what mapping its header extension may add."""

_MAX_TAG_BYTES = 16
_EXTENSION_PROFILE = 0xBEDE

_write_audio = struct.Struct("!HHLLHH5s").pack_into
_write_video = struct.Struct("!HHLLHH5sBH").pack_into
"""All that differs between consumers in one call: fixed header, extension header, MID, transport-wide number."""

_Row = tuple[Pointer, int, int, int, int, int, int]
"""Where the packet lies (pointer, offset), its size, first word, sequence number, timestamp, extension words."""


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
        self._length = new_length()
        self._layout: Layout | None = None
        self._rows: list[_Row] = []
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
    ) -> bool:
        """Send packets `first` up to `last` (exclusive; all by default) of `batch`; `False` if none was sent.

        `transport_sequence` is the transport-wide number of the first of them; the caller counts on.
        """
        layout = batch.layout(srtp.tag_length)
        if layout is not self._layout:
            self._prepare(layout)
        if first == 0 and last is None:
            copy(self._scratch.pointer(0), layout.data, len(layout.data))
            rows, spans = self._rows, self._spans
        else:
            rows = self._rows[first:last]
            spans = self._clipped_spans(first, first + len(rows))
            start, end = rows[0][1], rows[-1][1] + rows[-1][2]
            self._scratch.view[start:end] = layout.data[start:end]
        if not self._number_and_protect(rows, numbers, transport_sequence, srtp, is_video=batch.is_video):
            return False
        send_run, is_video = self._sender.send_run, batch.is_video
        for _, _, segment_size, view in spans:
            send_run(view, segment_size, address, video=is_video)
        return True

    def _number_and_protect(
        self,
        rows: list[_Row],
        numbers: StreamNumbers,
        transport_sequence: int,
        srtp: OutboundSrtp,
        *,
        is_video: bool,
    ) -> bool:
        view, length, session = self._scratch.view, self._length, srtp.srtp
        ssrc, sequence_offset, timestamp_offset, mid, transport_sequence_header = numbers
        step = 1 if transport_sequence_header else 0
        number = transport_sequence if step else 0
        for pointer, at, size, first_word, sequence_number, timestamp, words in rows:
            sequence_number = (sequence_number + sequence_offset) & 0xFFFF
            timestamp = (timestamp + timestamp_offset) & 0xFFFFFFFF
            if is_video:
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
                    transport_sequence_header,
                    number & 0xFFFF,
                )
                number += step
            else:
                _write_audio(
                    view, at, first_word, sequence_number, timestamp, ssrc, _EXTENSION_PROFILE, words, mid
                )
            length[0] = size
            if protect(session, pointer, length):
                # Too old for the replay list, or the key is used up: nothing unprotected may leave.
                self.protect_failures += 1
                return False
        return True

    def _prepare(self, layout: Layout) -> None:
        self._layout = layout
        pointer, tag = self._scratch.pointer, layout.tag_length
        self._rows = [(pointer(row.at), *row) for row in layout.rows]
        self._spans = []
        for first, last, segment_size in layout.runs:
            start, end = layout.rows[first].at, layout.rows[last - 1].at + layout.rows[last - 1].size + tag
            self._spans.append(_Span(first, last, segment_size, self._scratch.view[start:end]))

    def _clipped_spans(self, first: int, last: int) -> list[_Span]:
        layout = self._layout
        assert layout is not None  # noqa: S101 - prepared just before
        clipped = []
        for span in self._spans:
            low, high = max(first, span.first), min(last, span.last)
            if low < high:
                start = layout.rows[low].at
                end = layout.rows[high - 1].at + layout.rows[high - 1].size + layout.tag_length
                clipped.append(_Span(low, high, span.segment_size, self._scratch.view[start:end]))
        return clipped
