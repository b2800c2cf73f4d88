"""AV1 in RTP (RTP Payload Format For AV1): where a key frame starts. The dependency descriptor tells of layers."""

from sfu.codecs.bits import Payload

MIME_TYPE = "video/av1"

_CONTINUES = 0x80
_NEW_SEQUENCE = 0x08


def is_key_frame(payload: Payload) -> bool:
    """Tell whether a packet starts a coded video sequence, by its aggregation header (section 4.4)."""
    return len(payload) > 1 and payload[0] & (_NEW_SEQUENCE | _CONTINUES) == _NEW_SEQUENCE
