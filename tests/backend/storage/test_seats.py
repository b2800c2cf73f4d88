"""The seats on a real database: they and their attendance come and go together."""

from datetime import UTC, datetime, timedelta

import pytest

from backend.domain.rooms import RoomRecord
from backend.domain.seat_ports import KeptSeat
from backend.domain.users import NewUser, ProfileChange, Role, User
from backend.errors import NotAllowed, NotFound
from backend.storage.database import Database
from backend.storage.rooms import PostgresAttendance, PostgresRooms
from backend.storage.seats import PostgresSeats
from backend.storage.users import PostgresUsers
from shared.ids import new_id

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
SECOND = timedelta(seconds=1)


async def add_user(database: Database, email: str = "a@school.example") -> User:
    return await PostgresUsers(database).add(NewUser(email, "Some Body", None, Role.STUDENT, "hash"))


async def add_room(database: Database, room_id: str = "physics") -> None:
    await PostgresRooms(database).create_if_absent(RoomRecord(room_id, "Physics", None, 10, False, True, NOW))


def seat(user: User, participant_id: str = "p1", room_id: str = "physics", at: datetime = NOW) -> KeptSeat:
    return KeptSeat(participant_id, room_id, user, "session", b"\x00hash\xff", True, at)


async def test_a_seat_is_kept_with_all_that_its_participant_needs(database: Database) -> None:
    user, seats = await add_user(database), PostgresSeats(database)
    await add_room(database)
    first, second = seat(user, "p2", at=NOW), seat(user, "p1", at=LATER)
    await seats.take(second)
    await seats.take(first)
    assert await seats.of_room("physics") == [first, second]
    assert await seats.of_room("other") == []
    assert await seats.room_ids() == ["physics"]
    assert await seats.counts(["physics", "other"]) == {"physics": 2}
    assert set(await seats.kept(["p1", "ghost"])) == {"p1"}


async def test_a_seat_and_its_attendance_are_one(database: Database) -> None:
    user, seats, attendance = await add_user(database), PostgresSeats(database), PostgresAttendance(database)
    await add_room(database)
    await seats.take(seat(user, "p1"))
    await seats.take(seat(user, "p1", at=LATER))
    await seats.take(seat(user, "p2", at=LATER))
    (first, second) = await attendance.open_seats("physics")
    assert (first.participant_id, first.joined_at, first.user_id) == ("p1", NOW, user.id)
    await seats.free("p1", LATER)
    await seats.free("p1", LATER + SECOND)
    await seats.free("unknown", LATER)
    assert await attendance.open_seats() == [second]
    assert [one.participant_id for one in await seats.of_room("physics")] == ["p2"]
    left = await database.one("SELECT left_at FROM attendance WHERE participant_id = 'p1'")
    assert left == {"left_at": LATER}


async def test_a_seat_never_ends_before_it_began(database: Database) -> None:
    user, seats = await add_user(database), PostgresSeats(database)
    await add_room(database)
    await seats.take(seat(user, at=LATER))
    await seats.free("p1", NOW)
    assert await database.one("SELECT left_at FROM attendance") == {"left_at": LATER}


async def test_what_changes_of_a_seat_is_kept(database: Database) -> None:
    user, seats = await add_user(database), PostgresSeats(database)
    await add_room(database)
    await seats.take(seat(user))
    await seats.note("p1", session_id="newer", hand_raised_at=LATER)
    await seats.note("unknown", session_id="newer", hand_raised_at=None)
    (kept,) = await seats.of_room("physics")
    assert (kept.session_id, kept.hand_raised_at) == ("newer", LATER)


async def test_a_room_that_is_deleted_takes_its_seats_along(database: Database) -> None:
    user, seats = await add_user(database), PostgresSeats(database)
    await add_room(database)
    await seats.take(seat(user))
    await PostgresRooms(database).delete("physics")
    assert await seats.room_ids() == []
    with pytest.raises(NotFound):
        await seats.take(seat(user, "p2"))


async def test_nobody_takes_a_seat_whose_account_is_closed(database: Database) -> None:
    user, seats, users = await add_user(database), PostgresSeats(database), PostgresUsers(database)
    await add_room(database)
    await seats.take(seat(user))
    await users.update(user.id, ProfileChange(active=False))
    assert [one.user.active for one in await seats.of_room("physics")] == [False]
    with pytest.raises(NotAllowed):
        await seats.take(seat(user, "p2"))
    nobody = User(new_id(), "n@school.example", "No Body", None, Role.STUDENT, active=True)
    with pytest.raises(NotAllowed):
        await seats.take(seat(nobody, "p3"))
    assert await seats.counts(["physics"]) == {"physics": 1}


async def test_attendance_outlives_the_account_and_the_seat_does_not(database: Database) -> None:
    user, seats, attendance = await add_user(database), PostgresSeats(database), PostgresAttendance(database)
    await add_room(database)
    await seats.take(seat(user))
    await PostgresUsers(database).delete(user.id)
    assert await seats.of_room("physics") == []
    (kept,) = await attendance.open_seats("physics")
    assert (kept.user_id, kept.full_name) == (None, "Some Body")
    other = await add_user(database, "b@school.example")
    await seats.take(seat(other, "p2"))
    assert await seats.close_abandoned(LATER) == 1
    assert [one.participant_id for one in await attendance.open_seats()] == ["p2"]
