"""Checks that are repeated: answered as if each had been parsed, and only if they are what they seem."""

import struct

import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from sfu.net.ice_lite import CheckResult, IceLite
from tests.support.ice_checks import HERE, THERE, read, request

ATTRIBUTES = st.fixed_dictionaries(
    {"PRIORITY": st.integers(0, 2**32 - 1)},
    optional={"USE-CANDIDATE": st.none(), "ICE-CONTROLLING": st.integers(0, 2**64 - 1), "SOFTWARE": st.text()},
)
RAW = st.sampled_from([b"", struct.pack("!HHL", 0xC057, 4, 7), struct.pack("!HHL", 0xC001, 4, 3)])


def with_fingerprint(data: bytes) -> bytes:
    data = data[:2] + struct.pack("!H", len(data) - 12) + data[4:]
    return data + struct.pack("!HHL", 0x8028, 4, stun.message_fingerprint(data))


def accepted(ice: IceLite, data: bytes, now: float = 0) -> CheckResult:
    result = ice.handle_check(read(data), HERE, now)
    assert result.refused is None
    return result


@given(ATTRIBUTES, RAW, st.booleans())
def test_a_repeated_check_is_answered_as_if_it_had_been_parsed(
    attributes: dict[str, object], raw: bytes, fingerprint: bool
) -> None:
    finish = with_fingerprint if fingerprint else bytes
    ice = IceLite(30)
    accepted(ice, finish(request(ice, raw=raw, **attributes)))
    again = finish(request(ice, raw=raw, **attributes))
    result = ice.handle_repeated(again, HERE, 1)
    assert result is not None
    states = ice.state, ice.selected, ice.next_timeout(), ice._nomination
    assert result == ice.handle_check(read(again), HERE, 1), "the peer itself may repeat it"
    assert states == (ice.state, ice.selected, ice.next_timeout(), ice._nomination)
    answer = stun.parse_message(result.answer or b"")
    assert answer.transaction_id == stun.parse_message(again).transaction_id
    assert answer.check_message_integrity(ice.credentials.password.encode())


@given(st.data(), st.booleans())
def test_whatever_is_altered_it_is_not_taken_for_repeated(data: st.DataObject, fingerprint: bool) -> None:
    finish = with_fingerprint if fingerprint else bytes
    ice = IceLite(30)
    accepted(ice, finish(request(ice)))
    again = bytearray(finish(request(ice)))
    at = data.draw(st.integers(0, len(again) - 1))
    again[at] ^= data.draw(st.integers(1, 255))
    assert ice.handle_repeated(bytes(again), HERE, 1) is None
    assert ice.handle_repeated(bytes(again[:at]), HERE, 1) is None


def test_a_known_check_is_consent() -> None:
    ice = IceLite(30)
    accepted(ice, request(ice))
    assert ice.handle_repeated(request(ice), HERE, 29) is not None
    assert ice.next_timeout() == 59


def test_a_check_that_is_sent_again_from_elsewhere_is_left_to_be_refused() -> None:
    ice = IceLite(30)
    accepted(ice, request(ice))
    again = request(ice)
    assert ice.handle_repeated(again, HERE, 1) is not None
    assert ice.handle_repeated(again, THERE, 2) is None
    assert ice.handle_check(read(again), THERE, 2).refused == "stun_replayed"


@pytest.mark.parametrize("attributes", [{"PRIORITY": 2}, {"USE-CANDIDATE": None}, {"ICE-CONTROLLED": 1}])
def test_one_that_says_something_else_is_parsed(attributes: dict[str, object]) -> None:
    ice = IceLite(30)
    accepted(ice, request(ice))
    assert ice.handle_repeated(request(ice, **attributes), HERE, 1) is None


def test_a_refused_check_is_not_known() -> None:
    ice = IceLite(30)
    for options in ({"password": "wrong"}, {"ICE-CONTROLLED": 1}, {"raw": struct.pack("!HHL", 0x7F00, 4, 1)}):
        assert ice.handle_check(read(request(ice, **options)), HERE, 0).refused is not None
        assert ice.handle_repeated(request(ice, **options), HERE, 0) is None


def test_credentials_that_are_gone_sign_nothing() -> None:
    ice = IceLite(30)
    old = [request(ice) for _ in range(3)]
    accepted(ice, old[0])
    ice.restart(1)
    assert ice.handle_repeated(old[1], HERE, 1) is not None, "they serve until the new ones are used"
    accepted(ice, request(ice), 2)
    assert ice.handle_repeated(old[2], HERE, 2) is None
    assert ice.handle_repeated(request(ice), HERE, 2) is not None


def test_after_the_end_nothing_is_known() -> None:
    ice = IceLite(30)
    accepted(ice, request(ice))
    again = request(ice)
    ice.close()
    assert ice.handle_repeated(again, HERE, 1) is None


def test_what_follows_the_integrity_unsigned_makes_a_check_unknown() -> None:
    ice = IceLite(30)
    data = request(ice)
    data = data[:2] + struct.pack("!H", len(data) - 12) + data[4:] + struct.pack("!HHL", 0x8022, 4, 0)
    accepted(ice, data)
    assert ice.handle_repeated(data, HERE, 1) is None
