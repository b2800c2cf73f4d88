"""When two codecs count as one."""

import pytest

from sfu.ortc.codec_matching import find_codec, is_rtx, is_same_codec, settle_level
from shared.rtp_parameters import CodecParameters, RtpCodecCapability, RtpCodecParameters


def capability(
    mime_type: str = "video/VP8",
    clock_rate: int = 90000,
    channels: int | None = None,
    parameters: CodecParameters | None = None,
) -> RtpCodecCapability:
    kind = "video" if mime_type.lower().startswith("video") else "audio"
    return RtpCodecCapability(kind, mime_type, clock_rate, 100, channels, parameters or {})


def h264(**parameters: str | int) -> RtpCodecCapability:
    named = {name.replace("_", "-"): value for name, value in parameters.items()}
    return capability("video/H264", parameters=named)


def opus(streams: int, coupled: int) -> RtpCodecCapability:
    return capability("audio/multiopus", 48000, 6, {"num_streams": streams, "coupled_streams": coupled})


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (capability(), capability("VIDEO/vp8"), True),
        (capability(), capability("video/VP9"), False),
        (capability(), capability(clock_rate=8000), False),
        (capability(parameters={"a": 1}), capability(), True),
        (capability("audio/opus", 48000, 2), capability("audio/opus", 48000, 1), False),
        (opus(4, 2), opus(4, 2), True),
        (opus(4, 2), opus(3, 2), False),
        (opus(4, 2), opus(4, 1), False),
        (capability("video/VP9"), capability("video/VP9", parameters={"profile-id": 0}), True),
        (
            capability("video/VP9", parameters={"profile-id": 2}),
            capability("video/VP9", parameters={"profile-id": 0}),
            False,
        ),
        (h264(), h264(profile_level_id="42e01f"), True),
        (h264(profile_level_id="42e01f"), h264(profile_level_id="42e034"), True),
        (h264(profile_level_id="42e01f"), h264(profile_level_id="42001f"), False),
        (h264(profile_level_id="nothex"), h264(profile_level_id="nothex"), False),
        (h264(packetization_mode=1), h264(packetization_mode=0), False),
        (h264(packetization_mode=0), h264(), True),
        (h264(packetization_mode="1"), h264(packetization_mode=1), False),
    ],
)
def test_is_same_codec(one: RtpCodecCapability, other: RtpCodecCapability, same: bool) -> None:
    assert is_same_codec(one, other) is same
    assert is_same_codec(other, one) is same


def test_the_first_match_is_found() -> None:
    first, second = h264(profile_level_id="42e01f"), h264(profile_level_id="42e034")
    assert find_codec(h264(), [capability(), first, second]) is first
    assert find_codec(capability("video/AV1"), [first, second]) is None


@pytest.mark.parametrize(
    ("mime_type", "expected"),
    [("video/rtx", True), ("AUDIO/RTX", True), ("video/rtx2", False), ("video/x/rtx", True), ("video/VP8", False)],
)
def test_is_rtx(mime_type: str, expected: bool) -> None:
    assert is_rtx(capability(mime_type)) is expected


@pytest.mark.parametrize(
    ("theirs", "ours", "settled"),
    [
        ("42e034", "42e01f", "42e01f"),
        ("42C01F", "42e034", "42e01f"),
        (None, "42e034", "42e01f"),
        (None, None, None),
    ],
)
def test_levels_are_settled(theirs: str | None, ours: str | None, settled: str | None) -> None:
    asked: CodecParameters = {"packetization-mode": 1, **({} if theirs is None else {"profile-level-id": theirs})}
    codec = RtpCodecParameters("video/H264", 96, 90000, parameters=asked)
    routed = h264() if ours is None else h264(profile_level_id=ours)
    expected = {"packetization-mode": 1, **({} if settled is None else {"profile-level-id": settled})}
    assert settle_level(codec, routed).parameters == expected
    assert codec.parameters is asked


def test_other_codecs_have_no_level_to_settle() -> None:
    codec = RtpCodecParameters("video/VP8", 96, 90000, parameters={"profile-level-id": "42e01f"})
    assert settle_level(codec, capability()) is codec
