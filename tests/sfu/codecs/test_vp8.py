import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.codecs.vp8 import Vp8Descriptor, is_key_frame, parse_descriptor

KEY, INTER = b"\x10\x9d", b"\x11\x9d"

# Name, descriptor in hex, what it says.
DESCRIPTORS = [
    ("least", "10", Vp8Descriptor(1, True, 0, False)),
    ("non-reference", "35", Vp8Descriptor(1, True, 5, True)),
    ("no optional field", "9000", Vp8Descriptor(2, True, 0, False)),
    ("7-bit picture id", "908011", Vp8Descriptor(3, True, 0, False, 0x11, 7, 2)),
    ("15-bit picture id", "9080ffee", Vp8Descriptor(4, True, 0, False, 0x7FEE, 15, 2)),
    ("TL0PICIDX", "9040aa", Vp8Descriptor(3, True, 0, False, tl0_pic_idx=0xAA, tl0_pic_idx_at=2)),
    ("TID and Y", "9020a0", Vp8Descriptor(3, True, 0, False, tid=2, y=True)),
    ("KEYIDX", "90101f", Vp8Descriptor(3, True, 0, False, keyidx=31)),
    (
        "all, 7-bit",
        "90f0117741",
        Vp8Descriptor(5, True, 0, False, 0x11, 7, 2, 0x77, 3, 1, False, 1),
    ),
    (
        "all, 15-bit",
        "80f0812377c5",
        Vp8Descriptor(6, False, 0, False, 0x0123, 15, 2, 0x77, 4, 3, False, 5),
    ),
]


@pytest.mark.parametrize(
    ("text", "expected"), [case[1:] for case in DESCRIPTORS], ids=[case[0] for case in DESCRIPTORS]
)
def test_descriptors(text: str, expected: Vp8Descriptor) -> None:
    descriptor = bytes.fromhex(text)
    assert parse_descriptor(memoryview(descriptor + KEY)) == expected
    starts = expected.starts_partition and expected.partition == 0
    assert is_key_frame(descriptor + KEY) is starts
    assert is_key_frame(descriptor + INTER) is False


@pytest.mark.parametrize("text", [case[1] for case in DESCRIPTORS])
def test_truncated_twins(text: str) -> None:
    descriptor = bytes.fromhex(text)
    for length in range(len(descriptor)):
        with pytest.raises(ValueError, match=f"VP8 payload of {length} bytes ends within its descriptor"):
            parse_descriptor(descriptor[:length])
        assert is_key_frame(descriptor[:length]) is False
    assert is_key_frame(descriptor) is False


@given(st.binary(max_size=12))
def test_garbage_raises_nothing_but_value_error(payload: bytes) -> None:
    key = is_key_frame(payload)
    try:
        descriptor = parse_descriptor(payload)
    except ValueError:
        assert not key
        return
    rest = payload[descriptor.size :]
    starts = descriptor.starts_partition and descriptor.partition == 0
    assert key is (starts and rest != b"" and not rest[0] & 1)
