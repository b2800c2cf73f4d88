"""Faults of ours are shown from the start, so that an alert sees the first one as a rise."""

import re
from pathlib import Path

from sfu.api.metrics import FAULTS

ROOT = Path(__file__).parents[3]


def test_every_reason_for_dropping_that_is_a_fault_of_ours_is_known() -> None:
    code = "".join(path.read_text() for part in ("worker", "net") for path in (ROOT / "sfu" / part).rglob("*.py"))
    assert set(re.findall(r'"(\w+_fault)"', code)) == set(FAULTS)


def test_the_readme_explains_every_one() -> None:
    assert set(re.findall(r"`(\w+_fault)`", (ROOT / "sfu/README.md").read_text())) == set(FAULTS)
