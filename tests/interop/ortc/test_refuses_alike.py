"""Broken objects, given to mediasoup 3.27.1 and to us: the same refusals, but for a short list of differences."""

import json
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import pytest

from sfu.ortc.supported import SUPPORTED_CODECS
from shared.rtp_parameters import dump_rtp_codec_capability, schemas
from tests.support.mediasoup_ortc import Answer, Question, ask_mediasoup, compare
from tests.support.rtp_mutations import Mutation, mutate
from tests.support.rtp_questions import (
    MEDIA_CODECS,
    consumer_questions,
    distinct,
    producer_questions,
    router_capabilities,
)

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("node") is None, reason="NOT COMPARED WITH MEDIASOUP: there is no node here"),
]

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


VP8 = {"mimeType": "video/VP8", "payloadType": 96, "clockRate": 90000}


@dataclass(frozen=True)
class Difference:
    """A kind of input that ours treats otherwise, with a producer's parameters in which it shows."""

    what: str
    why: str
    example: dict[str, Any]
    applies: Callable[[Mutation], bool] = lambda _mutation: False
    is_stricter: bool = True


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
        {"codecs": [VP8], "encodings": [{"ssrc": 2**32}]},
        is_out_of_range,
    ),
    Difference(
        "an array in place of an object",
        "to JavaScript an array is an object without the fields",
        {"codecs": [VP8], "rtcp": []},
        lambda mutation: isinstance(mutation.value, list) and (mutation.is_item or mutation.field in OBJECTS),
    ),
    Difference(
        "a maxBitrate or codecPayloadType that is no number, or out of range",
        "mediasoup's module does not look at them, its worker's message cannot carry them",
        {"codecs": [VP8], "encodings": [{"maxBitrate": "much"}]},
        lambda mutation: mutation.field in UNCHECKED,
    ),
    Difference(
        "a format parameter that is too large for JSON",
        "mediasoup would round it",
        {"codecs": [{**VP8, "parameters": {"x": 2**60}}]},
        lambda mutation: "parameters" in mutation.path and mutation.value == 2**60,
    ),
    Difference(
        "a format parameter that is null",
        "null means absent in our contract, pymediasoup sends it",
        {"codecs": [{**VP8, "parameters": {"x": None}}]},
        lambda mutation: "parameters" in mutation.path and mutation.value is None and not mutation.removed,
        is_stricter=False,
    ),
    Difference(
        "text that is too long",
        "what is bounded nowhere fills the memory",
        {"codecs": [VP8], "mid": "m" * (schemas.MAX_STREAM_ID_BYTES + 1)},
    ),
    Difference(
        "text that UTF-8 cannot carry",
        "a CNAME or MID goes into packets as UTF-8",
        {"codecs": [VP8], "rtcp": {"cname": "\ud800"}},
    ),
    Difference(
        "a list that is too long",
        "what is bounded nowhere fills the memory",
        {"codecs": [VP8], "encodings": [{}] * (schemas.MAX_ENCODINGS + 1)},
    ),
    Difference(
        "too many format parameters",
        "what is bounded nowhere fills the memory",
        {"codecs": [{**VP8, "parameters": {str(n): n for n in range(schemas.MAX_FORMAT_PARAMETERS + 1)}}]},
    ),
)
"""Everything else has to be equal."""


def refused(answer: Answer) -> bool:
    return "error" in answer


def is_explained(theirs: Answer, ours: Answer, mutations: list[Mutation]) -> bool:
    return any(
        any(map(difference.applies, mutations)) and refused(ours if difference.is_stricter else theirs)
        for difference in DIFFERENCES
    )


def mutated(
    questions: list[Question], target: str, count: int, seed: int
) -> Iterator[tuple[Question, list[Mutation]]]:
    rng = random.Random(seed)  # noqa: S311 -- picks test cases
    for _ in range(count):
        question = deepcopy(rng.choice(questions))
        times = 1 if rng.random() < 0.8 else 2
        yield question, [mutate(question[target], rng) for _ in range(times) if question[target]]


MUTATIONS = {
    "router": ("mediaCodecs", 1500),
    "producer": ("params", 2500),
    "consumer": ("caps", 1500),
    "canConsume": ("caps", 1600),
}


@pytest.fixture(scope="module")
def questions() -> dict[str, list[Question]]:
    rng = random.Random(7)  # noqa: S311 -- picks test cases
    producers = producer_questions(router_capabilities(MEDIA_CODECS))
    answers = ask_mediasoup(rng.sample(producers, 60))
    consumables = distinct([answer["ok"]["consumable"] for answer in answers])
    receivers = consumer_questions(consumables)
    codecs = [dump_rtp_codec_capability(codec) for codec in SUPPORTED_CODECS]
    routers: list[Question] = [{"question": "router", "mediaCodecs": rng.sample(codecs, 3)} for _ in range(50)]
    return {"router": routers, "producer": producers, "consumer": receivers[1::2], "canConsume": receivers[::2]}


@pytest.mark.parametrize("name", MUTATIONS)
def test_broken_objects_are_taken_and_refused_alike(name: str, questions: dict[str, list[Question]]) -> None:
    target, count = MUTATIONS[name]
    cases = list(mutated(questions[name], target, count, seed=count))
    seen: Counter[str] = Counter()
    answers = compare([question for question, _ in cases])
    for (question, mutations), (_, theirs, ours) in zip(cases, answers, strict=True):
        if ours != theirs:
            explained = is_explained(theirs, ours, mutations)
            assert explained, f"{mutations}\n{json.dumps(question[target])}\n{theirs}\n{ours}"
        seen[theirs.get("error", "ok") if ours == theirs else "difference"] += 1
    assert seen["ok"] > count // 5
    assert seen["TypeError"] > count // 20
    assert seen["difference"] < count // 10


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.what)
def test_the_listed_differences_are_there(difference: Difference) -> None:
    caps = router_capabilities(MEDIA_CODECS)
    question = {"question": "producer", "kind": "video", "params": difference.example, "caps": caps}
    ((_, theirs, ours),) = compare([question])
    assert refused(ours) is difference.is_stricter
    assert refused(theirs) is not difference.is_stricter
