import struct

import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from sfu.net.stun_messages import (
    INTEGRITY_HEAD,
    MAX_ATTRIBUTES_BEFORE_USERNAME,
    MAX_REQUEST_BYTES,
    MAX_UNKNOWN_LISTED,
    error_answer,
    local_username_fragment,
    parse_check,
    success_answer,
    unknown_attributes_answer,
)

KEY = b"password"
NOMINATION = 0xC001
UNKNOWN_ATTRIBUTES = 0x000A


def request(**attributes: object) -> bytes:
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, attributes=dict(attributes))
    message.add_message_integrity(KEY)
    return bytes(message)


WHOLE = request(USERNAME="ours:theirs", PRIORITY=1, **{"USE-CANDIDATE": None, "ICE-CONTROLLING": 1})


@pytest.mark.parametrize(("username", "fragment"), [("a:b", "a"), ("a:b:c", "a"), (":b", ""), ("\xe9:b", "��")])
def test_username_names_our_transport_first(username: str, fragment: str) -> None:
    assert local_username_fragment(request(PRIORITY=1, USERNAME=username)) == fragment


@pytest.mark.parametrize(
    "data",
    [
        request(PRIORITY=1),
        request(USERNAME="ab"),
        b"\x01\x01" + WHOLE[2:],
        WHOLE[:4] + bytes(4) + WHOLE[8:],
        WHOLE + bytes(4),
        WHOLE[:19],
        b"",
    ],
    ids=["no username", "one fragment", "an answer", "no cookie", "longer than it says", "short", "empty"],
)
def test_what_names_no_transport_is_refused_before_it_is_parsed(data: bytes) -> None:
    with pytest.raises(ValueError, match="STUN"):
        local_username_fragment(data)


def test_neither_a_long_message_nor_a_late_username_is_searched() -> None:
    empty = struct.pack("!HH", 0x0025, 0)
    tail = struct.pack("!HH4s", 6, 3, b"a:b")

    def message(before: int) -> bytes:
        body = empty * before + tail
        return struct.pack("!HHL12s", 1, len(body), stun.COOKIE, bytes(12)) + body

    assert local_username_fragment(message(MAX_ATTRIBUTES_BEFORE_USERNAME)) == "a"
    with pytest.raises(ValueError, match="USERNAME"):
        local_username_fragment(message(MAX_ATTRIBUTES_BEFORE_USERNAME + 1))
    with pytest.raises(ValueError, match="bytes"):
        local_username_fragment(request(USERNAME="a:b", DATA=bytes(MAX_REQUEST_BYTES)))


@given(st.integers(0, len(WHOLE) - 1))
def test_a_truncated_request_is_malformed(length: int) -> None:
    with pytest.raises(ValueError, match=r".+"):
        local_username_fragment(WHOLE[:length])
    with pytest.raises(ValueError, match=r".+"):
        parse_check(WHOLE[:length], "ours")


@given(st.binary(max_size=200), st.booleans())
def test_garbage_is_refused_with_value_error_only(data: bytes, framed: bool) -> None:
    if framed:
        data = struct.pack("!HHL12s", 1, len(data), stun.COOKIE, bytes(12)) + data
    for read in (local_username_fragment, lambda request: parse_check(request, "ours")):
        try:
            read(data)
        except ValueError as error:
            assert str(error)  # noqa: PT017 - it may also be a message


@pytest.mark.parametrize("method", [stun.Method.ALLOCATE, stun.Method.SEND])
def test_other_methods_are_not_answered(method: stun.Method) -> None:
    with pytest.raises(ValueError, match="binding request"):
        parse_check(bytes(stun.Message(method, stun.Class.REQUEST)), "ours")


@pytest.mark.parametrize(
    "address", [("192.0.2.1", 1), ("255.255.255.255", 65535), ("2001:db8::1", 5000, 0, 0)], ids=str
)
def test_the_answer_is_what_aioice_would_build(address: tuple[str, int]) -> None:
    for transaction_id in (bytes(range(12)), bytes(12)):
        expected = stun.Message(
            stun.Method.BINDING, stun.Class.RESPONSE, transaction_id, {"XOR-MAPPED-ADDRESS": address[:2]}
        )
        expected.add_message_integrity(KEY)
        assert success_answer(transaction_id, address, KEY) == bytes(expected)


def test_an_ipv4_peer_of_a_socket_for_both_families_hears_its_ipv4_address() -> None:
    answer = stun.parse_message(success_answer(bytes(12), ("::ffff:192.0.2.1", 7, 0, 0), KEY))
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == ("192.0.2.1", 7)


@pytest.mark.parametrize("key", [None, KEY])
def test_an_error_answer_is_signed_if_there_is_a_key(key: bytes | None) -> None:
    answer = stun.parse_message(error_answer(stun.parse_message(WHOLE), 487, "Role Conflict", key))
    assert answer.error_code == 487
    assert answer.check_message_integrity(KEY) == (key is not None)
    assert "FINGERPRINT" in answer.attributes


def with_attributes(*attributes: tuple[int, bytes], after: tuple[int, bytes] | None = None) -> bytes:
    """A signed request with attributes that aioice has no name for."""
    body = b"".join(attribute(kind, value) for kind, value in ((6, b"ours:theirs"), *attributes))
    message = struct.pack("!HHL12s", 1, len(body) + stun.INTEGRITY_LENGTH, stun.COOKIE, bytes(12)) + body
    message += attribute(8, stun.message_integrity(message, KEY))
    message += b"" if after is None else attribute(*after)
    return message[:2] + struct.pack("!H", len(message) - 20) + message[4:]


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def test_a_check_says_what_it_is() -> None:
    check = parse_check(WHOLE, "ours")
    assert (check.fragment, check.use_candidate, check.nomination) == ("ours", True, None)
    assert (check.priority, check.unknown, check.data) == (1, (), WHOLE)
    assert WHOLE[check.integrity_at : check.integrity_at + 4] == INTEGRITY_HEAD
    renominating = parse_check(with_attributes((NOMINATION, b"\0\0\0\7")), "ours")
    assert (renominating.nomination, renominating.use_candidate) == (7, False)
    assert renominating.message.check_message_integrity(KEY)


@pytest.mark.parametrize("value", [b"", b"\1", b"\0\0\0\0\1"])
def test_a_malformed_nomination_is_refused(value: bytes) -> None:
    with pytest.raises(ValueError, match="NOMINATION"):
        parse_check(with_attributes((NOMINATION, value)), "ours")


def test_only_required_attributes_have_to_be_understood() -> None:
    check = parse_check(
        with_attributes((0x7777, b"?"), (0x8777, b"?"), (0x001C, bytes(32)), (0x0017, b"")), "ours"
    )
    assert check.unknown == (0x7777, 0x0017)


def test_what_follows_the_integrity_is_nobodys_word() -> None:
    check = parse_check(with_attributes(after=(NOMINATION, b"\0\0\0\7")), "ours")
    assert check.nomination is None
    assert parse_check(with_attributes(after=(0x7777, b"")), "ours").unknown == ()


@pytest.mark.parametrize("count", [1, 2, MAX_UNKNOWN_LISTED, 100])
def test_a_420_answer_names_what_was_not_understood_and_stays_short(count: int) -> None:
    unknown = tuple(0x7000 + n for n in range(count))
    request = with_attributes(*((kind, b"") for kind in unknown))
    answer = unknown_attributes_answer(stun.parse_message(request), unknown, KEY)
    parsed = stun.parse_message(answer)
    assert parsed.error_code == 420
    assert parsed.check_message_integrity(KEY)
    listed = b"".join(kind.to_bytes(2, "big") for kind in unknown[:MAX_UNKNOWN_LISTED])
    assert attribute(UNKNOWN_ATTRIBUTES, listed) in answer
    assert len(answer) <= 100
