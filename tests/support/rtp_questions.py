"""Questions of negotiation over what real clients send: every form of stream, router and receiver."""

import itertools
import json
from typing import Any

from sfu.ortc import DEFAULT_MEDIA_CODECS
from shared.rtp_parameters import dump_rtp_codec_capability
from tests.support.mediasoup_ortc import Question, ask_mediasoup
from tests.support.rtp_samples import CLIENTS, native_capabilities, producer_parameters, receiver_capabilities

MEDIA_CODECS = [dump_rtp_codec_capability(codec) for codec in DEFAULT_MEDIA_CODECS]

ENCODINGS: dict[str, list[dict[str, Any]]] = {
    "none": [],
    "mid only": [{}],
    "ssrc": [{"ssrc": 11111111}],
    "ssrc and rtx": [{"ssrc": 11111111, "rtx": {"ssrc": 22222222}, "maxBitrate": 900000}],
    "dtx": [{"ssrc": 11111111, "dtx": True, "codecPayloadType": 96}],
    "nulls": [
        {"ssrc": 11111111, "rid": None, "rtx": None, "dtx": None, "scalabilityMode": None, "maxBitrate": None}
    ],
    "rids": [
        {"rid": f"r{n}", "active": True, "scaleResolutionDownBy": 4 >> n, "maxBitrate": 10**5 * 4**n}
        for n in range(3)
    ],
    "rids with layers": [{"rid": f"r{n}", "scalabilityMode": "L1T3"} for n in range(3)],
    "ssrcs": [{"ssrc": 11111111 + n, "rtx": {"ssrc": 22222222 + n}} for n in range(2)],
    "temporal layers": [{"ssrc": 11111111, "scalabilityMode": "L1T3"}],
    "svc": [{"ssrc": 11111111, "scalabilityMode": "L3T3_KEY"}],
}
EXTRAS: tuple[dict[str, Any], ...] = (
    {"mid": "0", "rtcp": {"cname": "a-cname", "reducedSize": False}},
    {"mid": None, "rtcp": None, "msid": "stream track"},
    {"mid": "", "rtcp": {"cname": "", "mux": True}, "headerExtensions": []},
)


def router_capabilities(media_codecs: list[dict[str, Any]]) -> dict[str, Any]:
    (answer,) = ask_mediasoup([{"question": "router", "mediaCodecs": media_codecs}])
    return answer["ok"]


def producer_questions(caps: dict[str, Any]) -> list[Question]:
    """Ask for each client, kind and form of encodings, with all codecs and with one, as mediasoup-client sends."""
    return [
        {
            "question": "producer",
            "kind": kind,
            "params": producer_parameters(client, kind, encodings=encodings, codecs=codecs, **extra),
            "caps": caps,
        }
        for client, kind, encodings, extra in itertools.product(
            CLIENTS, ("audio", "video"), ENCODINGS.values(), EXTRAS
        )
        for codecs in codec_choices(producer_parameters(client, kind)["codecs"])
    ]


def codec_choices(codecs: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    media = [codec for codec in codecs if not codec["mimeType"].endswith("/rtx")]
    return [
        codecs,
        *(
            [codec for codec in codecs if codec is one or codec["parameters"].get("apt") == one["payloadType"]]
            for one in media
        ),
    ]


def consumer_questions(consumables: list[dict[str, Any]]) -> list[Question]:
    receivers = [receiver_capabilities(client) for client in CLIENTS]
    receivers += [native_capabilities("chromium"), {}]
    flags = itertools.cycle(itertools.product((False, True), (True, False)))
    questions: list[Question] = []
    for consumable, caps in itertools.product(consumables, receivers):
        pipe, enable_rtx = next(flags)
        questions.append({"question": "canConsume", "consumable": consumable, "caps": caps})
        questions.append(
            {"question": "consumer", "consumable": consumable, "caps": caps, "pipe": pipe, "enableRtx": enable_rtx}
        )
    return questions


def distinct(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({json.dumps(item, sort_keys=True): item for item in objects}.values())


def all_of_router(caps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    codecs = [{**codec, "payloadType": codec["preferredPayloadType"]} for codec in caps["codecs"]]
    extensions = [
        {"uri": extension["uri"], "id": extension["preferredId"]} for extension in caps["headerExtensions"]
    ]
    return {"codecs": codecs, "headerExtensions": extensions, "encodings": [{"ssrc": 1}], **fields}
