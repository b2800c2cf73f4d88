import struct

import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from sfu.net.ice_lite import (
    ADDRESS_HELD_S,
    MAX_ADDRESSES,
    IceLite,
    IceState,
)
from tests.support.ice_checks import (
    HERE,
    THERE,
    check,
    nominating,
    parse_answer,
    read,
    request,
)


def test_a_valid_check_connects_and_is_answered_with_the_mapped_address() -> None:
    ice = IceLite(consent_timeout=30)
    sent = check(ice, **{"ICE-CONTROLLING": 1})
    result = ice.handle_check(sent, HERE, now=0)
    answer = parse_answer(result.answer)
    assert result.refused is None
    assert (ice.state, ice.selected) == (IceState.CONNECTED, HERE)
    assert answer.message_class == stun.Class.RESPONSE
    assert answer.transaction_id == sent.message.transaction_id
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == HERE
    assert answer.check_message_integrity(ice.credentials.password.encode())


def test_the_nominated_address_is_selected() -> None:
    ice = IceLite(30)
    ice.handle_check(check(ice), HERE, 0)
    ice.handle_check(nominating(ice), THERE, 1)
    ice.handle_check(check(ice), HERE, 2)
    assert (ice.state, ice.selected) == (IceState.COMPLETED, THERE)


def test_a_wrong_password_is_refused_and_changes_nothing() -> None:
    ice = IceLite(30)
    result = ice.handle_check(check(ice, password="wrong"), HERE, 0)
    assert parse_answer(result.answer).error_code == 401
    assert result.refused == "stun_unauthenticated"
    assert (ice.state, ice.addresses) == (IceState.NEW, {})


def unsigned(ice: IceLite, peer: str = "peer") -> bytes:
    attributes = {"USERNAME": f"{ice.credentials.username_fragment}:{peer}"}
    return bytes(stun.Message(stun.Method.BINDING, stun.Class.REQUEST, attributes=attributes))


def test_a_request_without_integrity_is_a_bad_request_and_gets_no_more_than_it_brought() -> None:
    ice = IceLite(30)
    padded = unsigned(ice, "peer" * 3)
    assert parse_answer(ice.handle_check(read(padded), HERE, 0).answer).error_code == 400
    short = unsigned(ice, "")
    result = ice.handle_check(read(short), HERE, 0)
    assert (result.answer, result.refused) == (None, "stun_unauthenticated")


@pytest.mark.parametrize("tiebreaker", [0, 7, 2**64 - 1])
def test_a_peer_that_claims_to_be_controlled_has_a_role_conflict(tiebreaker: int) -> None:
    ice = IceLite(30)
    for attributes in ({"ICE-CONTROLLED": tiebreaker}, {"ICE-CONTROLLED": tiebreaker, "ICE-CONTROLLING": 1}):
        result = ice.handle_check(check(ice, **attributes), HERE, 0)
        answer = parse_answer(result.answer)
        assert answer.error_code == 487
        assert answer.check_message_integrity(ice.credentials.password.encode())
        assert result.refused == "stun_role_conflict"
    assert ice.state is IceState.NEW
    ice.handle_check(check(ice, **{"ICE-CONTROLLING": tiebreaker}), HERE, 0)
    assert ice.state is IceState.CONNECTED


def test_an_unknown_required_attribute_is_refused_but_only_to_who_has_the_password() -> None:
    ice = IceLite(30)
    unknown = struct.pack("!HH", 0x7777, 0)
    result = ice.handle_check(check(ice, raw=unknown), HERE, 0)
    assert (parse_answer(result.answer).error_code, result.refused) == (420, "stun_unknown_attribute")
    stranger = ice.handle_check(check(ice, raw=unknown, password="wrong"), HERE, 0)
    assert parse_answer(stranger.answer).error_code == 401
    assert ice.state is IceState.NEW


def test_consent_ends_without_checks_and_comes_back_with_one() -> None:
    ice = IceLite(consent_timeout=30)
    assert ice.next_timeout() is None
    ice.handle_check(nominating(ice), HERE, now=100)
    assert ice.next_timeout() == 130
    ice.handle_timeout(129.9)
    assert (ice.state, ice.selected) == (IceState.COMPLETED, HERE)
    ice.handle_timeout(130)
    assert (ice.state, ice.selected, ice.consent_expired) == (IceState.DISCONNECTED, None, True)
    assert ice.next_timeout() is None
    ice.heard(HERE, 131)
    assert ice.selected is None, "media alone is no consent"
    ice.handle_check(nominating(ice), THERE, now=140)
    assert (ice.state, ice.selected, ice.next_timeout()) == (IceState.COMPLETED, THERE, 170)
    assert not ice.consent_expired
    ice.handle_timeout(170)
    ice.handle_check(check(ice), HERE, now=180)
    assert (ice.state, ice.selected) == (IceState.CONNECTED, HERE)


def test_addresses_are_bounded_and_the_selected_one_stays() -> None:
    ice = IceLite(30)
    ice.handle_check(nominating(ice), HERE, 0)
    forgotten = []
    for port in range(6000, 6000 + 2 * MAX_ADDRESSES):
        forgotten += ice.handle_check(check(ice), ("127.0.0.1", port), 1).forgotten
    assert len(ice.addresses) == MAX_ADDRESSES
    assert HERE in ice.addresses
    assert ice.selected == HERE
    assert len(forgotten) == MAX_ADDRESSES + 1


def test_a_closed_agent_answers_nothing() -> None:
    ice = IceLite(30)
    sent = check(ice)
    ice.close()
    result = ice.handle_check(sent, HERE, 0)
    assert (result.answer, result.refused) == (None, "stun_unknown_username")


def test_an_address_is_held_while_it_is_checked() -> None:
    ice = IceLite(30)
    ice.handle_check(nominating(ice), HERE, 0)
    ice.handle_check(check(ice), THERE, 5)
    assert ice.holds(HERE, ADDRESS_HELD_S - 0.1)
    assert not ice.holds(HERE, ADDRESS_HELD_S)
    assert ice.holds(THERE, ADDRESS_HELD_S)
    assert not ice.holds(("127.0.0.1", 1), 0)
    ice.heard(HERE, ADDRESS_HELD_S)
    assert ice.holds(HERE, 2 * ADDRESS_HELD_S - 0.1), "media comes from there"


def test_who_loses_its_last_address_is_disconnected_until_the_next_check() -> None:
    ice = IceLite(30)
    ice.handle_check(nominating(ice), HERE, 0)
    ice.handle_check(check(ice), THERE, 1)
    ice.forget(HERE, 2)
    assert (ice.state, ice.selected) == (IceState.COMPLETED, THERE)
    ice.forget(THERE, 2)
    assert (ice.state, ice.selected, ice.consent_expired) == (IceState.DISCONNECTED, None, False)
    ice.handle_check(nominating(ice), THERE, 2)
    assert (ice.state, ice.selected) == (IceState.COMPLETED, THERE)


def test_an_address_that_was_not_checked_for_long_is_nothing_to_fall_back_upon() -> None:
    ice = IceLite(30)
    ice.handle_check(nominating(ice), THERE, 0)
    ice.handle_check(nominating(ice), HERE, 29)
    ice.forget(HERE, 30)
    assert (ice.state, ice.selected) == (IceState.DISCONNECTED, None)


def test_a_restart_moves_nothing_until_the_peer_follows() -> None:
    ice = IceLite(30)
    ice.handle_check(nominating(ice), HERE, 0)
    before = check(ice)
    old = ice.credentials.username_fragment
    assert ice.restart(1) == []
    assert (ice.state, ice.selected) == (IceState.COMPLETED, HERE)
    assert ice.handle_check(before, HERE, 2).refused is None
    result = ice.handle_check(nominating(ice), THERE, 3)
    assert (result.retired, ice.selected) == ([old], THERE)
    assert parse_answer(result.answer).check_message_integrity(ice.credentials.password.encode())
    assert ice.handle_check(before, HERE, 4).refused == "stun_unknown_username"


def test_an_answer_is_signed_with_the_password_of_its_request() -> None:
    ice = IceLite(30)
    before, password = check(ice), ice.credentials.password
    ice.restart(0)
    answer = parse_answer(ice.handle_check(before, HERE, 1).answer)
    assert answer.check_message_integrity(password.encode())


def test_old_credentials_run_out_beside_the_consent() -> None:
    ice = IceLite(30)
    ice.handle_check(nominating(ice), HERE, 0)
    old = ice.credentials.username_fragment
    ice.restart(0)
    assert ice.next_timeout() == 30
    assert ice.handle_timeout(30) == []
    assert ice.state is IceState.DISCONNECTED
    assert ice.next_timeout() == 60
    assert ice.handle_timeout(60) == [old]


@given(st.data())
def test_a_damaged_request_never_authenticates(data: st.DataObject) -> None:
    ice = IceLite(30)
    good = bytearray(request(ice, **{"USE-CANDIDATE": None}))
    at = data.draw(st.integers(0, len(good) - 1))
    good[at] ^= data.draw(st.integers(1, 255))
    try:
        damaged = read(bytes(good))
    except ValueError:
        return
    assert ice.handle_check(damaged, HERE, 0).refused is not None
    assert ice.addresses == {}
