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


@dataclass(frozen=True)
class Difference:
    """A kind of input that ours treats otherwise, and the questions in which it shows."""

    what: str
    why: str
    where: frozenset[str]
    applies: Callable[[Mutation], bool]
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
        frozenset(("router", "producer", "consumer", "canConsume")),
        is_out_of_range,
    ),
    Difference(
        "an array in place of an object",
        "to JavaScript an array is an object without the fields",
        frozenset(("router", "producer", "consumer", "canConsume")),
        lambda mutation: isinstance(mutation.value, list) and (mutation.is_item or mutation.field in OBJECTS),
    ),
    Difference(
        "a maxBitrate or codecPayloadType that is no number, or out of range",
        "mediasoup's module does not look at them, its worker's message cannot carry them",
        frozenset(("producer",)),
        lambda mutation: mutation.field in UNCHECKED,
    ),
    Difference(
        "a format parameter that is too large for JSON",
        "mediasoup would round it",
        frozenset(("router", "producer", "consumer", "canConsume")),
        lambda mutation: "parameters" in mutation.path and mutation.value == 2**60,
    ),
    Difference(
        "a format parameter that is null",
        "null means absent in our contract, pymediasoup sends it",
        frozenset(("router", "producer", "consumer", "canConsume")),
        lambda mutation: "parameters" in mutation.path and mutation.value is None and not mutation.removed,
        is_stricter=False,
    ),
)


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


MUTATIONS = {
    "router": ("mediaCodecs", 2000),
    "producer": ("params", 4000),
    "consumer": ("caps", 2000),
    "canConsume": ("caps", 2000),
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
    differences: set[str] = set()
    answers = compare([question for question, _ in cases])
    for (question, mutations), (_, theirs, ours) in zip(cases, answers, strict=True):
        explained = agree(theirs, ours, mutations)
        assert explained is not None, f"{mutations}\n{json.dumps(question[target])}\n{theirs}\n{ours}"
        differences |= explained
        seen["difference" if explained else theirs.get("error", "ok")] += 1
    assert seen["ok"] > count // 5
    assert seen["TypeError"] > count // 20
    assert seen["difference"] < count // 10
    assert differences == {difference.what for difference in DIFFERENCES if name in difference.where}


VP8 = {"mimeType": "video/VP8", "payloadType": 96, "clockRate": 90000}
BOUNDED: dict[str, dict[str, Any]] = {
    "text that is too long": {"codecs": [VP8], "mid": "m" * (schemas.MAX_STREAM_ID_BYTES + 1)},
    "text that UTF-8 cannot carry": {"codecs": [VP8], "rtcp": {"cname": "\ud800"}},
    "a list that is too long": {"codecs": [VP8], "encodings": [{}] * (schemas.MAX_ENCODINGS + 1)},
    "too many format parameters": {
        "codecs": [{**VP8, "parameters": {str(n): n for n in range(schemas.MAX_FORMAT_PARAMETERS + 1)}}]
    },
}
"""What mediasoup takes at any size, and ours does not, lest one message fill the memory."""


@pytest.mark.parametrize("what", BOUNDED)
def test_sizes_are_bounded_where_mediasoup_has_no_bound(what: str) -> None:
    question = {"question": "producer", "kind": "video", "params": BOUNDED[what]}
    caps = router_capabilities(MEDIA_CODECS)
    ((_, theirs, ours),) = compare([{**question, "caps": caps}])
    assert "ok" in theirs
    assert ours == {"error": "TypeError"}
