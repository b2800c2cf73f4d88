import struct

import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from sfu.net.stun_messages import (
    MAX_ATTRIBUTES_BEFORE_USERNAME,
    MAX_REQUEST_BYTES,
    error_answer,
    local_username_fragment,
    parse_request,
    success_answer,
)

KEY = b"password"


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
        parse_request(WHOLE[:length])


@given(st.binary(max_size=200), st.booleans())
def test_garbage_is_refused_with_value_error_only(data: bytes, framed: bool) -> None:
    if framed:
        data = struct.pack("!HHL12s", 1, len(data), stun.COOKIE, bytes(12)) + data
    for read in (local_username_fragment, parse_request):
        try:
            read(data)
        except ValueError as error:
            assert str(error)  # noqa: PT017 - it may also be a message


@pytest.mark.parametrize("method", [stun.Method.ALLOCATE, stun.Method.SEND])
def test_other_methods_are_not_answered(method: stun.Method) -> None:
    with pytest.raises(ValueError, match="binding request"):
        parse_request(bytes(stun.Message(method, stun.Class.REQUEST)))


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
    answer = stun.parse_message(error_answer(parse_request(WHOLE), 487, "Role Conflict", key))
    assert answer.error_code == 487
    assert answer.check_message_integrity(KEY) == (key is not None)
    assert "FINGERPRINT" in answer.attributes
