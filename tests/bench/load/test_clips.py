"""How frames are cut, and how packets are found again."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.load import clips
from tests.bench.load.clips import Frame, Library, VideoFormat, sizes_of


@given(st.integers(1, 40_000))
def test_chromium_cuts_evenly_with_the_larger_packets_last(size: int) -> None:
    sizes = sizes_of(size, "chromium")
    assert sum(sizes) == size
    assert max(sizes) <= clips.MAX_PAYLOAD
    assert max(sizes) - min(sizes) <= 1
    assert sizes == sorted(sizes)


@given(st.integers(1, 40_000))
def test_others_cut_full_packets_and_a_rest(size: int) -> None:
    sizes = sizes_of(size, "mtu")
    assert sum(sizes) == size
    assert set(sizes[:-1]) <= {clips.MAX_PAYLOAD}
    assert 0 < sizes[-1] <= clips.MAX_PAYLOAD


def test_payloads_are_found_by_their_ends_unless_two_end_alike(tmp_path: Path) -> None:
    library = Library(groups=2)
    library.add("video", [Frame(0.0, 0, [b"a" * 20, b"same-end"], True), Frame(0.1, 9000, [b"b" * 20])], 20)
    library.add("audio", [Frame(0.0, 0, [b"short", b"x-same-end"], level=30), Frame(0.02, 960, [b"c" * 9])], 5)
    library.save(tmp_path / "clips")
    again = Library.load(tmp_path / "clips")
    assert again.clips == library.clips
    assert again.slots == 6
    assert again.slots_by_tail() == {b"a" * 8: 0, b"b" * 8: 2, b"c" * 8: 5}


def test_a_video_clip_has_its_rate_and_one_key_frame() -> None:
    form = VideoFormat(bitrate_bps=300_000, fps=10, width=320, height=180, seconds=5)
    frames = clips.video_frames(form, seed=1)
    octets = sum(len(payload) for frame in frames for payload in frame.payloads)
    assert octets * 8 / form.seconds == pytest.approx(300_000, rel=0.2)
    assert [frame.is_key for frame in frames] == [True] + [False] * (len(frames) - 1)
    assert len(frames) == form.fps * form.seconds


def test_speech_is_loud_and_silence_is_rare() -> None:
    speech, silence = clips.speech_frames(1), clips.silence_frames(1)
    assert len(speech) >= 245
    assert all(second.ticks - first.ticks == 960 for first, second in itertools.pairwise(speech))
    assert len(silence) < 20
    assert max(frame.level for frame in speech) < min(frame.level for frame in silence)
