"""Profiles and levels of H.264 (RFC 6184 section 8.1)."""

import pytest

from sfu.ortc.h264_profile import (
    LEVEL_1B,
    Profile,
    ProfileLevel,
    answer_profile_level_id,
    format_profile_level,
    is_same_profile,
    parse_profile_level,
)
from shared.rtp_parameters import ParameterValue


@pytest.mark.parametrize(
    ("text", "profile", "level"),
    [
        ("42e01f", Profile.CONSTRAINED_BASELINE, 31),
        ("42C02A", Profile.CONSTRAINED_BASELINE, 42),
        ("4de01f", Profile.CONSTRAINED_BASELINE, 31),
        ("58f01f", Profile.CONSTRAINED_BASELINE, 31),
        ("42a01f", Profile.BASELINE, 31),
        ("58a01f", Profile.BASELINE, 31),
        ("4d401f", Profile.MAIN, 31),
        ("640032", Profile.HIGH, 50),
        ("640c2a", Profile.CONSTRAINED_HIGH, 42),
        ("f4001f", Profile.PREDICTIVE_HIGH_444, 31),
        ("42f00b", Profile.CONSTRAINED_BASELINE, LEVEL_1B),
        ("42e00b", Profile.CONSTRAINED_BASELINE, 11),
        ("", Profile.CONSTRAINED_BASELINE, 31),
        (0, Profile.CONSTRAINED_BASELINE, 31),
    ],
)
def test_parse(text: ParameterValue, profile: Profile, level: int) -> None:
    assert parse_profile_level({"profile-level-id": text}) == ProfileLevel(profile, level)


def test_absent_means_constrained_baseline_3_1() -> None:
    assert parse_profile_level({}) == ProfileLevel(Profile.CONSTRAINED_BASELINE, 31)


@pytest.mark.parametrize(
    "text",
    [
        "42e0",
        "42e01ff",
        "gggggg",
        "000000",
        "42e000",
        "42e0ff",
        "42e11f",
        "64ff1f",
        "771f1f",
        42,
        " 42e01",
        "0x42e0",
    ],
)
def test_what_is_no_profile(text: ParameterValue) -> None:
    assert parse_profile_level({"profile-level-id": text}) is None
    assert is_same_profile({"profile-level-id": text}, {"profile-level-id": text}) is False


@pytest.mark.parametrize("profile", Profile)
def test_round_trip(profile: Profile) -> None:
    text = format_profile_level(ProfileLevel(profile, 31))
    assert text is not None
    assert parse_profile_level({"profile-level-id": text}) == ProfileLevel(profile, 31)


@pytest.mark.parametrize(
    ("profile", "text"),
    [
        (Profile.CONSTRAINED_BASELINE, "42f00b"),
        (Profile.BASELINE, "42100b"),
        (Profile.MAIN, "4d100b"),
        (Profile.HIGH, None),
    ],
)
def test_level_1b_is_written_where_it_exists(profile: Profile, text: str | None) -> None:
    assert format_profile_level(ProfileLevel(profile, LEVEL_1B)) == text


@pytest.mark.parametrize(
    ("ours", "theirs", "asymmetry", "answer"),
    [
        ("42e01f", "42e034", (0, 0), "42e01f"),
        ("42e034", "42e01f", (0, 0), "42e01f"),
        ("42e034", "42e01f", (1, 0), "42e01f"),
        ("42e034", "42e01f", (1, 1), "42e034"),
        ("42e034", "42e01f", ("1", 1), "42e034"),
        ("42f00b", "42e00a", (0, 0), "42e00a"),
        ("42f00b", "42e00c", (0, 0), "42f00b"),
        ("64101f", None, (0, 0), AssertionError),
    ],
)
def test_answer(
    ours: str, theirs: str | None, asymmetry: tuple[ParameterValue, ParameterValue], answer: object
) -> None:
    left: dict[str, ParameterValue] = {"profile-level-id": ours, "level-asymmetry-allowed": asymmetry[0]}
    right: dict[str, ParameterValue] = {"profile-level-id": theirs or "", "level-asymmetry-allowed": asymmetry[1]}
    if answer is AssertionError:
        with pytest.raises(AssertionError):
            answer_profile_level_id(left, right)
    else:
        assert answer_profile_level_id(left, right) == answer


def test_nothing_is_answered_to_nothing() -> None:
    assert answer_profile_level_id({}, {}) is None
