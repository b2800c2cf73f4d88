"""Programs that only tests need, as `tests/debian-tools.sh` unpacks them from Debian's packages."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / ".venv" / "debian"


@dataclass(frozen=True, slots=True)
class Tool:
    """A program and the environment that it needs to find its libraries."""

    path: Path
    env: dict[str, str]


def tool(name: str, package: str) -> Tool:
    """Find a program, or skip the test that needs it."""
    for folder in ("usr/bin", "usr/sbin", "bin", "sbin"):
        path = ROOT / folder / name
        if path.exists():
            libraries = ROOT / "usr/lib" / f"{platform.machine()}-linux-gnu"
            return Tool(path, {**os.environ, "LD_LIBRARY_PATH": str(libraries)})
    pytest.skip(f"no {name}: tests/debian-tools.sh {package}")
