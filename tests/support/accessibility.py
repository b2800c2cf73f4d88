"""axe-core, the common judge of accessible pages, over what a page shows."""

from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

_AXE = Path(__file__).parents[2] / "backend" / "web" / "node_modules" / "axe-core" / "axe.min.js"

_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@cache
def _source() -> str:
    return _AXE.read_text(encoding="utf-8")


def faults_of(page: Page) -> list[str]:
    """Return what axe finds wrong with what the page shows now, one line a fault with the first place of it."""
    # Evaluated rather than loaded: the page's policy lets no foreign script in.
    page.evaluate(_source())
    found: dict[str, Any] = page.evaluate("(tags) => axe.run({ runOnly: tags })", _TAGS)
    return [
        f"{fault['id']}: {fault['help']} ({node['html'][:160]}: {node['failureSummary'][:200]})"
        for fault in found["violations"]
        for node in fault["nodes"][:1]
    ]
