import pytest

from sfu.codecs import av1, h264, key_frame_detector, vp8, vp9


def test_detectors_by_mime_type_in_any_case() -> None:
    assert key_frame_detector("video/VP8") is vp8.is_key_frame
    assert key_frame_detector("video/vp9") is vp9.is_key_frame
    assert key_frame_detector("VIDEO/H264") is h264.is_key_frame
    assert key_frame_detector("video/AV1") is av1.is_key_frame


@pytest.mark.parametrize("mime_type", ["audio/opus", "audio/PCMU", "video/rtx", ""])
def test_what_has_no_detector(mime_type: str) -> None:
    assert key_frame_detector(mime_type) is None
