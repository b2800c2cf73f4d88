import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.codecs.vp9 import Vp9Descriptor, is_key_frame, parse_descriptor

# Name, descriptor in hex, what it says, whether it starts a key frame.
DESCRIPTORS = [
    ("least", "08", Vp9Descriptor(1, False, False, True, False, False), True),
    ("end of a frame", "05", Vp9Descriptor(1, False, False, False, True, True), False),
    ("inter picture", "48", Vp9Descriptor(1, True, False, True, False, False), False),
    ("7-bit picture id", "8811", Vp9Descriptor(2, False, False, True, False, False, 0x11, 7, 1), True),
    ("15-bit picture id", "8cffee", Vp9Descriptor(3, False, False, True, True, False, 0x7FEE, 15, 1), True),
    (
        "layers, non-flexible",
        "a811 30 aa",
        Vp9Descriptor(4, False, False, True, False, False, 0x11, 7, 1, 1, 0, True, False, 0xAA),
        True,
    ),
    (
        "upper spatial layer",
        "a88123 05 aa",
        Vp9Descriptor(5, False, False, True, False, False, 0x0123, 15, 1, 0, 2, False, True, 0xAA),
        False,
    ),
    (
        "flexible with references",
        "f811 00 030502",
        Vp9Descriptor(6, True, True, True, False, False, 0x11, 7, 1, 0, 0, False, False, None, (1, 2, 1)),
        False,
    ),
    (
        "structure with resolutions and group",
        "0a 38 014000f0 028001e0 02 04 01 18 0203",
        Vp9Descriptor(16, False, False, True, False, False, spatial_layers=2),
        True,
    ),
    ("bare structure", "0a 00", Vp9Descriptor(2, False, False, True, False, False, spatial_layers=1), True),
]


@pytest.mark.parametrize(
    ("text", "expected", "key"), [case[1:] for case in DESCRIPTORS], ids=[case[0] for case in DESCRIPTORS]
)
def test_descriptors(text: str, expected: Vp9Descriptor, key: bool) -> None:
    payload = bytes.fromhex(text) + b"vp9"
    assert parse_descriptor(memoryview(payload)) == expected
    assert is_key_frame(payload) is key


@pytest.mark.parametrize("text", [case[1] for case in DESCRIPTORS])
def test_truncated_twins(text: str) -> None:
    descriptor = bytes.fromhex(text)
    for length in range(len(descriptor)):
        with pytest.raises(ValueError, match=f"VP9 payload of {length} bytes ends within its descriptor"):
            parse_descriptor(descriptor[:length])
        is_key_frame(descriptor[:length])
    assert is_key_frame(b"") is False
    assert is_key_frame(b"\xa8\x81\x23") is False


def test_too_many_references() -> None:
    with pytest.raises(ValueError, match="VP9 descriptor has more than 3 references"):
        parse_descriptor(bytes.fromhex("5803030302"))


@given(st.binary(max_size=24))
def test_garbage_raises_nothing_but_value_error(payload: bytes) -> None:
    key = is_key_frame(payload)
    try:
        descriptor = parse_descriptor(payload)
    except ValueError:
        return
    assert descriptor.size <= len(payload)
    assert key is (descriptor.starts_frame and not descriptor.inter_picture and not descriptor.sid)
