import pytest

from sfu.net.ice_lite import (
    CONFIRM_WITHIN_S,
    MAX_ADDRESSES,
    MAX_TRANSACTIONS,
    QUIET_S,
    SILENT_S,
    UNCHECKED_S,
    IceLite,
    IceState,
)
from tests.support.ice_checks import (
    HERE,
    NEITHER,
    THERE,
    check,
    nominating,
)


def test_a_higher_nomination_moves_the_media_and_an_older_one_does_not() -> None:
    ice = IceLite(30)
    ice.handle_check(check(ice, nomination=2), HERE, 0)
    assert (ice.state, ice.selected) == (IceState.COMPLETED, HERE)
    for number in (1, 2):
        ice.handle_check(check(ice, nomination=number), THERE, 1)
        assert ice.selected == HERE
    ice.handle_check(check(ice, nomination=3), THERE, 2)
    assert ice.selected == THERE
    ice.handle_check(check(ice), HERE, 3)
    ice.handle_check(check(ice), THERE, 3)
    assert (ice.state, ice.selected) == (IceState.COMPLETED, THERE)


def test_nominations_count_anew_after_a_restart() -> None:
    ice = IceLite(30)
    ice.handle_check(check(ice, nomination=5), HERE, 0)
    ice.restart(1)
    ice.handle_check(check(ice), HERE, 2)
    ice.handle_check(check(ice, nomination=1), THERE, 3)
    assert ice.selected == THERE


def test_of_two_that_are_nominated_by_turns_the_better_one_stays() -> None:
    ice = IceLite(30)
    moves = []
    for n in range(20):
        before = ice.selected
        ice.handle_check(nominating(ice, PRIORITY=9), HERE, n)
        ice.handle_check(nominating(ice, PRIORITY=5), THERE, n + 0.5)
        moves.append(before != ice.selected)
    assert ice.selected == HERE
    assert not any(moves[3:])
    ice.handle_check(nominating(ice, PRIORITY=5), THERE, 21)
    ice.handle_check(nominating(ice, PRIORITY=5), THERE, 19.5 + UNCHECKED_S)
    assert ice.selected == THERE, "the better one is not nominated any more"


def test_a_worse_address_may_be_nominated_after_a_better_one() -> None:
    ice = IceLite(30)
    ice.handle_check(nominating(ice, PRIORITY=9), HERE, 0)
    ice.handle_check(nominating(ice, PRIORITY=5), THERE, 0.1)
    assert ice.selected == THERE


def test_media_from_a_proven_address_moves_ours_when_the_selected_one_is_silent() -> None:
    ice = IceLite(30)
    ice.handle_check(nominating(ice), HERE, 0)
    ice.handle_check(check(ice), THERE, 0.5)
    ice.heard(HERE, 1)
    ice.heard(THERE, 1 + SILENT_S - 0.01)
    assert ice.selected == HERE
    ice.heard(NEITHER, 1 + SILENT_S)
    assert ice.selected == HERE, "nobody has proved that address"
    ice.heard(THERE, 1 + SILENT_S)
    assert (ice.state, ice.selected) == (IceState.COMPLETED, THERE)


def test_a_peer_behind_a_new_port_that_only_checks_is_followed() -> None:
    ice = IceLite(30)
    ice.handle_check(check(ice, nomination=1), HERE, 0)
    ice.handle_check(check(ice), THERE, UNCHECKED_S - 0.1)
    assert ice.selected == HERE
    ice.handle_check(check(ice), HERE, UNCHECKED_S)
    ice.handle_check(check(ice), THERE, UNCHECKED_S + 1)
    assert ice.selected == HERE, "it is checked, though it sends nothing"
    ice.handle_check(check(ice), THERE, 2 * UNCHECKED_S)
    assert ice.selected == THERE


# --- replays ---


def test_a_check_that_is_sent_again_from_elsewhere_steals_nothing() -> None:
    ice = IceLite(30)
    overheard = nominating(ice)
    first = ice.handle_check(overheard, HERE, 0)
    result = ice.handle_check(overheard, THERE, 1)
    assert (result.answer, result.refused) == (None, "stun_replayed")
    assert (ice.selected, list(ice.addresses)) == (HERE, [HERE])
    assert ice.handle_check(overheard, HERE, 2).answer == first.answer, "the peer itself may repeat it"


def test_older_checks_that_are_sent_again_move_no_media_of_a_peer_that_sends_some() -> None:
    ice = IceLite(30)
    overheard = [nominating(ice) for _ in range(2 * MAX_TRANSACTIONS)]
    for n, one in enumerate(overheard):
        ice.handle_check(one, HERE, n)
    now = float(len(overheard))
    for one in overheard[:MAX_TRANSACTIONS]:
        ice.heard(HERE, now)
        now += QUIET_S - 0.01
        assert ice.handle_check(one, THERE, now).refused is None
        assert ice.selected == HERE


def test_a_nomination_has_its_way_with_the_first_media_from_there() -> None:
    ice = IceLite(30)
    ice.handle_check(nominating(ice), HERE, 0)
    ice.heard(HERE, 1)
    ice.handle_check(nominating(ice), THERE, 1.1)
    assert ice.selected == HERE
    ice.heard(HERE, 1.15)  # sent before, and late
    ice.heard(THERE, 1.2)
    assert (ice.state, ice.selected) == (IceState.COMPLETED, THERE)


@pytest.mark.parametrize("again", [{"USE-CANDIDATE": None}, {}])
def test_a_nomination_has_its_way_with_the_next_check_if_no_media_comes(again: dict[str, None]) -> None:
    ice = IceLite(30)
    ice.handle_check(nominating(ice), HERE, 0)
    ice.heard(HERE, 1)
    ice.handle_check(nominating(ice), THERE, 1.1)
    ice.handle_check(check(ice, **again), THERE, 1 + QUIET_S)
    assert ice.selected == THERE


def test_who_nominates_its_address_again_has_nominated_no_other() -> None:
    ice = IceLite(30)
    ice.handle_check(nominating(ice), HERE, 0)
    ice.heard(HERE, 1)
    ice.handle_check(nominating(ice), THERE, 1.1)
    ice.handle_check(nominating(ice), HERE, 1.2)
    ice.heard(THERE, 1.3)
    assert ice.selected == HERE


def test_a_nomination_is_forgotten_with_its_address() -> None:
    ice = IceLite(30)
    ice.handle_check(nominating(ice), HERE, 0)
    ice.heard(HERE, 1)
    ice.handle_check(nominating(ice), THERE, 1.1)
    ice.forget(THERE, 1.1)
    ice.handle_check(check(ice), THERE, 1.2)
    ice.heard(THERE, 1.3)
    assert ice.selected == HERE


def test_after_a_restart_a_nomination_is_taken_at_once() -> None:
    ice = IceLite(30)
    ice.handle_check(nominating(ice), HERE, 0)
    ice.heard(HERE, 1)
    ice.restart(1)
    ice.handle_check(nominating(ice), THERE, 1.1)
    assert ice.selected == THERE


def test_transactions_remembered_are_bounded_and_an_old_replay_is_undone_by_the_peers_media() -> None:
    ice = IceLite(30)
    overheard = nominating(ice)
    ice.handle_check(overheard, HERE, 0)
    for n in range(MAX_TRANSACTIONS):
        ice.handle_check(nominating(ice), HERE, n)
    assert len(ice._transactions) == MAX_TRANSACTIONS
    now = float(MAX_TRANSACTIONS)
    ice.handle_check(overheard, THERE, now)
    assert ice.selected == THERE
    ice.heard(HERE, now + SILENT_S)
    assert ice.selected == HERE
    assert ice.handle_check(overheard, NEITHER, now + 2).refused == "stun_replayed"


def test_a_nomination_is_never_taken_twice() -> None:
    ice = IceLite(30)
    overheard = check(ice, nomination=1)
    ice.handle_check(overheard, HERE, 0)
    for n in range(MAX_TRANSACTIONS):
        ice.handle_check(check(ice), HERE, n)
    ice.handle_check(overheard, THERE, MAX_TRANSACTIONS)
    assert ice.selected == HERE


def test_strangers_fill_no_memory() -> None:
    ice = IceLite(30)
    for _ in range(5):
        ice.handle_check(check(ice, password="wrong"), HERE, 0)
    assert not ice._transactions


# --- media from an address that nobody has checked from ---


def test_an_adopted_address_is_selected_until_the_check_that_confirms_it_is_overdue() -> None:
    ice = IceLite(30)
    ice.handle_check(nominating(ice), HERE, 0)
    assert ice.adopt(THERE, 1) == []
    assert ice.selected == THERE
    assert ice.next_timeout() == 1 + CONFIRM_WITHIN_S
    assert not ice.holds(THERE, 1), "who checks from there has the better claim"
    assert ice.unconfirmed(1 + CONFIRM_WITHIN_S - 0.1) is None
    assert ice.unconfirmed(1 + CONFIRM_WITHIN_S) == THERE
    ice.forget(THERE, 1 + CONFIRM_WITHIN_S)
    assert (ice.selected, list(ice.addresses), ice.unconfirmed(1e9)) == (HERE, [HERE], None)


def test_a_peer_whose_media_goes_on_is_not_followed_to_an_adopted_address() -> None:
    ice = IceLite(30)
    ice.handle_check(nominating(ice), HERE, 0)
    now = 1.0
    while now < CONFIRM_WITHIN_S:
        ice.heard(HERE, now)
        ice.heard(THERE, now) if THERE in ice.addresses else ice.adopt(THERE, now)
        now += QUIET_S - 0.01
        ice.handle_timeout(now)
        assert ice.selected == HERE
    ice.heard(HERE, now)
    ice.handle_timeout(now + QUIET_S)
    assert ice.selected == HERE, "the last media has come from there"


def test_a_peer_that_is_heard_no_more_is_followed_to_an_adopted_address_by_the_clock() -> None:
    ice = IceLite(30)
    ice.handle_check(nominating(ice), HERE, 0)
    ice.heard(HERE, 1)
    ice.adopt(THERE, 1.1)
    assert (ice.selected, ice.next_timeout()) == (HERE, 1 + QUIET_S)
    ice.handle_timeout(1 + QUIET_S)
    assert (ice.selected, ice.next_timeout()) == (THERE, 1.1 + CONFIRM_WITHIN_S)


def test_media_tells_whether_the_next_timeout_may_have_come_nearer() -> None:
    ice = IceLite(30)
    ice.handle_check(nominating(ice), HERE, 0)
    assert not ice.heard(HERE, 1)
    ice.adopt(THERE, 1.1)
    assert not ice.heard(HERE, 1.15)
    assert ice.next_timeout() == 1.1 + CONFIRM_WITHIN_S
    assert ice.heard(THERE, 1.2)
    assert ice.next_timeout() == 1.15 + QUIET_S


def test_an_adopted_address_that_others_push_out_is_not_selected() -> None:
    ice = IceLite(30)
    ice.handle_check(nominating(ice), HERE, 0)
    ice.heard(HERE, 1)
    ice.adopt(THERE, 1.1)
    for port in range(MAX_ADDRESSES):
        ice.handle_check(check(ice), ("127.0.0.1", 7000 + port), 1.1)
    assert THERE not in ice.addresses
    ice.handle_timeout(1 + QUIET_S)
    assert ice.selected == HERE


def test_a_check_confirms_an_adopted_address() -> None:
    ice = IceLite(30)
    ice.handle_check(nominating(ice), HERE, 0)
    ice.adopt(THERE, 1)
    ice.handle_check(check(ice), THERE, 2)
    assert ice.unconfirmed(1e9) is None
    assert (ice.state, ice.selected) == (IceState.COMPLETED, THERE)


def test_a_peer_that_was_not_gone_brings_its_media_back() -> None:
    ice = IceLite(30)
    ice.handle_check(nominating(ice), HERE, 0)
    ice.adopt(THERE, 1)
    ice.heard(HERE, 1 + SILENT_S)
    assert ice.selected == HERE
    ice.forget(HERE, 2)
    assert ice.state is IceState.DISCONNECTED, "nothing falls back to what nobody has confirmed"


def test_only_one_address_waits_to_be_confirmed_and_all_are_bounded() -> None:
    ice = IceLite(30)
    ice.handle_check(nominating(ice), HERE, 0)
    forgotten = [old for port in range(100) for old in ice.adopt(("127.0.0.1", 6000 + port), 1)]
    assert forgotten == [("127.0.0.1", 6000 + port) for port in range(99)]
    assert len(ice.addresses) == 2
    for port in range(20):
        ice.handle_check(check(ice), ("127.0.0.1", 7000 + port), 2)
    assert len(ice.addresses) == MAX_ADDRESSES
