"""What deploys is linted, and secrets are made once."""

import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from backend.settings import load_settings
from tests.support.compose_file import DEPLOY, example_variables, read_stack
from tests.support.services import REPOSITORY

LINTERS = Path(sys.executable).parent
MAKE_SECRETS = DEPLOY / "make-secrets.sh"
LEAST_LENGTH = 20
"""80 random bits in hexadecimal digits: the shortest are passwords, behind a limit of attempts a minute."""


def shell_scripts() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "*.sh"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    ).stdout.split()
    found = {REPOSITORY / name for name in listed} | set(DEPLOY.rglob("*.sh"))
    return sorted(path for path in found if path.exists())


@pytest.mark.parametrize("script", shell_scripts(), ids=lambda path: path.name)
def test_shell_scripts_are_clean(script: Path) -> None:
    done = subprocess.run(
        [LINTERS / "shellcheck", "-x", script], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert script.stat().st_mode & stat.S_IXUSR or script.name == "common.sh"


def test_the_dockerfile_is_clean() -> None:
    done = subprocess.run(
        [LINTERS / "hadolint", DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def made(folder: Path) -> str:
    """Run the script and return what it says."""
    done = subprocess.run([MAKE_SECRETS, folder], capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


FILLED_IN = {"alert_webhook_url", "alert_smtp_password"}
"""Made empty: they are somebody else's secrets, which only the operator knows."""


def test_secrets_are_long_and_told_to_nobody(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    said = made(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700  # the way to the files, which containers' users read
    files = {path.name: path for path in folder.iterdir()}
    assert sorted(said.splitlines()) == sorted(
        f"{'empty' if name in FILLED_IN else 'made '} {path}" for name, path in files.items()
    )
    assert {stat.S_IMODE(path.stat().st_mode) for path in files.values()} == {0o444}
    values = {name: path.read_text().strip() for name, path in files.items()}
    assert {name for name, value in values.items() if not value} == FILLED_IN
    random = [value for value in values.values() if value]
    assert len(set(random)) == len(random)
    for value in random:
        assert len(value) >= LEAST_LENGTH
        assert value not in said


def test_secrets_are_never_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    made(folder)
    (folder / "turn_secret").unlink()
    before = {path.name: path.read_text() for path in folder.iterdir()}
    said = made(folder).splitlines()
    assert [line for line in said if line.startswith("made")] == [f"made  {folder}/turn_secret"]
    after = {path.name: path.read_text() for path in folder.iterdir()}
    assert {name: after[name] for name in before} == before
    assert after.keys() - before.keys() == {"turn_secret"}


def test_without_openssl_nothing_is_made(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("mkdir", "chmod", "dirname", "ln", "rm"):
        (tools / name).symlink_to(str(shutil.which(name)))
    done = subprocess.run(
        ["/bin/sh", MAKE_SECRETS, tmp_path / "secrets"],
        env={"PATH": str(tools)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "openssl is needed" in done.stderr
    assert list((tmp_path / "secrets").iterdir()) == []


def test_the_backend_takes_the_secrets_that_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "secrets"
    made(folder)
    for name in ("database_url", "jwt_secret", "sfu_api_token", "turn_secret", "admin_password"):
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.setenv(f"{name.upper()}_FILE", str(folder / name))
    monkeypatch.setenv("ADMIN_EMAIL", "admin@school.example")
    monkeypatch.setenv("APP_ENV", "production")
    assert load_settings().admin_password == (folder / "admin_password").read_text().strip()


def test_what_containers_are_shown_is_made_readable_to_their_users(tmp_path: Path) -> None:
    """A checkout under a strict umask is its owner's alone, and no container runs as its owner."""
    stack = read_stack(example_variables())
    sources = {
        entry.split(":")[0]
        for one in stack.services.values()
        for entry in one.get("volumes", [])
        if isinstance(entry, str)
    }
    shown = {Path(source).parts[0] for source in sources if source.startswith("./")}
    assert shown
    for name in (*shown, "k8s"):
        (tmp_path / name / "deeper").mkdir(parents=True)
        (tmp_path / name / "deeper" / "script").touch(0o700)
        (tmp_path / name / "file").touch(0o600)
    shutil.copy(MAKE_SECRETS, tmp_path)
    subprocess.run(
        ["/bin/sh", "-c", f"chmod -R go-rwx . && ./{MAKE_SECRETS.name}"],
        cwd=tmp_path,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    for name in shown:
        found = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / name).rglob("*")}
        assert found == {"deeper": 0o755, "script": 0o755, "file": 0o644}, name
    assert stat.S_IMODE((tmp_path / "k8s" / "file").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
