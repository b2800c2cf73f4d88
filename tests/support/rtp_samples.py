"""RTP objects as real clients send them, read from `tests/data/rtp`."""

import json
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

CLIENTS = ("chromium", "firefox", "safari", "aiortc")
_DATA = Path(__file__).parents[1] / "data" / "rtp"


@cache
def _sample(client: str) -> dict[str, Any]:
    sample: dict[str, Any] = json.loads((_DATA / f"{client}.json").read_text())
    return sample


def native_capabilities(client: str) -> dict[str, Any]:
    """Return all that a client can do."""
    return deepcopy(_sample(client)["nativeCapabilities"])


def receiver_capabilities(client: str) -> dict[str, Any]:
    """Return what a client that consumes sends to a router with our default codecs."""
    return deepcopy(_sample(client)["recvCapabilities"])


def producer_parameters(client: str, kind: str, **fields: Any) -> dict[str, Any]:
    """Return what a client that produces sends; `fields` are added (`mid`, `encodings`, ...) or replace others."""
    return {**deepcopy(_sample(client)[kind]), **fields}
