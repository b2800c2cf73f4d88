"""Secrets that services read from files, as containers and orchestrators hand them over."""

from pathlib import Path

import pytest

from shared.settings import MAX_SECRET_FILE_BYTES, Env, SettingsError, secret


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TOKEN", "TOKEN_FILE", "OLD_TOKEN", "OLD_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)


def read(monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return secret(Env(), "TOKEN", "OLD_TOKEN")


def test_no_secret_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch) == ""
    assert read(monkeypatch, TOKEN="", TOKEN_FILE="") == ""


@pytest.mark.parametrize("written", ["s3 crét", "s3 crét\n", "s3 crét\r\n", "s3 crét\n\n"])
def test_a_file_holds_the_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, written: str) -> None:
    path = tmp_path / "token"
    path.write_bytes(written.encode())
    assert read(monkeypatch, TOKEN_FILE=str(path)) == "s3 crét"


def test_spaces_belong_to_the_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(" a \n b \n")
    assert read(monkeypatch, TOKEN_FILE=str(path)) == " a \n b "


def test_aliases_have_files_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("old\n")
    assert read(monkeypatch, OLD_TOKEN_FILE=str(path)) == "old"
    assert read(monkeypatch, OLD_TOKEN_FILE="", OLD_TOKEN="plain") == "plain"


@pytest.mark.parametrize(
    ("plain", "file"), [("TOKEN", "TOKEN_FILE"), ("OLD_TOKEN", "TOKEN_FILE"), ("TOKEN", "OLD_TOKEN_FILE")]
)
def test_both_at_once_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, plain: str, file: str) -> None:
    path = tmp_path / "token"
    path.write_text("in-the-file")
    with pytest.raises(SettingsError, match=rf"^{plain} and {file} are both set") as caught:
        read(monkeypatch, **{plain: "in-the-environment", file: str(path)})
    assert "in-the" not in str(caught.value)


def test_a_missing_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "nowhere"
    with pytest.raises(SettingsError, match=rf"^TOKEN_FILE={path}: No such file or directory\."):
        read(monkeypatch, TOKEN_FILE=str(path))


def test_a_folder_is_no_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^TOKEN_FILE=.*: Is a directory\."):
        read(monkeypatch, TOKEN_FILE=str(tmp_path))


@pytest.mark.parametrize(
    ("held", "sentence"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"\xff\xfe\x00s", "is no text in UTF-8"),
        (b"x" * (MAX_SECRET_FILE_BYTES + 1), "is longer than"),
    ],
)
def test_a_file_without_a_secret_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, held: bytes, sentence: str
) -> None:
    path = tmp_path / "token"
    path.write_bytes(held)
    with pytest.raises(SettingsError, match=f"^TOKEN_FILE={path} {sentence}"):
        read(monkeypatch, TOKEN_FILE=str(path))


def test_a_file_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="is longer than"):
        read(monkeypatch, TOKEN_FILE="/dev/zero")
