"""H.264 profiles and levels as `profile-level-id` names them (RFC 6184 section 8.1).

Browsers may take only streams of the profile they named, at the level that offer and answer settle.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from shared.rtp_parameters import CodecParameters

PROFILE_LEVEL_ID: Final = "profile-level-id"
LEVEL_ASYMMETRY_ALLOWED: Final = "level-asymmetry-allowed"


class Profile(Enum):
    """A profile; the value is the first four hex digits under which we write it."""

    CONSTRAINED_BASELINE = "42e0"
    BASELINE = "4200"
    MAIN = "4d00"
    CONSTRAINED_HIGH = "640c"
    HIGH = "6400"
    PREDICTIVE_HIGH_444 = "f400"


LEVEL_1B: Final = 0
"""Level 1b lies between 1 and 1.1 and has no number of its own; other levels are ten times theirs."""
_LEVEL_1: Final = 10
_LEVEL_1_1: Final = 11
_LEVELS: Final = frozenset((10, 11, 12, 13, 20, 21, 22, 30, 31, 32, 40, 41, 42, 50, 51, 52))

_CONSTRAINT_SET_3: Final = 0x10
"""With level_idc 11 this flag makes level 1b."""

_PATTERNS: Final = (
    # profile_idc, bits of profile_iop that count, their values (RFC 6184 table 5)
    (0x42, 0b01001111, 0b01000000, Profile.CONSTRAINED_BASELINE),
    (0x4D, 0b10001111, 0b10000000, Profile.CONSTRAINED_BASELINE),
    (0x58, 0b11001111, 0b11000000, Profile.CONSTRAINED_BASELINE),
    (0x42, 0b01001111, 0b00000000, Profile.BASELINE),
    (0x58, 0b11001111, 0b10000000, Profile.BASELINE),
    (0x4D, 0b10101111, 0b00000000, Profile.MAIN),
    (0x64, 0b11111111, 0b00000000, Profile.HIGH),
    (0x64, 0b11111111, 0b00001100, Profile.CONSTRAINED_HIGH),
    (0xF4, 0b11111111, 0b00000000, Profile.PREDICTIVE_HIGH_444),
)

_LEVEL_1B_IDS: Final = {
    Profile.CONSTRAINED_BASELINE: "42f00b",
    Profile.BASELINE: "42100b",
    Profile.MAIN: "4d100b",
}
"""How the profiles that have a level 1b write it."""

_SIX_HEX_DIGITS: Final = re.compile(r"[0-9A-Fa-f]{6}")


@dataclass(frozen=True, slots=True)
class ProfileLevel:
    """A parsed `profile-level-id`."""

    profile: Profile
    level: int


_DEFAULT: Final = ProfileLevel(Profile.CONSTRAINED_BASELINE, 31)
"""What no `profile-level-id` means in WebRTC, where RFC 6184 says Baseline at level 1."""


def parse_profile_level(parameters: CodecParameters) -> ProfileLevel | None:
    """Read the profile and level of format parameters; None when they name none that exists."""
    text = parameters.get(PROFILE_LEVEL_ID)
    if not text:
        return _DEFAULT
    if not isinstance(text, str) or _SIX_HEX_DIGITS.fullmatch(text) is None:
        return None
    profile_idc, profile_iop, level = bytes.fromhex(text)
    if level not in _LEVELS:
        return None
    if level == _LEVEL_1_1 and profile_iop & _CONSTRAINT_SET_3:
        level = LEVEL_1B
    for idc, mask, value, profile in _PATTERNS:
        if profile_idc == idc and profile_iop & mask == value:
            return ProfileLevel(profile, level)
    return None


def format_profile_level(profile_level: ProfileLevel) -> str | None:
    """Write a `profile-level-id`; None when the profile has no such level."""
    if profile_level.level == LEVEL_1B:
        return _LEVEL_1B_IDS.get(profile_level.profile)
    return f"{profile_level.profile.value}{profile_level.level:02x}"


def is_same_profile(ours: CodecParameters, theirs: CodecParameters) -> bool:
    """Tell whether both name the same profile, at whatever level."""
    one, other = parse_profile_level(ours), parse_profile_level(theirs)
    return one is not None and other is not None and one.profile == other.profile


def answer_profile_level_id(ours: CodecParameters, theirs: CodecParameters) -> str | None:
    """Settle the `profile-level-id` between two sides of one profile (RFC 6184 section 8.2.2).

    It is our level if both allow asymmetry, else the lower one. None stands for leaving the parameter out: both
    sides do, or the profile has no such level.
    """
    one, other = parse_profile_level(ours), parse_profile_level(theirs)
    if one is None or other is None or one.profile != other.profile:
        raise AssertionError("the sides of an answer have one profile")
    if not ours.get(PROFILE_LEVEL_ID) and not theirs.get(PROFILE_LEVEL_ID):
        return None
    asymmetric = _allows_asymmetry(ours) and _allows_asymmetry(theirs)
    level = one.level if asymmetric else _lower_level(one.level, other.level)
    return format_profile_level(ProfileLevel(one.profile, level))


def _allows_asymmetry(parameters: CodecParameters) -> bool:
    return parameters.get(LEVEL_ASYMMETRY_ALLOWED) in (1, "1")


def _lower_level(ours: int, theirs: int) -> int:
    # Next to level 1b mediasoup orders levels so, though 1b lies between 1 and 1.1; nobody routes 1b.
    if LEVEL_1B not in (ours, theirs):
        return min(ours, theirs)
    if _LEVEL_1 in (ours, theirs):
        return theirs
    return ours
