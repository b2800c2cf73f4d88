"""Passwords of rooms: which ones can be, and what guessing them comes to."""

import asyncio

import pytest

from backend.domain.room_passwords import (
    MAX_REMEMBERED,
    WINDOW_S,
    WRONG_PER_ROOM,
    WRONG_PER_USER,
    RoomPasswords,
)
from backend.errors import InvalidInput, NotAllowed, TooManyAttempts
from tests.support.live_entrance import PlainHasher


class Door:
    """One room's password, with a clock that the test sets."""

    def __init__(self) -> None:
        self.now = 0.0
        self.hasher = PlainHasher()
        self.passwords = RoomPasswords(self.hasher, lambda: self.now)

    async def tell(self, password: str, user: str = "u1", room: str = "physics") -> str:
        try:
            await self.passwords.require(password, f"hash of the word of {room}", room, user)
        except (NotAllowed, TooManyAttempts) as refusal:
            return refusal.code
        return "in"


@pytest.mark.parametrize("password", ["1234", "x" * 72, "ß" * 36, "    "])
async def test_passwords_that_a_room_can_have(password: str) -> None:
    assert await Door().passwords.hashed(password) == f"hash of {password}"


@pytest.mark.parametrize("password", ["", "123", "x" * 73, "ß" * 37, "12\x0034", "abcd\ud800"])
async def test_passwords_that_no_room_can_have(password: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        await Door().passwords.hashed(password)
    assert set(refusal.value.details or ()) == {"password"}
    assert await Door().tell(password) == "WRONG_ROOM_PASSWORD"


async def test_a_class_that_knows_the_password_costs_one_slow_hash() -> None:
    door = Door()
    word = "the word of physics"
    told = await asyncio.gather(*(door.tell(word, user=f"u{number}") for number in range(300)))
    assert set(told) == {"in"}
    assert door.hasher.checked == 1
    assert await door.tell(word + "!") == "WRONG_ROOM_PASSWORD"
    assert door.hasher.checked == 2


async def test_what_is_remembered_belongs_to_one_password_of_one_room() -> None:
    door = Door()
    assert await door.tell("the word of physics") == "in"
    assert await door.tell("the word of physics", room="chemistry") == "WRONG_ROOM_PASSWORD"


async def test_a_user_guesses_a_few_times_a_minute() -> None:
    door = Door()
    told = await asyncio.gather(*(door.tell(f"guess {number}") for number in range(WRONG_PER_USER + 5)))
    assert told == ["WRONG_ROOM_PASSWORD"] * WRONG_PER_USER + ["TOO_MANY_ATTEMPTS"] * 5
    assert door.hasher.checked == WRONG_PER_USER
    assert await door.tell("the word of physics") == "TOO_MANY_ATTEMPTS"
    assert await door.tell("the word of physics", user="u2") == "in"
    assert await door.tell("the word of physics") == "TOO_MANY_ATTEMPTS", "what is remembered is no way round"
    assert await door.tell("the word of chemistry", room="chemistry") == "in"
    door.now += WINDOW_S
    assert await door.tell("the word of physics") == "in"


async def test_many_users_together_guess_a_few_times_a_minute() -> None:
    door = Door()
    for number in range(WRONG_PER_ROOM):
        assert await door.tell("a guess", user=f"u{number}") == "WRONG_ROOM_PASSWORD"
    assert await door.tell("a guess", user="one more") == "TOO_MANY_ATTEMPTS"
    assert await door.tell("a guess", user="one more", room="chemistry") == "WRONG_ROOM_PASSWORD"
    door.now += WINDOW_S
    assert await door.tell("the word of physics", user="one more") == "in"


async def test_only_so_many_rooms_are_remembered() -> None:
    door = Door()
    for number in range(MAX_REMEMBERED + 1):
        assert await door.tell(f"the word of room {number}", room=f"room {number}") == "in"
    checked = door.hasher.checked
    assert await door.tell("the word of room 1", room="room 1") == "in"
    assert door.hasher.checked == checked
    assert await door.tell("the word of room 0", room="room 0") == "in"
    assert door.hasher.checked == checked + 1
