"""Scalability modes of WebRTC-SVC."""

import pytest

from sfu.ortc import ScalabilityMode, parse_scalability_mode


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("L1T3", ScalabilityMode(1, 3)),
        ("L3T2_KEY", ScalabilityMode(3, 2, ksvc=True)),
        ("S2T1", ScalabilityMode(2, 1)),
        ("L12T10", ScalabilityMode(12, 10)),
        ("L3T3h", ScalabilityMode(3, 3)),
        ("L3T3_KEY_SHIFT", ScalabilityMode(3, 3, ksvc=True)),
        ("L0T1", ScalabilityMode()),
        ("l1t3", ScalabilityMode()),
        ("xL1T3", ScalabilityMode()),
        ("", ScalabilityMode()),
        (None, ScalabilityMode()),
    ],
)
def test_parse(text: str | None, expected: ScalabilityMode) -> None:
    assert parse_scalability_mode(text) == expected
