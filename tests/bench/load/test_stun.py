"""Checks against another implementation of STUN, and what is refused."""

import pytest
from aioice import stun as aioice_stun

from tests.bench.load import stun


def test_a_request_is_understood_by_aioice() -> None:
    data, transaction_id = stun.binding_request("theirs:ours", "secret")
    message = aioice_stun.parse_message(data)
    assert message.check_message_integrity(b"secret")
    assert message.transaction_id == transaction_id
    assert message.attributes["USERNAME"] == "theirs:ours"
    assert "USE-CANDIDATE" in message.attributes
    assert message.attributes["ICE-CONTROLLING"] == 2**64 - 1


def test_an_answer_is_understood_by_aioice() -> None:
    data = stun.binding_success(bytes(range(12)), ("127.0.0.1", 4711), "secret")
    message = aioice_stun.parse_message(data)
    assert message.check_message_integrity(b"secret")
    assert message.transaction_id == bytes(range(12))
    assert message.attributes["XOR-MAPPED-ADDRESS"] == ("127.0.0.1", 4711)


def test_a_message_of_aioice_is_authentic_with_its_password_only() -> None:
    message = aioice_stun.Message(aioice_stun.Method.BINDING, aioice_stun.Class.REQUEST)
    message.attributes["USERNAME"] = "a:b"
    message.add_message_integrity(b"secret")
    data = bytes(message)
    parsed = stun.parse(data)
    assert parsed is not None
    assert (parsed.kind, parsed.transaction_id) == (stun.BINDING_REQUEST, message.transaction_id)
    assert stun.is_authentic(data, "secret")
    assert not stun.is_authentic(data, "other")
    assert not stun.is_authentic(data[:20], "secret")


@pytest.mark.parametrize("data", [b"", bytes(19), bytes(20), b"\x80" + bytes(30)])
def test_what_is_no_stun_is_refused(data: bytes) -> None:
    assert stun.parse(data) is None
