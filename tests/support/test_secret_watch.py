"""The watch on secrets can fail: runs of tests that log one fail, however well their tests went."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.support.services import REPOSITORY

CONFTEST = (REPOSITORY / "tests" / "conftest.py").read_text()
TEST = """
import logging, structlog
from pathlib import Path
from tests.support.secret_watch import WATCH

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJub2JvZHkifQ.0123456789abcdefghijklmnop"
WATCH.message({{"items": [{{"ticket": "T1cket-of-somebody", "backup_codes": ["b4ckup-c0de"]}}]}})
WATCH.message({{"password": "password", "details": {{"password": ["It is required, from 8 bytes on."]}}}})
WATCH.message([{{"password": "Chalk-4-you"}}, {{"password": "join-room"}}])
WATCH.message({{"secret": "JBSWY3DPEHPK3PXP"}})
WATCH.message({{"access_token": JWT}})
WATCH.settings({{"SFU_API_TOKEN": "between-the-services-1", "PATH": "/a/path-that-is-none-1"}})
WATCH.key(bytes(range(16)))

{tests}
"""

LEAKS = {
    "ticket": 'print("a ticket=T1cket-of-somebody&x")',
    "backup code": 'logging.getLogger("x").warning("code %s", "b4ckup-c0de")',
    "SFU_API_TOKEN": 'structlog.get_logger().info("x", header="Bearer between-the-services-1")',
    "JWT": 'print(f"x {JWT}")',
    "access token": 'print("signed 0123456789abcdefghijklmnop")',
    "SRTP key": "print(bytes(range(16)).hex())",
    "password": 'p = tmp_path / "x.log"; p.write_text("Chalk-4-you"); WATCH.log_file("backend", p)',
    "TOTP secret": 'WATCH.output("sfu", "JBSWY3DPEHPK3PXP")',
}
HARMLESS = (
    "pass",
    'print("the password is required to join-room; T1cket-of-somebody-else; path-that-is-none-1")',
    'WATCH.output("backend", "      password  Vt0123456789abcdef012345677")',
)


def run(tmp_path: Path, whats: Iterable[str]) -> subprocess.CompletedProcess[str]:
    tests = "\n".join(f"def test_{number}(tmp_path):\n    {what}\n" for number, what in enumerate(whats))
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_it.py").write_text(TEST.format(tests=tests))
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path, tmp_path],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_a_secret_in_a_log_fails_the_run(tmp_path: Path) -> None:
    done = run(tmp_path, LEAKS.values())
    assert done.returncode == 1, done.stdout
    assert f"{len(LEAKS)} passed" in done.stdout
    for kind in LEAKS:
        assert any(f" {kind}" in line and "***" in line for line in done.stdout.splitlines()), kind
    assert "T1cket-of-somebody" not in done.stdout


def test_other_words_do_not(tmp_path: Path) -> None:
    done = run(tmp_path, HARMLESS)
    assert done.returncode == 0, done.stdout
    assert "secrets stands in a log" in done.stdout
