"""What real clients send and what routers can do, negotiated by mediasoup 3.27.1 and by us: the same results."""

import itertools
import shutil
from typing import Any

import pytest

from sfu.ortc.supported import SUPPORTED_CODECS
from shared.rtp_parameters import dump_rtp_codec_capability, uris
from tests.support.mediasoup_ortc import Question, assert_equal
from tests.support.rtp_questions import (
    MEDIA_CODECS,
    all_of_router,
    consumer_questions,
    distinct,
    producer_questions,
    router_capabilities,
)

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("node") is None, reason="NOT COMPARED WITH MEDIASOUP: there is no node here"),
]


def test_every_client_and_form_of_stream_negotiates_alike() -> None:
    caps = router_capabilities(MEDIA_CODECS)
    produced = assert_equal(producer_questions(caps))
    consumables = distinct([answer["ok"]["consumable"] for answer in produced if "ok" in answer])
    consumed = assert_equal(consumer_questions(consumables[::3]))
    assert len(produced) > 800
    assert len(consumed) > 1000
    assert all("ok" in answer for answer in produced)
    assert {answer["ok"] for answer in consumed if isinstance(answer.get("ok"), bool)} == {True, False}


VP8 = {"mimeType": "video/VP8", "payloadType": 96, "clockRate": 90000}
OPUS = {"mimeType": "audio/opus", "payloadType": 111, "clockRate": 48000, "channels": 2}
RTX = {"mimeType": "video/rtx", "payloadType": 97, "clockRate": 90000, "parameters": {"apt": 96}}


def h264(**parameters: Any) -> dict[str, Any]:
    given = {name.replace("_", "-"): value for name, value in parameters.items()}
    return {"mimeType": "video/H264", "payloadType": 96, "clockRate": 90000, "parameters": given}


def vp9(profile_id: Any) -> dict[str, Any]:
    return {
        "mimeType": "video/VP9",
        "payloadType": 96,
        "clockRate": 90000,
        "parameters": {"profile-id": profile_id},
    }


ODD_CODECS: list[list[dict[str, Any]]] = [
    [],
    [{**VP8, "channels": 2}],
    [{**VP8, "mimeType": "VIDEO/vp8", "payloadType": 0}],
    [{**VP8, "clockRate": 90001}],
    [VP8, OPUS],
    [{**OPUS, "channels": None}],
    [{**OPUS, "channels": 1}],
    [VP8, {**vp9(0), "payloadType": 96}],
    [VP8, {**VP8, "payloadType": 98}, RTX, {**RTX, "payloadType": 99, "parameters": {"apt": 98}}],
    [RTX, VP8],
    [RTX],
    [VP8, {**RTX, "parameters": {}}],
    [VP8, {**RTX, "parameters": {"apt": 95}}],
    [VP8, {**RTX, "parameters": {"apt": "96"}}],
    [VP8, {**RTX, "parameters": {"apt": 97}}],
    [VP8, RTX, {**RTX, "payloadType": 98, "parameters": {"apt": 97}}],
    [VP8, {**RTX, "payloadType": 98, "parameters": {"apt": 97}}, RTX],
    [VP8, RTX, RTX],
    [OPUS, {**RTX, "mimeType": "audio/rtx", "parameters": {"apt": 111}}],
    [vp9(1)],
    [vp9("0")],
    [vp9("")],
    [h264()],
    [h264(packetization_mode=1)],
    [h264(packetization_mode="1", profile_level_id="42e01f")],
    [h264(packetization_mode=1, profile_level_id="42C034", level_asymmetry_allowed="1")],
    [h264(packetization_mode=1, profile_level_id="42e034", level_asymmetry_allowed=0)],
    [h264(packetization_mode=1, profile_level_id="f4001f")],
    [h264(packetization_mode=1, profile_level_id="640c1f")],
    [h264(packetization_mode=1, profile_level_id="not hex")],
    [h264(packetization_mode=1, profile_level_id=42)],
]
ODD_EXTENSIONS: list[list[dict[str, Any]]] = [
    [],
    [{"uri": "urn:unknown", "id": 1}],
    [{"uri": uris.MID, "id": 3}, {"uri": uris.ABS_SEND_TIME, "id": 3}],
    [{"uri": uris.ABS_CAPTURE_TIME, "id": 200, "encrypt": True, "parameters": {"a": "b"}}],
]


def test_odd_parameters_negotiate_alike() -> None:
    caps = router_capabilities(MEDIA_CODECS)
    questions: list[Question] = [
        {
            "question": "producer",
            "kind": kind,
            "params": {"codecs": codecs, "headerExtensions": extensions, "encodings": [{"ssrc": 0}], "mid": "0"},
            "caps": caps,
        }
        for kind, codecs, extensions in itertools.product(("audio", "video"), ODD_CODECS, ODD_EXTENSIONS)
    ]
    answers = assert_equal(questions)
    assert {answer.get("error") for answer in answers} == {None, "TypeError", "UnsupportedError"}
    consumables = distinct([answer["ok"]["consumable"] for answer in answers if "ok" in answer])
    consumed = assert_equal(consumer_questions(consumables))
    assert {answer.get("error") for answer in consumed} == {None, "UnsupportedError"}


def test_every_supported_codec_negotiates_alike() -> None:
    codecs = [dump_rtp_codec_capability(codec) for codec in SUPPORTED_CODECS]
    routers = [router_capabilities([codec]) for codec in codecs[::3]] + [router_capabilities(codecs[:14])]
    producers: list[Question] = [
        {"question": "producer", "kind": kind, "params": all_of_router(caps, mid="0"), "caps": caps}
        for caps in routers
        for kind in ("audio", "video")
    ]
    produced = assert_equal(producers)
    consumers: list[Question] = [
        {
            "question": "consumer",
            "consumable": answer["ok"]["consumable"],
            "caps": caps,
            "pipe": False,
            "enableRtx": on,
        }
        for answer, caps, on in itertools.product(produced, routers, (True, False))
    ]
    assert {answer.get("error") for answer in assert_equal(consumers)} == {None, "UnsupportedError"}


def test_every_supported_codec_makes_the_same_router() -> None:
    codecs = [dump_rtp_codec_capability(codec) for codec in SUPPORTED_CODECS]
    by_hand: list[list[dict[str, Any]]] = [
        [],
        codecs[:20],
        codecs,
        [{"mimeType": "VIDEO/vp8", "clockRate": 90000, "preferredPayloadType": 100}, *codecs[:1]],
        [{"mimeType": "video/vp8", "clockRate": 90000, "preferredPayloadType": 101}] * 2,
        [{"mimeType": "audio/opus", "clockRate": 48000, "channels": 1}],
        [{"mimeType": "audio/opus", "clockRate": 48000, "channels": "2"}],
        [{"mimeType": "video/H264", "clockRate": 90000, "parameters": {"profile-level-id": "zz"}}],
        [{"mimeType": "audio/multiopus", "clockRate": 48000, "channels": 6, "parameters": {"num_streams": 4}}],
        [{"mimeType": "video/VP9", "clockRate": 90000, "parameters": {"profile-id": n}} for n in range(17)],
        [{"mimeType": "video/rtx", "clockRate": 90000}],
        [{"mimeType": "audio/pcmu", "clockRate": 8000, "preferredPayloadType": 0}, {"mimeType": "audio/PCMA"}],
    ]
    questions: list[Question] = [{"question": "router", "mediaCodecs": wanted} for wanted in by_hand]
    questions += [{"question": "router", "mediaCodecs": [codec]} for codec in codecs]
    answers = assert_equal(questions)
    assert {answer.get("error") for answer in answers} == {None, "TypeError", "UnsupportedError"}


def test_profile_level_ids_are_read_and_answered_alike() -> None:
    every_id = [
        f"{idc:02x}{iop:02x}{level:02x}"
        for idc in (0x42, 0x4D, 0x58, 0x64, 0xF4, 0x00, 0x77)
        for iop in range(256)
        for level in (11, 31)
    ]
    levels = [f"{profile}{level:02x}" for profile in ("42e0", "42f0", "6400", "6410") for level in range(60)]
    odd: list[Any] = [
        "",
        None,
        0,
        42,
        "42E01F",
        "42e01",
        "42e01f0",
        "0x42e0",
        "42e01g",
        "42_e01",
        " 42e01",
        "\uff142e01f",
    ]
    pairs: list[tuple[Any, Any]] = [(one, one) for one in every_id]
    pairs += [(one, "42e01f") for one in [*levels, *odd]] + [("640032", one) for one in [*levels, *odd]]
    pairs += itertools.product(("42e00a", "42f00b", "42e00b", "42e00c", "42e01f", "42e034", None), repeat=2)
    flags: list[Any] = [None, 0, 1, "1", "0", 2]
    questions: list[Question] = [
        {"question": "h264", "ours": h264_parameters(*one), "theirs": h264_parameters(*other)}
        for (left, right), (one_flag, other_flag) in zip(
            pairs * 3, itertools.cycle(itertools.product(flags, repeat=2)), strict=False
        )
        for one, other in [((left, one_flag), (right, other_flag))]
    ]
    answers = assert_equal(questions)
    assert {answer["ok"]["same"] for answer in answers} == {True, False}


def h264_parameters(profile_level_id: Any, asymmetry: Any) -> dict[str, Any]:
    given = {"profile-level-id": profile_level_id, "level-asymmetry-allowed": asymmetry}
    return {name: value for name, value in given.items() if value is not None}


def test_scalability_modes_are_read_alike() -> None:
    texts: list[str | None] = [None, "", "x", "L1T3", "L3T3_KEY", "S2T1", "L03T3", "L3T0", "L10T12", "L100T100"]
    texts += ["l1t3", "L3T3h", "L3T3_KEY_SHIFT", "XL1T3", "L1T3\n", "L\u0661T3", "L3T3_key"]
    assert_equal([{"question": "scalabilityMode", "text": text} for text in texts])
