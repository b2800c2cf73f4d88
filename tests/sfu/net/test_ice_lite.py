from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from sfu.net.ice_lite import ADDRESS_HELD_S, MAX_ADDRESSES, IceLite, IceState
from sfu.net.stun_messages import parse_request

HERE = ("127.0.0.1", 5000)
THERE = ("127.0.0.1", 5001)


def request(ice: IceLite, *, password: str | None = None, **attributes: object) -> stun.Message:
    message = stun.Message(
        stun.Method.BINDING,
        stun.Class.REQUEST,
        attributes={"USERNAME": f"{ice.username_fragment}:peer", "PRIORITY": 1, **attributes},
    )
    message.add_message_integrity((password or ice.password).encode())
    return parse_request(bytes(message))


def nominating(ice: IceLite) -> stun.Message:
    return request(ice, **{"USE-CANDIDATE": None, "ICE-CONTROLLING": 1})


def parse_answer(data: bytes | None) -> stun.Message:
    assert data is not None
    return stun.parse_message(data)


def test_a_valid_check_connects_and_is_answered_with_the_mapped_address() -> None:
    ice = IceLite(consent_timeout=30)
    message = request(ice, **{"ICE-CONTROLLING": 1})
    result = ice.handle_request(message, HERE, now=0)
    answer = parse_answer(result.answer)
    assert result.authenticated
    assert (ice.state, ice.selected) == (IceState.CONNECTED, HERE)
    assert answer.message_class == stun.Class.RESPONSE
    assert answer.transaction_id == message.transaction_id
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == HERE
    assert answer.check_message_integrity(ice.password.encode())


def test_the_nominated_address_is_selected() -> None:
    ice = IceLite(30)
    ice.handle_request(request(ice), HERE, 0)
    ice.handle_request(nominating(ice), THERE, 1)
    ice.handle_request(request(ice), HERE, 2)
    assert (ice.state, ice.selected) == (IceState.COMPLETED, THERE)


def test_a_wrong_password_is_refused_and_changes_nothing() -> None:
    ice = IceLite(30)
    result = ice.handle_request(request(ice, password="wrong"), HERE, 0)
    assert parse_answer(result.answer).error_code == 401
    assert not result.authenticated
    assert (ice.state, ice.addresses) == (IceState.NEW, {})


def test_a_request_without_integrity_is_a_bad_request() -> None:
    ice = IceLite(30)
    message = stun.Message(
        stun.Method.BINDING, stun.Class.REQUEST, attributes={"USERNAME": f"{ice.username_fragment}:peer"}
    )
    answer = parse_answer(ice.handle_request(parse_request(bytes(message)), HERE, 0).answer)
    assert answer.error_code == 400
    assert len(bytes(answer)) <= 2 * len(bytes(message))


def test_a_peer_that_claims_to_be_controlled_has_a_role_conflict() -> None:
    ice = IceLite(30)
    result = ice.handle_request(request(ice, **{"ICE-CONTROLLED": 7}), HERE, 0)
    assert parse_answer(result.answer).error_code == 487
    assert ice.state is IceState.NEW


def test_consent_ends_without_checks_and_comes_back_with_one() -> None:
    ice = IceLite(consent_timeout=30)
    assert ice.next_timeout() is None
    ice.handle_request(nominating(ice), HERE, now=100)
    assert ice.next_timeout() == 130
    ice.handle_timeout(129.9)
    assert ice.state is IceState.COMPLETED
    ice.handle_timeout(130)
    assert ice.state is IceState.DISCONNECTED
    assert ice.next_timeout() is None
    ice.handle_request(nominating(ice), THERE, now=140)
    assert (ice.state, ice.selected, ice.next_timeout()) == (IceState.COMPLETED, THERE, 170)


def test_addresses_are_bounded_and_the_selected_one_stays() -> None:
    ice = IceLite(30)
    ice.handle_request(nominating(ice), HERE, 0)
    forgotten = []
    for port in range(6000, 6000 + 2 * MAX_ADDRESSES):
        forgotten += ice.handle_request(request(ice), ("127.0.0.1", port), 1).forgotten
    assert len(ice.addresses) == MAX_ADDRESSES
    assert HERE in ice.addresses
    assert ice.selected == HERE
    assert len(forgotten) == MAX_ADDRESSES + 1


def test_a_closed_agent_answers_nothing() -> None:
    ice = IceLite(30)
    ice.close()
    result = ice.handle_request(request(ice), HERE, 0)
    assert (result.answer, result.authenticated) == (None, False)


def test_credentials_are_long_enough_and_never_the_same() -> None:
    agents = [IceLite(30) for _ in range(50)]
    assert len({agent.username_fragment for agent in agents}) == 50
    assert all(len(agent.username_fragment) >= 4 and len(agent.password) >= 22 for agent in agents)


def test_an_address_is_held_while_it_is_checked() -> None:
    ice = IceLite(30)
    ice.handle_request(nominating(ice), HERE, 0)
    ice.handle_request(request(ice), THERE, 5)
    assert ice.holds(HERE, ADDRESS_HELD_S - 0.1)
    assert not ice.holds(HERE, ADDRESS_HELD_S)
    assert ice.holds(THERE, ADDRESS_HELD_S)
    assert not ice.holds(("127.0.0.1", 1), 0)


def test_who_loses_its_last_address_is_disconnected_until_the_next_check() -> None:
    ice = IceLite(30)
    ice.handle_request(nominating(ice), HERE, 0)
    ice.handle_request(request(ice), THERE, 1)
    ice.forget(HERE)
    assert (ice.state, ice.selected) == (IceState.COMPLETED, THERE)
    ice.forget(THERE)
    assert (ice.state, ice.selected) == (IceState.DISCONNECTED, None)
    ice.handle_request(nominating(ice), THERE, 2)
    assert (ice.state, ice.selected) == (IceState.COMPLETED, THERE)


@given(st.data())
def test_a_damaged_request_never_authenticates(data: st.DataObject) -> None:
    ice = IceLite(30)
    good = bytearray(bytes(nominating(ice)))
    protected = len(good) - stun.FINGERPRINT_LENGTH  # the fingerprint itself lies outside of the integrity
    at = data.draw(st.integers(0, protected - 1))
    good[at] ^= data.draw(st.integers(1, 255))
    try:
        message = parse_request(bytes(good))
    except ValueError:
        return
    assert not ice.handle_request(message, HERE, 0).authenticated
