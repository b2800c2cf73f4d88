"""Who may import whom: the table of the architecture, held by reading every module's imports."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SERVICES = ("backend", "sfu", "shared", "deploy")

ANY_THIRD_PARTY = "any third-party package"

ALLOWED: dict[str, set[str]] = {
    "shared": {"apispec", "marshmallow", "structlog", "environs"},
    "sfu.rtp": {"shared"},
    "sfu.codecs": {"shared", "sfu.rtp"},
    "sfu.bwe": {"shared", "sfu.rtp"},
    "sfu.ortc": {"shared"},
    "sfu.worker": {"sfu.ortc", "sfu.rtp", "sfu.codecs", "sfu.bwe", "shared", "marshmallow"},
    "sfu.net": {"sfu.rtp", "shared", "asyncio", "socket", "aiortc", "aioice", "pylibsrtp", "OpenSSL"},
    "sfu.control": {
        "sfu.ortc",
        "sfu.errors",
        "sfu.settings",
        "shared",
        "asyncio",
        "socket",
        "pyee",
        "marshmallow",
    },
    "sfu.api": {
        "sfu.control",
        "sfu.errors",
        "shared",
        "asyncio",
        "aiohttp",
        "marshmallow",
        "prometheus_client",
        "structlog",
    },
    "backend.domain": {"backend.errors", "shared", "asyncio", "structlog"},
    "backend.storage": {
        "backend.domain",
        "backend.errors",
        "shared",
        "asyncio",
        "psycopg",
        "psycopg_pool",
    },
    "backend.security": {
        "backend.domain",
        "backend.errors",
        "shared",
        "asyncio",
        "bcrypt",
        "cryptography",
        "jwt",
    },
    "backend.sfu_client": {
        "backend.domain",
        "backend.errors",
        "shared",
        "asyncio",
        "aiohttp",
        "tenacity",
        "structlog",
    },
    "backend.neighbours": {"backend.domain", "backend.errors", "shared", "aiohttp", "structlog"},
    "backend.http": {
        "backend.domain",
        "backend.error_codes",
        "backend.errors",
        "backend.keys",
        "backend.settings",
        "shared",
        "asyncio",
        "aiohttp",
        "marshmallow",
        "structlog",
        "prometheus_client",
    },
    "backend.signalling": {
        "backend.domain",
        "backend.error_codes",
        "backend.errors",
        "backend.keys",
        "backend.settings",
        "shared",
        "asyncio",
        "aiohttp",
        "markdown_it",
        "marshmallow",
        "structlog",
    },
    "deploy.probes": {"socket"},
    "deploy.integration": {
        "deploy.probes",
        "asyncio",
        "socket",
        "aiohttp",
        "cryptography",
        "OpenSSL",
        "pylibsrtp",
    },
}
"""What each package may import besides the standard library and itself."""

NOT_FOR_ALL = {"asyncio", "socket", "socketserver", "ssl", "select", "selectors"}
"""Modules of the standard library that only packages which name them may import: the edges with I/O."""

NO_CLOCK = {"sfu.rtp", "sfu.codecs", "sfu.bwe", "sfu.ortc"}
"""Packages in which time is an argument and nothing is logged."""

JOINS = {"__main__.py", "app.py"}
"""Modules that put their own service's parts together."""


def modules() -> list[Path]:
    return sorted(
        path for service in SERVICES for path in (ROOT / service).rglob("*.py") if "node_modules" not in path.parts
    )


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def package_of(module: str) -> str | None:
    """The row of the table that a module falls under."""
    rows = [row for row in ALLOWED if module == row or module.startswith(row + ".")]
    return max(rows, key=len, default=None)


def imports(path: Path) -> set[str]:
    """Dotted names of what a module imports, those for type checking included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def top(name: str) -> str:
    return name.split(".")[0]


def is_under(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")


def violations(path: Path) -> list[str]:
    module = dotted(path)
    service, package = top(module), package_of(module)
    found = []
    for name in imports(path):
        own_service = top(name) in SERVICES
        if own_service and top(name) not in {service, "shared"}:
            found.append(f"{module} imports {name}: the services never import each other")
        elif package is None or path.name in JOINS:
            continue  # a module at the top of its service puts parts together
        elif is_under(name, package) or any(is_under(name, allowed) for allowed in ALLOWED[package]):
            continue
        elif own_service or top(name) not in sys.stdlib_module_names or top(name) in NOT_FOR_ALL:
            found.append(f"{module} imports {name}")
    return found


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_module_imports_only_what_its_package_may(path: Path) -> None:
    assert violations(path) == []


@pytest.mark.parametrize("path", [p for p in modules() if package_of(dotted(p)) in NO_CLOCK], ids=dotted)
def test_pure_packages_know_no_clock_and_no_log(path: Path) -> None:
    forbidden = {"time", "datetime", "logging", "threading", "shared.logging"}
    assert not {name for name in imports(path) if any(is_under(name, each) for each in forbidden)}


def test_a_forbidden_import_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    bad = tmp_path / "sfu" / "rtp" / "bad.py"
    bad.parent.mkdir(parents=True)
    bad.write_text("import asyncio\nfrom backend.domain import users\nimport aiohttp\nimport struct\n")
    assert len(violations(bad)) == 3
