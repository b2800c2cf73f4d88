"""SRTP in place (RFC 3711, RFC 7714): packets are protected and unprotected where they lie, with no copy.

pylibsrtp's own `Session.protect` copies each packet twice and costs twice as much as the cipher; its sessions are
kept, and libsrtp is called on memory that is allocated once. Nothing else in the project touches libsrtp.
"""

import contextlib
import struct
from typing import Any

from pylibsrtp import Error as SrtpError
from pylibsrtp import Session
from pylibsrtp._binding import ffi, lib

AEAD_AES_128_GCM = "SRTP_AEAD_AES_128_GCM"
AES128_CM_SHA1_80 = "SRTP_AES128_CM_SHA1_80"

TAG_LENGTHS = {AEAD_AES_128_GCM: 16, AES128_CM_SHA1_80: 10}
"""Bytes that protection adds to an RTP packet, by profile."""

SRTCP_TRAILER_BYTES = 4 + 16
"""Most that protection adds to an RTCP packet: the index word and the longest tag."""

MAX_RTCP_BYTES = 1400
"""Largest RTCP packet before protection, so that it still fits a path's MTU after it."""

MAX_STREAMS = 512
"""SSRCs of one peer that libsrtp keeps the state of; it never frees one by itself. A peer that publishes camera,
screen and microphone with simulcast and RTX needs about twenty; those it has used longest ago are given up."""

_ssrc_of = struct.Struct("4s").unpack_from
_SSRC_AT = 8
_SSRC_OF_RTCP_AT = 4

Pointer = Any
"""A cffi pointer into a `PinnedBuffer`."""

protect = lib.srtp_protect
copy = ffi.memmove
pointer_to = ffi.from_buffer
"""Point at the bytes of a Python buffer, which stays as it is until the pointer is gone."""


def new_length() -> Any:
    """Make the in-and-out length argument that `protect` takes."""
    return ffi.new("int *")


def new_lengths(count: int) -> Any:
    """Make an array of such arguments; adding n to it points at the n-th."""
    return ffi.new("int[]", count)


class PinnedBuffer:
    """Memory that never moves: `view` for Python, `pointer` for libsrtp, `address` of byte 0 for system calls."""

    __slots__ = ("_memory", "address", "view")

    def __init__(self, size: int) -> None:
        self._memory = ffi.new("char[]", size)
        self.address = int(ffi.cast("uintptr_t", self._memory))
        self.view = memoryview(ffi.buffer(self._memory)).cast("B")

    def pointer(self, at: int) -> Pointer:
        """Point at byte `at`; valid as long as this buffer lives."""
        return self._memory + at


class InboundSrtp:
    """The keys of what one peer sends to us."""

    __slots__ = ("_length", "_older", "_recent", "_session", "_srtp")

    def __init__(self, session: Session) -> None:
        self._session = session  # owns the C object behind _srtp
        self._srtp = session._srtp[0]
        self._length = ffi.new("int *")
        # Each SSRC is in one of the two at least; when one half is full the other's that were not used since go.
        self._recent: set[bytes] = set()
        self._older: set[bytes] = set()

    def unprotect_rtp(self, packet: memoryview, pointer: Pointer, length: int) -> int:
        """Verify and decrypt the RTP packet at `pointer` in place; `packet` is a view of the same bytes.

        Returns the new length in bytes, or 0 when it is a forgery or a replay.
        """
        size = self._length
        size[0] = length
        if lib.srtp_unprotect(self._srtp, pointer, size):
            return 0
        (ssrc,) = _ssrc_of(packet, _SSRC_AT)
        if ssrc not in self._recent:
            self._admit(ssrc)
        return size[0]  # type: ignore[no-any-return]  # an int, says cffi

    def unprotect_rtcp(self, packet: memoryview, pointer: Pointer, length: int) -> int:
        """Verify and decrypt the RTCP packet at `pointer` in place; result as for `unprotect_rtp`."""
        size = self._length
        size[0] = length
        if lib.srtp_unprotect_rtcp(self._srtp, pointer, size):
            return 0
        (ssrc,) = _ssrc_of(packet, _SSRC_OF_RTCP_AT)
        if ssrc not in self._recent:
            self._admit(ssrc)
        return size[0]  # type: ignore[no-any-return]  # an int, says cffi

    def knows(self, ssrc: bytes) -> bool:
        """Tell whether authentic packets of this SSRC have come."""
        return ssrc in self._recent or ssrc in self._older

    def _admit(self, ssrc: bytes) -> None:
        if len(self._recent) == MAX_STREAMS // 2:
            for unused in self._older - self._recent:
                self._session.remove_stream(int.from_bytes(unused, "big"))
            self._older, self._recent = self._recent, set()
        self._recent.add(ssrc)


class OutboundSrtp:
    """The keys of what we send to one peer. `srtp` is the C session that `protect` takes."""

    __slots__ = ("_length", "_scratch", "_session", "srtp", "tag_length")

    def __init__(self, session: Session, profile: str) -> None:
        self._session = session
        self.srtp = session._srtp[0]
        self.tag_length = TAG_LENGTHS[profile]
        self._length = ffi.new("int *")
        self._scratch = PinnedBuffer(MAX_RTCP_BYTES + SRTCP_TRAILER_BYTES)

    def forget(self, ssrc: int) -> None:
        """Free the state of a stream that is not sent any more; unknown ones do no harm."""
        with contextlib.suppress(SrtpError):
            self._session.remove_stream(ssrc)

    def protect_rtcp(self, packet: bytes) -> memoryview | None:
        """Return the protected form of an RTCP packet of at most `MAX_RTCP_BYTES`, valid until the next call.

        `None` means that the key is used up or the packet malformed; it is not to be sent then.
        """
        scratch = self._scratch
        scratch.view[: len(packet)] = packet
        self._length[0] = len(packet)
        if lib.srtp_protect_rtcp(self.srtp, scratch.pointer(0), self._length):
            return None
        return scratch.view[: self._length[0]]


__all__ = [
    "AEAD_AES_128_GCM",
    "AES128_CM_SHA1_80",
    "MAX_RTCP_BYTES",
    "InboundSrtp",
    "OutboundSrtp",
    "PinnedBuffer",
    "Pointer",
    "copy",
    "new_length",
    "new_lengths",
    "pointer_to",
    "protect",
]
