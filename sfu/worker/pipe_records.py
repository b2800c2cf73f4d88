"""What two workers say to each other about the producers of the one that have consumers on the other.

A record is one message of the socket between them. It begins with its kind and the number of the pipe, which the
control process has given:

    MEDIA    what came in since the last one: packets and what belongs between them, in order
    STATE    to the consumers' side: is the producer paused, how well its streams come in
    DEMAND   to the producer's side: are packets wanted, up to which layer
    KEY      to the producer's side: a key frame of one stream is wanted

Both ends are of one build and on one machine: the format has no version. It is read with care all the same, so
that a bug in one worker does not bring down another.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from sfu.rtp.packet import RtpHeader

MEDIA, STATE, DEMAND, KEY = range(1, 5)

MAX_RECORD_BYTES = 64 << 10
"""Room for one record: a frame of forty packets. What is more goes into another."""

_HEAD = struct.Struct("!BI")
_PACKET = struct.Struct("!BBBBIIQHHH")
_INTERRUPTION = struct.Struct("!BBBI")
_REPORT = struct.Struct("!BBQId")
_DEMAND = struct.Struct("!Bh")
_KEY = struct.Struct("!I")
_SCORE = struct.Struct("!BB")
_AN_INTERRUPTION, _A_REPORT, _A_PACKET = range(1, 4)
_MARKER, _KEY_FRAME = 1, 2
_NOTHING = -1
_NO_REPORT = -1.0

MAX_HEAD_BYTES = _PACKET.size
"""What an entry of `MEDIA` takes besides the packet's header extension and payload."""

SenderClock = tuple[int, int, float]
"""A sender report: NTP time, RTP timestamp, and when it came, by the clock that all processes share."""


class PipedPacket(NamedTuple):
    """A packet of one encoding. `header` tells where it lies in the record, `number` is unwrapped."""

    encoding: int
    header: RtpHeader
    number: int
    is_key_frame: bool


class Interruption(NamedTuple):
    """Consumers begin anew with a stream, whose source has begun `restarts` times anew so far."""

    encoding: int
    left_out: bool
    restarts: int


class Report(NamedTuple):
    """The clock that a stream's publisher has told; `None` when what it told holds no more."""

    encoding: int
    clock: SenderClock | None


class State(NamedTuple):
    """How a producer is: `scores` by the place of its encodings."""

    paused: bool
    scores: dict[int, int]


class Demand(NamedTuple):
    """What is wanted of a producer: anything at all, and up to which spatial layer, if any."""

    flowing: bool
    spatial: int | None


Entry = PipedPacket | Interruption | Report


def read_head(record: memoryview) -> tuple[int, int]:
    """Return the kind of a record and the number of its pipe.

    Raises:
        ValueError: the record is too short.
    """
    if len(record) < _HEAD.size:
        raise ValueError(f"a record of {len(record)} bytes")
    kind, pipe = _HEAD.unpack_from(record)
    return kind, pipe


# --- MEDIA ---


def begin_media(pipe: int) -> bytearray:
    """Begin a record to which entries are added."""
    return bytearray(_HEAD.pack(MEDIA, pipe))


def add_packet(
    record: bytearray,
    index: int,
    ssrc: int,
    packet: memoryview,
    header: RtpHeader,
    number: int,
    *,
    is_key_frame: bool,
) -> None:
    """Add a packet, without its contributing sources and padding; `ssrc` is the media's, as if it came so."""
    record += _PACKET.pack(
        _A_PACKET,
        (_MARKER if header.marker else 0) | (_KEY_FRAME if is_key_frame else 0),
        header.payload_type,
        index,
        ssrc,
        header.timestamp,
        number,
        header.extension_profile,
        header.extension_end - header.extension_start,
        header.payload_end - header.payload_start,
    )
    record += packet[header.extension_start : header.extension_end]
    record += packet[header.payload_start : header.payload_end]


def add_interruption(record: bytearray, interruption: Interruption) -> None:
    """Add that consumers begin anew with a stream."""
    record += _INTERRUPTION.pack(
        _AN_INTERRUPTION, interruption.encoding, interruption.left_out, interruption.restarts
    )


def add_report(record: bytearray, report: Report) -> None:
    """Add what the publisher's clock says."""
    record += _REPORT.pack(_A_REPORT, report.encoding, *(report.clock or (0, 0, _NO_REPORT)))


def read_media(record: memoryview) -> Iterator[Entry]:
    """Iterate over the entries of a record.

    Raises:
        ValueError: what follows is no entry.
    """
    at, end = _HEAD.size, len(record)
    while at < end:
        kind = record[at]
        try:
            if kind == _A_PACKET:
                piped, at = _read_packet(record, at)
                yield piped
            elif kind == _A_REPORT:
                _, index, ntp, timestamp, arrival = _REPORT.unpack_from(record, at)
                at += _REPORT.size
                yield Report(index, (ntp, timestamp, arrival) if arrival != _NO_REPORT else None)
            elif kind == _AN_INTERRUPTION:
                _, index, left_out, restarts = _INTERRUPTION.unpack_from(record, at)
                at += _INTERRUPTION.size
                yield Interruption(index, bool(left_out), restarts)
            else:
                raise ValueError(f"an entry of kind {kind}")
        except struct.error:
            raise ValueError(f"a record of {end} bytes ends within an entry") from None


def _read_packet(record: memoryview, at: int) -> tuple[PipedPacket, int]:
    _, flags, payload_type, index, ssrc, timestamp, number, profile, extension, payload = _PACKET.unpack_from(
        record, at
    )
    start = at + _PACKET.size
    payload_start = start + extension
    payload_end = payload_start + payload
    if payload_end > len(record):
        raise ValueError(f"a record of {len(record)} bytes has a packet up to byte {payload_end}")
    header = RtpHeader(
        bool(flags & _MARKER),
        payload_type,
        number & 0xFFFF,
        timestamp,
        ssrc,
        0,
        profile,
        start,
        payload_start,
        payload_start,
        payload_end,
        0,
    )
    return PipedPacket(index, header, number, bool(flags & _KEY_FRAME)), payload_end


# --- the others ---


def write_state(pipe: int, state: State) -> bytes:
    """Write a `STATE`."""
    scores = b"".join(_SCORE.pack(index, score) for index, score in state.scores.items())
    return _HEAD.pack(STATE, pipe) + bytes([state.paused]) + scores


def read_state(record: memoryview) -> State:
    """Read a `STATE`.

    Raises:
        ValueError: it is none.
    """
    body = record[_HEAD.size :]
    if len(body) % _SCORE.size != 1:
        raise ValueError(f"a state of {len(body)} bytes")
    return State(bool(body[0]), dict(_SCORE.iter_unpack(body[1:])))


def write_demand(pipe: int, demand: Demand) -> bytes:
    """Write a `DEMAND`."""
    spatial = _NOTHING if demand.spatial is None else demand.spatial
    return _HEAD.pack(DEMAND, pipe) + _DEMAND.pack(demand.flowing, spatial)


def read_demand(record: memoryview) -> Demand:
    """Read a `DEMAND`.

    Raises:
        ValueError: it is none.
    """
    flowing, spatial = _unpack(_DEMAND, record)
    return Demand(bool(flowing), None if spatial < 0 else spatial)


def write_key_frame_request(pipe: int, ssrc: int) -> bytes:
    """Write a `KEY`."""
    return _HEAD.pack(KEY, pipe) + _KEY.pack(ssrc)


def read_key_frame_request(record: memoryview) -> int:
    """Read the SSRC of a `KEY`.

    Raises:
        ValueError: it is none.
    """
    ssrc: int = _unpack(_KEY, record)[0]
    return ssrc


def _unpack(layout: struct.Struct, record: memoryview) -> tuple[int, ...]:
    if len(record) != _HEAD.size + layout.size:
        raise ValueError(f"a record of {len(record)} bytes")
    return layout.unpack_from(record, _HEAD.size)
