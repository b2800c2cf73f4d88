import struct

import pytest
from pylibsrtp import Policy, Session

from sfu.net.srtp import AEAD_AES_128_GCM, MAX_STREAMS, InboundSrtp, OutboundSrtp, PinnedBuffer

KEY = bytes(range(28))


def session(direction: int) -> Session:
    policy = Policy(key=KEY, ssrc_type=direction, srtp_profile=Policy.SRTP_PROFILE_AEAD_AES_128_GCM)
    return Session(policy)


def rtp(ssrc: int, sequence: int = 1) -> bytes:
    return struct.pack("!BBHLL", 0x80, 96, sequence, 0, ssrc) + b"payload"


class Receiver:
    def __init__(self) -> None:
        self.srtp = InboundSrtp(session(Policy.SSRC_ANY_INBOUND))
        self._buffer = PinnedBuffer(2048)

    def rtp(self, data: bytes) -> bytes:
        self._buffer.view[: len(data)] = data
        length = self.srtp.unprotect_rtp(self._buffer.view, self._buffer.pointer(0), len(data))
        return bytes(self._buffer.view[:length])

    def rtcp(self, data: bytes) -> bytes:
        self._buffer.view[: len(data)] = data
        length = self.srtp.unprotect_rtcp(self._buffer.view, self._buffer.pointer(0), len(data))
        return bytes(self._buffer.view[:length])


@pytest.fixture
def peer() -> Session:
    return session(Policy.SSRC_ANY_OUTBOUND)


def test_packets_are_verified_and_a_replay_or_a_forgery_is_nothing(peer: Session) -> None:
    receiver = Receiver()
    protected = peer.protect(rtp(1))
    assert receiver.rtp(protected) == rtp(1)
    assert receiver.rtp(protected) == b""
    assert receiver.rtp(peer.protect(rtp(1, 2))[:-1] + b"\0") == b""
    report = struct.pack("!BBHL", 0x80, 201, 1, 5)
    assert receiver.rtcp(peer.protect_rtcp(report)) == report
    assert receiver.rtcp(bytes(20)) == b""


def test_fresh_ssrcs_push_out_those_unused_for_longest_and_no_others(peer: Session) -> None:
    receiver = Receiver()
    for number in range(3 * MAX_STREAMS):
        assert receiver.rtp(peer.protect(rtp(1000 + number))) == rtp(1000 + number)
        assert receiver.rtp(peer.protect(rtp(7, number))) == rtp(7, number)
        if number == 0:
            kept, left = peer.protect(rtp(7, 50_000)), peer.protect(rtp(1000, 50_000))
            assert (receiver.rtp(kept), receiver.rtp(left)) == (rtp(7, 50_000), rtp(1000, 50_000))
    assert receiver.rtp(kept) == b"", "its state is still there: a replay"
    assert receiver.rtp(left) == rtp(1000, 50_000), "its state is gone"
    assert len(receiver.srtp._recent | receiver.srtp._older) <= MAX_STREAMS


def test_forgotten_streams_free_their_state_and_unknown_ones_do_no_harm() -> None:
    outbound = OutboundSrtp(session(Policy.SSRC_ANY_OUTBOUND), AEAD_AES_128_GCM)
    report = struct.pack("!BBHL", 0x80, 201, 1, 5)
    first = outbound.protect_rtcp(report)
    assert first is not None
    index = bytes(first[-4:])
    second = outbound.protect_rtcp(report)
    assert second is not None
    assert bytes(second[-4:]) != index
    outbound.forget(99)
    outbound.forget(5)
    third = outbound.protect_rtcp(report)
    assert third is not None
    assert bytes(third[-4:]) == index, "it counts from the beginning"
