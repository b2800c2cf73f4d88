"""The probes' few lines of STUN against aioice's."""

from aioice import stun

from deploy.probes.stun import new_check

KEY = b"a-password-of-ice"


def answer_to(request: bytes, key: bytes = KEY, kind: stun.Class = stun.Class.RESPONSE) -> bytes:
    asked = stun.parse_message(request)
    answer = stun.Message(asked.message_method, kind, transaction_id=asked.transaction_id)
    answer.attributes["XOR-MAPPED-ADDRESS"] = ("192.0.2.1", 4711)
    answer.add_message_integrity(key)
    return bytes(answer)


def test_the_request_is_one_that_others_take() -> None:
    check = new_check("theirs", KEY.decode())
    asked = stun.parse_message(check.request)
    assert asked.check_message_integrity(KEY)
    assert (asked.message_method, asked.message_class) == (stun.Method.BINDING, stun.Class.REQUEST)
    assert asked.attributes["USERNAME"] == "theirs:probe"
    assert {"PRIORITY", "ICE-CONTROLLING", "MESSAGE-INTEGRITY", "FINGERPRINT"} <= asked.attributes.keys()
    assert "USE-CANDIDATE" not in asked.attributes


def test_only_the_genuine_answer_counts() -> None:
    check = new_check("theirs", KEY.decode())
    good = answer_to(check.request)
    assert check.is_answered_by(good)
    assert not check.is_answered_by(check.request)
    assert not check.is_answered_by(answer_to(new_check("theirs", KEY.decode()).request))
    assert not check.is_answered_by(answer_to(check.request, key=b"another password"))
    assert not check.is_answered_by(answer_to(check.request, kind=stun.Class.ERROR))


def test_no_damaged_or_cut_answer_counts() -> None:
    check = new_check("theirs", KEY.decode())
    good = answer_to(check.request)
    assert not any(check.is_answered_by(good[:length]) for length in range(len(good)))
    sealed = len(good) - 8  # FINGERPRINT, which comes after the seal, guards against accidents alone
    for at in range(sealed):
        assert not check.is_answered_by(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])


def test_an_answer_without_integrity_does_not_count() -> None:
    check = new_check("theirs", KEY.decode())
    bare = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, transaction_id=check.request[8:20])
    assert not check.is_answered_by(bytes(bare))
