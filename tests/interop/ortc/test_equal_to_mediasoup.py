"""Our negotiation against mediasoup 3.27.1's: the same questions, the same answers, the same refusals."""

import itertools
import json
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sfu.ortc import DEFAULT_MEDIA_CODECS
from sfu.ortc.supported import SUPPORTED_CODECS
from shared.rtp_parameters import dump_rtp_codec_capability
from tests.support.mediasoup_ortc import Answer, Question, ask_mediasoup, ask_ours
from tests.support.rtp_mutations import Mutation, mutate
from tests.support.rtp_samples import CLIENTS, native_capabilities, producer_parameters, receiver_capabilities

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("node") is None, reason="NOT COMPARED WITH MEDIASOUP: there is no node here"),
    pytest.mark.skipif(
        not (Path(__file__).parents[1] / "node_modules" / "mediasoup").is_dir(),
        reason="NOT COMPARED WITH MEDIASOUP: run `npm ci --ignore-scripts` in tests/interop",
    ),
]

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


def compare(questions: list[Question]) -> Iterator[tuple[Question, Answer, Answer]]:
    yield from zip(questions, ask_mediasoup(questions), map(ask_ours, questions), strict=True)


def assert_equal(questions: list[Question]) -> list[Answer]:
    answers = []
    for question, theirs, ours in compare(questions):
        assert ours == theirs, json.dumps(question)
        answers.append(theirs)
    return answers


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
    receivers += [native_capabilities("chromium"), {"codecs": []}, {}]
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


def test_every_client_and_form_of_stream_negotiates_alike() -> None:
    caps = router_capabilities(MEDIA_CODECS)
    produced = assert_equal(producer_questions(caps))
    consumables = distinct([answer["ok"]["consumable"] for answer in produced if "ok" in answer])
    consumed = assert_equal(consumer_questions(consumables))
    assert len(produced) > 800
    assert len(consumed) > 1000
    assert all("ok" in answer for answer in produced)
    assert {answer["ok"] for answer in consumed if isinstance(answer.get("ok"), bool)} == {True, False}


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


# Where ours answers otherwise on purpose. Everything else has to be equal.

NUMBERS = {
    "payloadType": (0, 127),
    "preferredPayloadType": (0, 127),
    "clockRate": (0, 2**32 - 1),
    "channels": (0, 255),
    "id": (1, 255),
    "preferredId": (1, 255),
    "ssrc": (0, 2**32 - 1),
}
OBJECTS = frozenset(("parameters", "rtcp", "rtx", "params", "caps"))
UNCHECKED = frozenset(("maxBitrate", "codecPayloadType"))


@dataclass(frozen=True)
class Difference:
    """A kind of input that ours treats otherwise."""

    what: str
    why: str
    is_stricter: bool
    applies: Callable[[Mutation], bool]


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_out_of_range(mutation: Mutation) -> bool:
    if mutation.field not in NUMBERS or mutation.is_item or not is_number(mutation.value):
        return False
    low, high = NUMBERS[mutation.field]
    return not low <= mutation.value <= high or mutation.value % 1 != 0


DIFFERENCES = (
    Difference(
        "a number that is no whole one or out of the range of its field",
        "it could not be written into a packet; mediasoup hands it to its worker, which cuts it to fit",
        True,
        is_out_of_range,
    ),
    Difference(
        "an array in place of an object",
        "to JavaScript an array is an object without the fields",
        True,
        lambda mutation: isinstance(mutation.value, list) and (mutation.is_item or mutation.field in OBJECTS),
    ),
    Difference(
        "a maxBitrate or codecPayloadType that is no number, or out of range",
        "mediasoup's module does not look at them, its worker's message cannot carry them",
        True,
        lambda mutation: mutation.field in UNCHECKED,
    ),
    Difference(
        "a format parameter that is too large for JSON",
        "mediasoup would round it",
        True,
        lambda mutation: "parameters" in mutation.path and mutation.value == 2**60,
    ),
    Difference(
        "a format parameter that is null",
        "null means absent in our contract, pymediasoup sends it",
        False,
        lambda mutation: "parameters" in mutation.path and has_null(mutation),
    ),
)


def has_null(mutation: Mutation) -> bool:
    return mutation.value is None and not mutation.removed


def refused(answer: Answer) -> bool:
    return "error" in answer


def agree(theirs: Answer, ours: Answer, mutations: list[Mutation]) -> set[str] | None:
    """Return the differences that explain the answers, none if they are equal, None if nothing explains them."""
    if ours == theirs:
        return set()
    fitting = {
        difference.what
        for difference in DIFFERENCES
        if any(map(difference.applies, mutations)) and refused(ours if difference.is_stricter else theirs)
    }
    return fitting or None


def mutated(
    questions: list[Question], target: str, count: int, seed: int
) -> Iterator[tuple[Question, list[Mutation]]]:
    rng = random.Random(seed)  # noqa: S311 -- picks test cases
    for _ in range(count):
        question = deepcopy(rng.choice(questions))
        times = 1 if rng.random() < 0.8 else 2
        yield question, [mutate(question[target], rng) for _ in range(times) if question[target]]


MUTATIONS = {"router": ("mediaCodecs", 2000), "producer": ("params", 4000), "consumer": ("caps", 2000)}


@pytest.fixture(scope="module")
def questions() -> dict[str, list[Question]]:
    rng = random.Random(7)  # noqa: S311 -- picks test cases
    producers = producer_questions(router_capabilities(MEDIA_CODECS))
    answers = ask_mediasoup(rng.sample(producers, 60))
    consumables = distinct([answer["ok"]["consumable"] for answer in answers])
    consumers = [question for question in consumer_questions(consumables) if question["question"] == "consumer"]
    codecs = [dump_rtp_codec_capability(codec) for codec in SUPPORTED_CODECS]
    routers: list[Question] = [{"question": "router", "mediaCodecs": rng.sample(codecs, 3)} for _ in range(50)]
    return {"router": routers, "producer": producers, "consumer": consumers}


@pytest.fixture(scope="module")
def found_differences() -> set[str]:
    return set()


@pytest.mark.parametrize("name", MUTATIONS)
def test_broken_objects_are_taken_and_refused_alike(
    name: str, questions: dict[str, list[Question]], found_differences: set[str]
) -> None:
    target, count = MUTATIONS[name]
    cases = list(mutated(questions[name], target, count, seed=len(name)))
    seen: Counter[str] = Counter()
    answers = compare([question for question, _ in cases])
    for (question, mutations), (_, theirs, ours) in zip(cases, answers, strict=True):
        explained = agree(theirs, ours, mutations)
        assert explained is not None, f"{mutations}\n{json.dumps(question[target])}\n{theirs}\n{ours}"
        found_differences |= explained
        seen["difference" if explained else theirs.get("error", "ok")] += 1
    assert seen["ok"] > count // 5
    assert seen["TypeError"] > count // 20
    assert seen["difference"] < count // 10
    if name == "consumer":
        assert found_differences == {difference.what for difference in DIFFERENCES}
