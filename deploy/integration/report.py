"""What the operator reads: a line a check while they run, a summary at the end; or all of it as JSON."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from deploy.integration.checks import Outcome, Section

MARKS = {"pass": "✓ PASS", "fail": "✗ FAIL", "skip": "- SKIP"}

NAME_WIDTH = 76


class TextReport:
    """Prints as it goes."""

    def begin(self, lines: Sequence[str]) -> None:
        """Say what is about to be checked."""
        _print("\n".join(lines))

    def heading(self, heading: str) -> None:
        """Begin a test."""
        _print(f"\n{heading}")

    def show(self, outcome: Outcome) -> None:
        """Print one check."""
        _print(f"  {MARKS[outcome.status]}  {outcome.name} {_figures(outcome)}".rstrip())
        if outcome.reason:
            _print(f"          {outcome.reason}")

    def end(self, sections: Sequence[Section], seconds: float, trouble: str) -> None:
        """Print the summary. `trouble` is what kept the run from its end, or empty."""
        _print("")
        for section in sections:
            _print(f"{MARKS['pass' if section.passed else 'fail']}  {section.heading}  {_counts([section])}")
        if trouble:
            _print(f"✗ {trouble}")
        verdict = "ALL TESTS PASSED" if is_passed(sections, trouble) else "NOT ALL TESTS PASSED"
        _print(f"\n{verdict}: {_counts(sections)}, in {seconds:.1f} s")


class JsonReport:
    """Prints one JSON object at the end, and nothing before."""

    def __init__(self, backend_url: str, sfu_url: str) -> None:
        self._about = {"backend_url": backend_url, "sfu_url": sfu_url}

    def begin(self, lines: Sequence[str]) -> None:
        """Say nothing."""

    def heading(self, heading: str) -> None:
        """Say nothing."""

    def show(self, outcome: Outcome) -> None:
        """Say nothing."""

    def end(self, sections: Sequence[Section], seconds: float, trouble: str) -> None:
        """Print everything."""
        tests = [
            {
                "heading": section.heading,
                "passed": section.passed,
                "checks": [asdict(outcome) for outcome in section.outcomes],
            }
            for section in sections
        ]
        summary = {
            "passed": is_passed(sections, trouble),
            "counts": counts(sections),
            "seconds": round(seconds, 3),
            "trouble": trouble,
        }
        _print(json.dumps({**self._about, **summary, "tests": tests}, indent=2, ensure_ascii=False))


Report = TextReport | JsonReport


def is_passed(sections: Sequence[Section], trouble: str) -> bool:
    """Tell whether the run came to its end and every test passed."""
    return not trouble and all(section.passed for section in sections)


def counts(sections: Sequence[Section]) -> dict[str, int]:
    """Count the checks by what became of them."""
    outcomes = [outcome for section in sections for outcome in section.outcomes]
    return {status: sum(outcome.status == status for outcome in outcomes) for status in MARKS}


def _counts(sections: Sequence[Section]) -> str:
    found = counts(sections)
    return f"{found['pass']} passed, {found['fail']} failed, {found['skip']} skipped"


def _figures(outcome: Outcome) -> str:
    if outcome.ms is None:
        return ""
    dots = "." * max(NAME_WIDTH - len(outcome.name), 3)
    limit = f" (< {outcome.limit_ms:g} ms, median of {outcome.tries})" if outcome.limit_ms is not None else ""
    return f"{dots} {outcome.ms:.1f} ms{limit}"


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
