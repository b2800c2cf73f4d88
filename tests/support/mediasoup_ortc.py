"""Asks mediasoup's ortc module and ours the same questions, in a form in which the answers can be compared."""

import itertools
import json
import subprocess
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from marshmallow import ValidationError

from sfu import ortc
from sfu.ortc import h264_profile
from shared.rtp_parameters import (
    RtpCapabilities,
    dump_rtp_capabilities,
    dump_rtp_mapping,
    dump_rtp_parameters,
    load_rtp_capabilities,
    load_rtp_codec_capability,
    load_rtp_parameters,
)

Question = dict[str, Any]
Answer = dict[str, Any]

SCRIPT = Path(__file__).parents[1] / "interop" / "ortc" / "mediasoup_ortc.cjs"
FIRST_SSRC, SSRC_STEP = 100_000_000, 1000

_RTP_PARAMETERS = "codecs headerExtensions encodings rtcp mid msid params mapping consumable"
_KNOWN_FIELDS = {
    "ok": _RTP_PARAMETERS,
    "params": _RTP_PARAMETERS,
    "mapping": "codecs encodings",
    "consumable": _RTP_PARAMETERS,
    "rtcpFeedback": "type parameter",
    "encodings": "ssrc rid codecPayloadType rtx dtx scalabilityMode maxBitrate mappedSsrc",
    "rtx": "ssrc",
    "rtcp": "cname reducedSize",
}
_HEADER_EXTENSION = "kind uri preferredId preferredEncrypt direction"
_CODEC = "mimeType clockRate channels parameters rtcpFeedback"
"""What each object is compared in; mediasoup also hands on fields that it does not know, which ours drops."""
_COMPARED_OBJECTS = frozenset(("codecs", "headerExtensions", *_KNOWN_FIELDS))
OPTIONAL_FIELDS = frozenset(
    ("ssrc", "rid", "mid", "msid", "cname", "scalabilityMode", "rtx", "maxBitrate", "codecPayloadType")
)
"""Where mediasoup keeps an empty string, `false` or 0 as it came and ours makes it absent."""


def ask_mediasoup(questions: Iterable[Question]) -> list[Answer]:
    """Return mediasoup's answers, in order: `{"ok": result}` or `{"error": class}`."""
    installed = SCRIPT.parents[1] / "node_modules" / "mediasoup"
    assert installed.is_dir(), "mediasoup is not installed: run `npm ci --ignore-scripts` in tests/interop"
    lines = "".join(json.dumps(question) + "\n" for question in questions)
    done = subprocess.run(
        ["node", str(SCRIPT)], input=lines, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stderr
    return [_comparable_answer(json.loads(line)) for line in done.stdout.splitlines()]


def ask_ours(question: Question) -> Answer:
    """Return our answer to one question in the same form."""
    given = {key: value for key, value in question.items() if key != "question"}
    try:
        return _comparable_answer({"ok": _OURS[question["question"]](**given)})
    except ortc.UnsupportedError:
        return {"error": "UnsupportedError"}
    except (ValidationError, ortc.InvalidParametersError):
        return {"error": "TypeError"}


def compare(questions: list[Question]) -> Iterator[tuple[Question, Answer, Answer]]:
    """Return each question with mediasoup's answer and ours."""
    yield from zip(questions, ask_mediasoup(questions), map(ask_ours, questions), strict=True)


def assert_equal(questions: list[Question]) -> list[Answer]:
    """Assert that both answer alike and return the answers."""
    answers = []
    for question, theirs, ours in compare(questions):
        assert ours == theirs, json.dumps(question)
        answers.append(theirs)
    return answers


def _ssrcs() -> Callable[[], int]:
    counter: Iterator[int] = itertools.count(FIRST_SSRC, SSRC_STEP)
    return lambda: next(counter)


def _router(mediaCodecs: Any) -> Any:  # noqa: N803 -- the question's own key
    if not isinstance(mediaCodecs, list):
        raise ValidationError("Not a list.")
    codecs = (load_rtp_codec_capability(codec) for codec in mediaCodecs)
    return dump_rtp_capabilities(ortc.generate_router_rtp_capabilities(codecs))


@cache
def _router_capabilities(wire: str) -> RtpCapabilities:
    return load_rtp_capabilities(json.loads(wire))


def _producer(kind: Any, params: Any, caps: Any) -> Any:
    router = _router_capabilities(json.dumps(caps))
    loaded = load_rtp_parameters(params)
    mapping = ortc.get_producer_rtp_parameters_mapping(loaded, router, ssrc=_ssrcs())
    settled = ortc.settle_producer_codecs(loaded, router)
    consumable = ortc.get_consumable_rtp_parameters(kind, settled, router, mapping)
    return {
        "params": dump_rtp_parameters(settled),
        "mapping": dump_rtp_mapping(mapping),
        "consumable": dump_rtp_parameters(consumable),
    }


def _can_consume(consumable: Any, caps: Any) -> bool:
    return ortc.can_consume(load_rtp_parameters(consumable), load_rtp_capabilities(caps))


def _consumer(consumable: Any, caps: Any, pipe: bool, enableRtx: bool) -> Any:  # noqa: N803 -- as above
    consumer = ortc.get_consumer_rtp_parameters(
        load_rtp_parameters(consumable),
        load_rtp_capabilities(caps),
        pipe=pipe,
        enable_rtx=enableRtx,
        ssrc=_ssrcs(),
    )
    return dump_rtp_parameters(consumer)


def _scalability_mode(text: str | None) -> Any:
    mode = ortc.parse_scalability_mode(text)
    return {"spatialLayers": mode.spatial_layers, "temporalLayers": mode.temporal_layers, "ksvc": mode.ksvc}


def _h264(ours: Any, theirs: Any) -> Any:
    same = h264_profile.is_same_profile(ours, theirs)
    return {"same": same, "answer": h264_profile.answer_profile_level_id(ours, theirs) if same else None}


_OURS: dict[str, Callable[..., Any]] = {
    "router": _router,
    "producer": _producer,
    "canConsume": _can_consume,
    "consumer": _consumer,
    "scalabilityMode": _scalability_mode,
    "h264": _h264,
}
_PLAIN_RESULTS = frozenset(("spatialLayers", "same"))


def _comparable_answer(answer: Answer) -> Answer:
    if "error" in answer:
        # A plain Error is mediasoup's "no payload type left"; what JavaScript throws by itself is a TypeError too.
        return {"error": "UnsupportedError" if answer["error"] == "UnsupportedError" else "TypeError"}
    return {"ok": _comparable("ok", answer["ok"])}


def _comparable(name: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_comparable(name, item) for item in value]
    if not isinstance(value, dict) or name not in _COMPARED_OBJECTS or _PLAIN_RESULTS & value.keys():
        return value
    known = _known_fields(name, value)
    return {
        key: _comparable(key, item)
        for key, item in value.items()
        if key in known and item is not None and not (key in OPTIONAL_FIELDS and _is_empty(key, item))
    }


def _known_fields(name: str, value: dict[str, Any]) -> list[str]:
    if name == "codecs" and "mappedPayloadType" in value:
        return ["payloadType", "mappedPayloadType"]
    if name == "codecs":
        return [
            *_CODEC.split(),
            *(("payloadType",) if "payloadType" in value else ("kind", "preferredPayloadType")),
        ]
    if name == "headerExtensions":
        return ["uri", "id", "encrypt", "parameters"] if "id" in value else _HEADER_EXTENSION.split()
    return _KNOWN_FIELDS[name].split()


def _is_empty(key: str, value: Any) -> bool:
    if value is False or value == "":
        return True
    return value == 0 and key != "ssrc"
