"""Invitations, admissions and rooms' rules on a real database."""

from datetime import timedelta

import pytest

from backend.domain.entrance_ports import Invitation
from backend.domain.pages import PageRequest
from backend.domain.rooms import RoomChange, RoomRecord
from backend.errors import NotFound
from backend.storage.database import Database
from backend.storage.entrance import PostgresAdmissions, PostgresInvitations
from backend.storage.rooms import PostgresRooms
from backend.storage.seats import PostgresSeats
from backend.storage.users import PostgresUsers
from tests.backend.storage.test_seats import LATER, NOW, SECOND, add_room, add_user, seat


async def test_a_room_is_kept_with_its_rules_and_its_password(database: Database) -> None:
    rooms = PostgresRooms(database)
    wanted = RoomRecord("physics", "Physics", None, 10, False, True, NOW, True, True, True, True)
    assert await rooms.create_if_absent(wanted, "the hash") == (wanted, True)
    assert await rooms.get("physics") == wanted
    assert await rooms.password_hash("physics") == "the hash"
    assert await rooms.password_hash("nowhere") is None
    changed = await rooms.update("physics", RoomChange(waiting_room=False))
    assert changed is not None
    assert (changed.waiting_room, changed.has_password, changed.invitation_required) == (False, True, True)
    changed = await rooms.update("physics", RoomChange(password_hash=""))
    assert changed is not None
    assert changed.has_password is False
    assert await rooms.password_hash("physics") is None
    assert (await rooms.list(PageRequest(), "HYS")).total == 1
    assert (await rooms.list(PageRequest(), "%")).total == 0


async def test_an_invitation_fits_its_room_until_it_is_over_replaced_or_revoked(database: Database) -> None:
    invitations = PostgresInvitations(database)
    await add_room(database)
    await add_room(database, "chemistry")
    invitation = Invitation(NOW, LATER)
    await invitations.put("physics", b"one", invitation)
    assert await invitations.get("physics", NOW) == invitation
    assert await invitations.fits("physics", b"one", LATER - SECOND)
    assert not await invitations.fits("chemistry", b"one", NOW)
    assert not await invitations.fits("physics", b"one", LATER)
    assert await invitations.get("physics", LATER) is None
    await invitations.put("physics", b"two", Invitation(LATER, LATER + timedelta(days=1)))
    assert not await invitations.fits("physics", b"one", NOW)
    assert await invitations.fits("physics", b"two", LATER)
    for _ in range(2):
        await invitations.remove("physics")
    assert not await invitations.fits("physics", b"two", LATER)
    with pytest.raises(NotFound):
        await invitations.put("nowhere", b"one", invitation)


async def test_an_admission_counts_while_somebody_sits_in_the_room(database: Database) -> None:
    admissions, seats = PostgresAdmissions(database), PostgresSeats(database)
    await add_room(database)
    host, guest = await add_user(database), await add_user(database, "b@school.example")
    await seats.take(seat(host, "host"))
    for _ in range(2):
        await admissions.add("physics", [guest.id, "7d1f6a9e-0000-4000-8000-000000000000"], NOW)
    assert await admissions.holds("physics", guest.id)
    assert not await admissions.holds("physics", host.id)
    await seats.take(seat(guest, "guest"))
    await seats.free("host", LATER)
    await admissions.purge()
    assert await admissions.holds("physics", guest.id)
    await seats.free("guest", LATER)
    assert not await admissions.holds("physics", guest.id)
    await seats.take(seat(host, "host again"))
    assert not await admissions.holds("physics", guest.id), "a new class begins with nobody let in"


async def test_admissions_are_taken_back_and_go_with_account_and_room(database: Database) -> None:
    admissions = PostgresAdmissions(database)
    host = await add_user(database)
    guests = [await add_user(database, f"{number}@school.example") for number in range(3)]
    for room_id in ("physics", "chemistry"):
        await add_room(database, room_id)
        await PostgresSeats(database).take(seat(host, f"host of {room_id}", room_id))
        await admissions.add(room_id, [guest.id for guest in guests], NOW)
    await admissions.remove("physics", guests[0].id)
    await PostgresUsers(database).delete(guests[1].id)
    held = [await admissions.holds("physics", guest.id) for guest in guests]
    assert held == [False, False, True]
    assert await admissions.holds("chemistry", guests[0].id)
    await PostgresRooms(database).delete("chemistry")
    assert not await admissions.holds("chemistry", guests[0].id)
    with pytest.raises(NotFound):
        await admissions.add("chemistry", [guests[0].id], NOW)


async def test_what_is_over_is_cleared_away(database: Database) -> None:
    admissions, seats = PostgresAdmissions(database), PostgresSeats(database)
    await add_room(database)
    host = await add_user(database)
    await seats.take(seat(host))
    await admissions.add("physics", [host.id], NOW)
    await seats.free("p1", LATER)
    await admissions.purge()
    assert await database.one("SELECT count(*) AS kept FROM admissions") == {"kept": 0}
