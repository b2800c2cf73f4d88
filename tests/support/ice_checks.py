"""Connectivity checks as an ICE agent reads them (RFC 8445 7.1), for tests of the agent alone."""

import struct

from aioice import stun

from sfu.net.ice_lite import IceLite
from sfu.net.stun_messages import Check, local_username_fragment, parse_check

HERE = ("127.0.0.1", 5000)
THERE = ("127.0.0.1", 5001)
NEITHER = ("127.0.0.1", 5002)
NOMINATION = 0xC001


def request(
    ice: IceLite,
    *,
    password: str | None = None,
    raw: bytes = b"",
    nomination: int | None = None,
    **attributes: object,
) -> bytes:
    credentials = ice.credentials
    message = stun.Message(
        stun.Method.BINDING,
        stun.Class.REQUEST,
        attributes={"USERNAME": f"{credentials.username_fragment}:peer", "PRIORITY": 1, **attributes},
    )
    if nomination is not None:
        raw += struct.pack("!HHL", NOMINATION, 4, nomination)
    body = bytes(message)[20:] + raw
    head = struct.pack("!HHL12s", 1, len(body) + stun.INTEGRITY_LENGTH, stun.COOKIE, message.transaction_id)
    integrity = stun.message_integrity(head + body, (password or credentials.password).encode())
    return head + body + struct.pack("!HH", 8, 20) + integrity


def read(data: bytes) -> Check:
    return parse_check(data, local_username_fragment(data))


def check(ice: IceLite, **options: object) -> Check:
    return read(request(ice, **options))  # type: ignore[arg-type]


def nominating(ice: IceLite, **options: object) -> Check:
    return check(ice, **{"USE-CANDIDATE": None, "ICE-CONTROLLING": 1, **options})


def parse_answer(data: bytes | None) -> stun.Message:
    assert data is not None
    return stun.parse_message(data)
