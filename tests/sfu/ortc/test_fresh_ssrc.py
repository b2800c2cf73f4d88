"""SSRCs of consumers."""

from importlib import import_module
from itertools import count

import pytest

from sfu.ortc import fresh_ssrc


def test_no_ssrc_comes_twice_with_or_without_retransmissions() -> None:
    first = [fresh_ssrc() for _ in range(10_000)]
    assert len({ssrc + offset for ssrc in first for offset in (0, 1)}) == 20_000


def test_they_stay_within_mediasoups_range(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("sfu.ortc.random_ssrc"), "_pairs", count(449_999_998))
    assert [fresh_ssrc() for _ in range(3)] == [999_999_996, 100_000_000, 100_000_002]
