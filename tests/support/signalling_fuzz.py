"""Data for signalling methods that is nearly right: made by the documented schemas, then spoilt here and there.

All of it comes from a seeded `random.Random`, so a run can be had again.
"""

from collections.abc import Sequence
from random import Random
from typing import Any

Json = Any
Schema = dict[str, Any]

STRANGE: tuple[Json, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    1e308,
    2**53,
    -(2**63) - 1,
    10**400,
    "",
    " ",
    "\x00",
    "\ud800",
    "..",
    "../../rooms",
    "x" * 5000,
    "\U0001d518\U0001d52b\U0001d526",
    "'; DROP TABLE users; --",
    [],
    [[[[]]]],
    {},
    {"": {"__proto__": None}},
    ["a"] * 1000,
)


def spoilt_data(random: Random, schema: Schema, known: Sequence[str]) -> Json:
    """Make data for a method; `known` are ids that exist, which strings may turn out to be."""
    if random.random() < 0.05:
        return random.choice(STRANGE)
    data = {
        name: _value(random, one, known)
        for name, one in schema.get("properties", {}).items()
        if name in schema.get("required", ()) or random.random() < 0.5
    }
    for name in list(data):
        draw = random.random()
        if draw < 0.15:
            data[name] = random.choice(STRANGE)
        elif draw < 0.2:
            del data[name]
    if random.random() < 0.2:
        data[random.choice(("unknown", "__class__", "", "roomid"))] = random.choice(STRANGE)
    return data


def _value(random: Random, schema: Schema, known: Sequence[str]) -> Json:
    """Make a value that fits its schema, or looks as if it did."""
    if "enum" in schema:
        return random.choice(schema["enum"])
    kinds = schema.get("type", "anything")
    kind = random.choice(kinds) if isinstance(kinds, list) else kinds
    match kind:
        case "string":
            return random.choice(known) if random.random() < 0.7 else f"text-{random.randrange(1000)}"
        case "integer":
            return random.randint(schema.get("minimum", -5), schema.get("maximum", 5))
        case "boolean":
            return random.random() < 0.5
        case "null":
            return None
        case "array":
            return [_value(random, schema.get("items", {}), known) for _ in range(random.randrange(4))]
        case _:
            return _object(random, known, depth=3)


def _object(random: Random, known: Sequence[str], depth: int) -> Json:
    """Make an object as RTP, DTLS and SCTP parameters look from afar."""
    return {
        name: _object(random, known, depth - 1) if depth and random.random() < 0.4 else random.choice(STRANGE[:14])
        for name in random.sample(_NAMES, random.randrange(6))
    }


_NAMES = (
    "codecs",
    "headerExtensions",
    "encodings",
    "rtcp",
    "mid",
    "role",
    "fingerprints",
    "streamId",
    "ordered",
    "spatialLayer",
    "temporalLayer",
    "cname",
    "ssrc",
)
