"""H.264 in RTP (RFC 6184): where a key frame starts."""

from sfu.codecs.bits import Payload

MIME_TYPE = "video/h264"

_TYPE_MASK = 0x1F
_IDR = 5
_SPS = 7
_STAP_A = 24
_STAP_B = 25
_FU_A = 28
_FU_B = 29
_FU_START = 0x80
_STAP_HEADER_BYTES = {_STAP_A: 1, _STAP_B: 3}
_LENGTH_BYTES = 2


def is_key_frame(payload: Payload) -> bool:
    """Tell whether a packet's payload starts or carries an IDR picture or its sequence parameter set.

    Senders put the parameter sets right before the picture, in one packet or in packets of their own; so the first
    such packet is where a decoder may start. A malformed payload carries neither.
    """
    if not payload:
        return False
    kind = payload[0] & _TYPE_MASK
    if kind in {_FU_A, _FU_B}:
        return len(payload) > 1 and payload[1] & _FU_START > 0 and _starts_decoding(payload[1])
    if kind in _STAP_HEADER_BYTES:
        return _aggregate_has_key(payload, _STAP_HEADER_BYTES[kind])
    return _starts_decoding(kind)


def _starts_decoding(octet: int) -> bool:
    return octet & _TYPE_MASK in {_IDR, _SPS}


def _aggregate_has_key(payload: Payload, position: int) -> bool:
    """Look through the NAL units of an aggregation packet (RFC 6184 5.7.1)."""
    while position + _LENGTH_BYTES < len(payload):
        size = payload[position] << 8 | payload[position + 1]
        if size and _starts_decoding(payload[position + _LENGTH_BYTES]):
            return True
        position += _LENGTH_BYTES + size
    return False
