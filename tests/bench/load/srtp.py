"""SRTP by libsrtp, in place on preallocated memory."""

from pylibsrtp import Policy, Session
from pylibsrtp._binding import ffi, lib

from tests.bench.servers.base import Profile

PROFILES: dict[Profile, int] = {
    "gcm": Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    "cm": Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
}
SCRATCH = bytearray(2048)
"""Where packets are protected: write one, protect, send `SCRATCH_VIEW[:length]`."""
SCRATCH_VIEW = memoryview(SCRATCH)

_scratch = ffi.from_buffer(SCRATCH)
_length = ffi.new("int *")


class Srtp:
    """Both directions of one transport."""

    def __init__(self, profile: Profile, send: bytes, receive: bytes) -> None:
        outbound = Policy(key=send, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=PROFILES[profile])
        outbound.allow_repeat_tx = True
        inbound = Policy(key=receive, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=PROFILES[profile])
        # The sessions own the contexts: they have to live as long.
        self._sessions = (Session(outbound), Session(inbound))
        self._send, self._receive = (session._srtp[0] for session in self._sessions)

    def protect(self, length: int) -> int:
        """Protect the RTP packet in SCRATCH; return its new length. Raises: AssertionError."""
        _length[0] = length
        if lib.srtp_protect(self._send, _scratch, _length):
            raise AssertionError("libsrtp refused to protect a packet")
        protected: int = _length[0]
        return protected

    def protect_rtcp(self, packet: bytes) -> memoryview:
        """Protect an RTCP packet; the result lies in SCRATCH. Raises: AssertionError."""
        SCRATCH[: len(packet)] = packet
        _length[0] = len(packet)
        if lib.srtp_protect_rtcp(self._send, _scratch, _length):
            raise AssertionError("libsrtp refused to protect an RTCP packet")
        return SCRATCH_VIEW[: _length[0]]

    def unprotect(self, packet: bytes | bytearray) -> memoryview | None:
        """Return the plain RTP packet, in SCRATCH; None if it is not authentic."""
        SCRATCH[: len(packet)] = packet
        _length[0] = len(packet)
        if lib.srtp_unprotect(self._receive, _scratch, _length):
            return None
        return SCRATCH_VIEW[: _length[0]]

    def unprotect_rtcp(self, packet: bytes) -> memoryview | None:
        """Return the plain RTCP packet, in SCRATCH; None if it is not authentic."""
        SCRATCH[: len(packet)] = packet
        _length[0] = len(packet)
        if lib.srtp_unprotect_rtcp(self._receive, _scratch, _length):
            return None
        return SCRATCH_VIEW[: _length[0]]
