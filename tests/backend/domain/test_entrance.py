"""Who comes into a room, and what who does not is told."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.domain.admissions import Admissions
from backend.domain.chores import Chores
from backend.domain.entrance import Entrance
from backend.domain.entrance_ports import Invitation
from backend.domain.room_passwords import RoomPasswords
from backend.domain.secret_values import hash_secret
from backend.domain.users import Role
from backend.errors import NotAllowed
from tests.support.live_class import MemoryRooms, a_room, a_user
from tests.support.live_entrance import MemoryAdmissions, MemoryInvitations, PlainHasher

NOW = datetime(2030, 1, 1, tzinfo=UTC)


class Door:
    """The entrance of the room `physics`, whose password is `opensesame` and whose invitation is `come`."""

    def __init__(self) -> None:
        self.now = NOW
        rooms, self.invitations = MemoryRooms(), MemoryInvitations()
        rooms.hashes["physics"] = "hash of opensesame"
        self.invitations.kept["physics"] = (hash_secret("come"), Invitation(NOW, NOW + timedelta(hours=1)))
        self.entrance = Entrance(
            rooms,  # type: ignore[arg-type] # `list` is not used
            RoomPasswords(PlainHasher(), lambda: 0.0),
            self.invitations,
            Admissions(MemoryAdmissions({}), Chores(), lambda: self.now),
            lambda: self.now,
        )

    async def try_door(self, rules: dict[str, bool], shown: dict[str, str], role: Role = Role.STUDENT) -> str:
        """Show something to a room with these rules and return what comes of it."""
        given: dict[str, Any] = {"password": None, "invitation": None, **shown}
        try:
            await self.entrance.check(a_user(role), a_room(**rules), **given)
        except NotAllowed as refusal:
            return refusal.code
        return "in"


RULES = ("is_locked", "invitation_required", "has_password")
SHOWN: tuple[dict[str, str], ...] = (
    {},
    {"password": "wrong"},
    {"password": "opensesame"},
    {"invitation": "stay"},
    {"invitation": "come"},
    {"invitation": "stay", "password": "opensesame"},
    {"invitation": "stay", "password": "wrong"},
    {"invitation": "come", "password": "wrong"},
)


def expected(rules: dict[str, bool], shown: dict[str, str]) -> str:
    """What a student is told, written down once more, from the outside."""
    if rules["is_locked"]:
        return "ROOM_LOCKED"
    if shown.get("invitation") == "come" or not (rules["invitation_required"] or rules["has_password"]):
        return "in"
    if rules["invitation_required"]:
        return "INVALID_INVITATION" if "invitation" in shown else "INVITATION_REQUIRED"
    if "password" not in shown:
        return "INVALID_INVITATION" if "invitation" in shown else "ROOM_PASSWORD_REQUIRED"
    return "in" if shown["password"] == "opensesame" else "WRONG_ROOM_PASSWORD"


@pytest.mark.parametrize("switches", list(itertools.product((False, True), repeat=len(RULES))))
@pytest.mark.parametrize("shown", SHOWN)
async def test_every_rule_and_everything_shown(switches: tuple[bool, ...], shown: dict[str, str]) -> None:
    door, rules = Door(), dict(zip(RULES, switches, strict=True))
    assert await door.try_door(rules, shown) == expected(rules, shown)
    for role in (Role.TEACHER, Role.ADMIN):
        assert await door.try_door(rules, shown, role) == "in"


async def test_an_invitation_ends() -> None:
    door, rules = Door(), {"invitation_required": True}
    door.now += timedelta(hours=1)
    assert await door.try_door(rules, {"invitation": "come"}) == "INVALID_INVITATION"
