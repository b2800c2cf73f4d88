"""The waiting room: who knocks, who is told, who is let in, and what is left of it."""

import asyncio

import pytest

from backend.domain.admissions import TELL_EVERY_S
from backend.domain.joining import Joined, JoinWish
from backend.domain.notices import AdmissionDenied, Admitted, RoomEnded, WaitingUpdated
from backend.domain.participants import Participant
from backend.domain.ports import Identity
from backend.domain.users import Role, User
from backend.domain.waiting_room import MAX_DOORS, MAX_WAITING
from backend.errors import DatabaseUnavailable, NotAllowed, VtpError
from tests.support.live_class import NotedOutbox, School, a_room, a_user


@pytest.fixture
async def school() -> School:
    school = School()
    school.rooms.records["physics"] = a_room(waiting_room=True)
    return school


async def knock(
    school: School, user: User, outbox: NotedOutbox | None = None, room: str = "physics"
) -> NotedOutbox:
    """Join, and be told to wait."""
    outbox = outbox or NotedOutbox()
    assert await refusal(school, user, outbox, room) == "WAITING_FOR_ADMISSION"
    return outbox


async def refusal(school: School, user: User, outbox: NotedOutbox, room: str = "physics") -> str:
    """Join, and return the code that comes of it, empty for a seat."""
    try:
        joined = await school.classes.join(Identity(user, "session"), JoinWish(room), outbox)
    except VtpError as error:
        return error.code
    school.classes.catch_up(joined.me)
    return ""


async def enter(school: School, role: Role = Role.ADMIN) -> tuple[Participant, NotedOutbox]:
    """Let somebody come in who runs the room."""
    joined: Joined
    joined, outbox = await school.join(a_user(role))
    school.classes.catch_up(joined.me)
    return joined.me, outbox


def names(outbox: NotedOutbox) -> list[str]:
    """Who waits, by the latest list that was told."""
    latest = outbox.of(WaitingUpdated)[-1]
    assert isinstance(latest, WaitingUpdated)
    return [waiter.full_name for waiter in latest.waiting]


async def test_who_runs_the_room_hears_who_waits_and_lets_them_in(school: School) -> None:
    admin, told = await enter(school)
    teacher, teacher_told = await enter(school, Role.TEACHER)
    anna, ben = a_user(), a_user()
    anna_out = await knock(school, anna)
    assert names(told) == [anna.full_name]
    assert teacher_told.of(WaitingUpdated) == [], "a teacher who does not own the room lets nobody in"
    ben_out = await knock(school, ben)
    first, second = school.admissions.waiting(admin)
    assert (first.user_id, second.user_id) == (anna.id, ben.id)
    await school.admissions.admit(admin, first.waiting_id)
    assert anna_out.notices == [Admitted("physics")]
    assert anna_out.ended is None
    assert await refusal(school, anna, anna_out) == ""
    school.admissions.deny(admin, second.waiting_id)
    assert ben_out.notices == [AdmissionDenied("physics")]
    assert ben_out.ended == "admission-denied"
    for asks in (school.admissions.waiting, lambda me: school.admissions.deny(me, second.waiting_id)):
        with pytest.raises(NotAllowed):
            asks(teacher)
    for lets_in in (school.admissions.admit(teacher, second.waiting_id), school.admissions.admit_all(teacher)):
        with pytest.raises(NotAllowed):
            await lets_in


async def test_a_list_that_changes_a_lot_is_told_now_and_then(school: School) -> None:
    _, told = await enter(school)
    people = [a_user() for _ in range(200)]
    for person in people:
        await knock(school, person)
    assert len(told.of(WaitingUpdated)) == 1
    await asyncio.sleep(2 * TELL_EVERY_S)
    assert len(told.of(WaitingUpdated)) == 2
    assert names(told) == [person.full_name for person in people]


async def test_who_comes_to_run_the_room_hears_who_waited_before(school: School) -> None:
    anna = a_user()
    out = await knock(school, anna)
    assert "physics" in school.classes.rooms
    admin, told = await enter(school)
    assert names(told) == [anna.full_name]
    await school.admissions.admit_all(admin)
    assert await refusal(school, anna, out) == ""


async def test_who_is_gone_waits_no_more_and_leaves_nothing_behind(school: School) -> None:
    out = await knock(school, a_user())
    for _ in range(2):
        school.admissions.withdraw(out)
    assert school.classes.rooms == {}
    assert school.admissions._at == {}


async def test_a_socket_waits_in_one_place(school: School) -> None:
    school.rooms.records["chemistry"] = a_room("chemistry", waiting_room=True)
    anna, out = a_user(), NotedOutbox()
    await knock(school, anna, out)
    since = school.classes.rooms["physics"].waiting_room.waiters
    await knock(school, anna, out)
    assert school.classes.rooms["physics"].waiting_room.waiters == since
    await knock(school, anna, out, "chemistry")
    assert set(school.classes.rooms) == {"chemistry"}
    school.rooms.records["open"] = a_room("open")
    assert await refusal(school, anna, out, "open") == ""
    assert set(school.classes.rooms) == {"open"}


async def test_a_user_with_two_sockets_waits_once_and_hears_it_on_both(school: School) -> None:
    admin, _ = await enter(school)
    anna = a_user()
    outs = [await knock(school, anna) for _ in range(MAX_DOORS)]
    assert len(school.admissions.waiting(admin)) == 1
    assert await refusal(school, anna, NotedOutbox()) == "LIMIT_REACHED"
    school.admissions.withdraw(outs[0])
    assert len(school.admissions.waiting(admin)) == 1
    await school.admissions.admit_all(admin)
    assert [len(out.of(Admitted)) for out in outs] == [0, *[1] * (MAX_DOORS - 1)]


async def test_only_so_many_wait(school: School) -> None:
    for _ in range(MAX_WAITING):
        await knock(school, a_user())
    late = NotedOutbox()
    assert await refusal(school, a_user(), late) == "WAITING_ROOM_FULL"
    assert late.notices == []


async def test_switched_off_everybody_comes_in(school: School) -> None:
    anna = a_user()
    out = await knock(school, anna)
    school.classes.open_rooms.on_changed = school.admissions.room_changed
    school.rooms.records["physics"] = a_room(waiting_room=False)
    await school.classes.room_changed(school.rooms.records["physics"])
    assert out.notices == [Admitted("physics")]
    assert school.classes.rooms == {}
    assert await refusal(school, anna, out) == ""


async def test_an_admission_holds_until_everybody_has_left(school: School) -> None:
    admin, _ = await enter(school)
    anna = a_user()
    out = await knock(school, anna)
    await school.admissions.admit_all(admin)
    assert await refusal(school, anna, out) == ""
    for seat in list(school.classes.rooms["physics"].participants.values()):
        if seat.user is anna:
            await school.classes.leave(seat)
    assert await refusal(school, anna, NotedOutbox()) == "", "the class goes on"
    for seat in list(school.classes.rooms["physics"].participants.values()):
        await school.classes.leave(seat)
    await knock(school, anna)


async def test_who_was_sent_out_knocks_again(school: School) -> None:
    admin, _ = await enter(school)
    anna = a_user()
    out = await knock(school, anna)
    await school.admissions.admit_all(admin)
    await refusal(school, anna, out)
    (seat,) = (one for one in admin.room.participants.values() if one.user is anna)
    school.moderation.kick(admin, seat.id)
    await school.settle()
    await knock(school, anna)


async def test_who_was_sent_out_knocks_again_also_before_that_is_written_down(school: School) -> None:
    admin, _ = await enter(school)
    anna = a_user()
    out = await knock(school, anna)
    await school.admissions.admit_all(admin)
    await refusal(school, anna, out)
    (seat,) = (one for one in admin.room.participants.values() if one.user is anna)
    school.admitted.available = False
    school.moderation.kick(admin, seat.id)
    await school.settle()
    school.admitted.available = True
    assert ("physics", anna.id) in school.admitted.kept, "the database was away"
    again = await knock(school, anna)
    await school.admissions.admit_all(admin)
    assert await refusal(school, anna, again) == "", "let in anew"


async def test_a_locked_room_lets_nobody_wait_and_nobody_in(school: School) -> None:
    admin, _ = await enter(school)
    waiting = await knock(school, a_user())
    await school.moderation.lock(admin, locked=True)
    assert await refusal(school, a_user(), NotedOutbox()) == "ROOM_LOCKED"
    with pytest.raises(VtpError) as error:
        await school.admissions.admit_all(admin)
    assert error.value.code == "ROOM_LOCKED"
    await school.moderation.lock(admin, locked=False)
    await school.admissions.admit_all(admin)
    assert waiting.notices == [Admitted("physics")]


async def test_a_closed_room_turns_everybody_away(school: School) -> None:
    await enter(school)
    out = await knock(school, a_user())
    await school.classes.close_room("physics", "deleted")
    assert out.notices == [RoomEnded("deleted")]
    assert out.ended == "deleted"
    alone = await knock(school, a_user())
    await school.classes.close_room("physics", "deleted")
    assert alone.ended == "deleted"
    assert school.classes.rooms == {}
    assert school.admissions._at == {}


async def test_without_the_database_who_waits_goes_on_waiting(school: School) -> None:
    admin, _ = await enter(school)
    out = await knock(school, a_user())
    school.admitted.available = False
    with pytest.raises(DatabaseUnavailable):
        await school.admissions.admit_all(admin)
    assert out.notices == []
    school.admitted.available = True
    await school.admissions.admit_all(admin)
    assert out.notices == [Admitted("physics")]


async def test_who_knocks_anew_while_being_let_in_is_let_in(school: School) -> None:
    admin, _ = await enter(school)
    anna = a_user()
    first = await knock(school, anna)
    admitting = asyncio.ensure_future(school.admissions.admit_all(admin))
    await asyncio.sleep(0)
    school.admissions.withdraw(first)
    again = NotedOutbox()
    assert admin.room.waiting_room.knock(anna, again, school.time())
    await admitting
    assert (first.notices, again.notices) == ([], [Admitted("physics")])
    assert school.admissions.waiting(admin) == ()


async def test_a_full_room_is_told_only_to_who_may_come_in(school: School) -> None:
    school.rooms.records["physics"] = a_room(waiting_room=True, max_participants=1)
    admin, _ = await enter(school)
    out = await knock(school, anna := a_user())
    await school.admissions.admit_all(admin)
    assert await refusal(school, anna, out) == "ROOM_FULL"
