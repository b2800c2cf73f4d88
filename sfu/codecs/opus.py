"""Opus in RTP (RFC 7587): what is silence. Every packet can be decoded on its own, so there are no key frames."""

from sfu.codecs.bits import Payload

MIME_TYPE = "audio/opus"

_MAX_DTX_BYTES = 2
"""libopus makes packets of at most two bytes, a header without a frame, while it transmits discontinuously."""


def is_dtx(payload: Payload) -> bool:
    """Tell whether a packet's payload only says that the sender has fallen silent (RFC 7587 3.1.3)."""
    return 0 < len(payload) <= _MAX_DTX_BYTES
