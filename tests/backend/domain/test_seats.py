"""Resume tokens and the seats that wait."""

from hypothesis import given
from hypothesis import strategies as st

from backend.domain.seats import WaitingSeats, fits, new_resume_token, resume_token_hash


def test_a_token_fits_its_own_hash_only() -> None:
    token, other = new_resume_token(), new_resume_token()
    assert token != other
    assert fits(token, resume_token_hash(token))
    assert not fits(other, resume_token_hash(token))


@given(st.text())
def test_any_text_may_be_offered_as_a_token(text: str) -> None:
    assert not fits(text, resume_token_hash(new_resume_token()))


def test_a_lone_surrogate_is_no_token() -> None:
    assert not fits("\ud800", resume_token_hash("?!"))


def test_a_hash_does_not_hold_the_token() -> None:
    token = new_resume_token()
    assert token.encode() not in resume_token_hash(token)


def test_a_seat_waits_for_the_grace_and_no_longer() -> None:
    seats: WaitingSeats[str] = WaitingSeats(30)
    assert seats.next_timeout() is None
    seats.start_waiting("ann", 100)
    assert seats.next_timeout() == 130
    assert seats.handle_timeout(129.9) == []
    assert seats.handle_timeout(130) == ["ann"]
    assert seats.handle_timeout(130) == []
    assert seats.next_timeout() is None


def test_a_seat_taken_back_does_not_time_out() -> None:
    seats: WaitingSeats[str] = WaitingSeats(30)
    seats.start_waiting("ann", 100)
    seats.start_waiting("bob", 110)
    seats.stop_waiting("ann")
    seats.stop_waiting("nobody")
    assert seats.next_timeout() == 140
    assert seats.handle_timeout(1000) == ["bob"]


def test_a_second_drop_starts_the_grace_anew() -> None:
    seats: WaitingSeats[str] = WaitingSeats(30)
    seats.start_waiting("ann", 100)
    seats.start_waiting("bob", 110)
    seats.start_waiting("ann", 120)
    assert seats.handle_timeout(140) == ["bob"]
    assert seats.next_timeout() == 150
    assert len(seats) == 1


def test_no_grace_frees_at_once() -> None:
    seats: WaitingSeats[str] = WaitingSeats(0)
    seats.start_waiting("ann", 100)
    assert seats.handle_timeout(100) == ["ann"]
