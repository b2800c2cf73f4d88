"""The signing key in the data directory."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from backend.security.signing_key import KEY_FILE, load_or_create_key


def test_a_key_is_made_once_and_kept_for_its_owner(tmp_path: Path) -> None:
    key = load_or_create_key(tmp_path)
    assert len(key.encode()) >= 32
    assert load_or_create_key(tmp_path) == key
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]


def test_a_loose_mode_is_tightened(tmp_path: Path) -> None:
    load_or_create_key(tmp_path)
    (tmp_path / KEY_FILE).chmod(0o644)
    load_or_create_key(tmp_path)
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600


def test_all_who_start_at_once_get_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(load_or_create_key, [tmp_path] * 8))) == 1


@pytest.mark.parametrize("kept", ["", " \n", "x" * 31])
def test_a_damaged_key_signs_nothing(tmp_path: Path, kept: str) -> None:
    (tmp_path / KEY_FILE).write_text(kept)
    with pytest.raises(ValueError, match="32 bytes"):
        load_or_create_key(tmp_path)
    assert (tmp_path / KEY_FILE).read_text() == kept
