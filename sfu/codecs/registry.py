"""Which codec reads which MIME type."""

from collections.abc import Callable

from sfu.codecs import av1, h264, vp8, vp9
from sfu.codecs.bits import Payload

_KEY_FRAME_DETECTORS: dict[str, Callable[[Payload], bool]] = {
    vp8.MIME_TYPE: vp8.is_key_frame,
    vp9.MIME_TYPE: vp9.is_key_frame,
    h264.MIME_TYPE: h264.is_key_frame,
    av1.MIME_TYPE: av1.is_key_frame,
}


def key_frame_detector(mime_type: str) -> Callable[[Payload], bool] | None:
    """Return what tells whether a payload starts a key frame, by MIME type in any case.

    None for audio and for codecs that are only passed on: there every packet is one to start at.
    """
    return _KEY_FRAME_DETECTORS.get(mime_type.lower())
