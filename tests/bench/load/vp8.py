"""The one question that a receiver without a decoder has about VP8: can decoding begin with this packet?"""

_EXTENDED, _START, _PARTITION = 0x80, 0x10, 0x07
_PICTURE_ID, _TL0PICIDX, _TID_OR_KEYIDX = 0x80, 0x40, 0x30
_LONG_PICTURE_ID = 0x80


def begins_key_frame(payload: bytes | memoryview) -> bool:
    """Tell whether an RTP payload is the beginning of a key frame (RFC 7741 sections 4.2 and 4.3)."""
    if not payload or not payload[0] & _START or payload[0] & _PARTITION:
        return False
    at = _header_after_descriptor(payload)
    return at < len(payload) and not payload[at] & 1


def _header_after_descriptor(payload: bytes | memoryview) -> int:
    if not payload[0] & _EXTENDED:
        return 1
    if len(payload) < 3:
        return len(payload)
    has = payload[1]
    at = 2
    if has & _PICTURE_ID:
        at += 2 if payload[at] & _LONG_PICTURE_ID else 1
    return at + bool(has & _TL0PICIDX) + bool(has & _TID_OR_KEYIDX)
