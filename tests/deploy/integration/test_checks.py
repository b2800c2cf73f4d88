"""Running checks: what passes, fails, is skipped or not tried, and what is told of it."""

from typing import NoReturn

import pytest

from deploy.integration.checks import CheckFailed, Note, Outcome, Section, Skipped, given, require
from deploy.integration.report import TextReport, counts, is_passed


def a_section(limit_scale: float = 1.0) -> tuple[Section, list[Outcome]]:
    shown: list[Outcome] = []
    return Section("TEST 9: Of checks", shown.append, limit_scale), shown


async def broken() -> NoReturn:
    raise CheckFailed("status 500 instead of 200")


async def test_each_outcome_is_shown_as_it_comes_and_none_stops_the_next() -> None:
    section, shown = a_section()

    async def good() -> Note:
        return Note("50 of 50 packets")

    async def skipped() -> NoReturn:
        raise Skipped("no account is given")

    async def surprising() -> NoReturn:
        raise KeyError("roomId")

    async def hanging() -> NoReturn:
        raise TimeoutError

    assert await section.check("good", good) == "50 of 50 packets"
    for name, step in (("broken", broken), ("skipped", skipped), ("surprise", surprising), ("hanging", hanging)):
        assert await section.check(name, step) is None
    assert shown == section.outcomes
    assert [(one.name, one.status, one.reason) for one in shown] == [
        ("good", "pass", "50 of 50 packets"),
        ("broken", "fail", "status 500 instead of 200"),
        ("skipped", "skip", "no account is given"),
        ("surprise", "fail", "unexpected KeyError: 'roomId'"),
        ("hanging", "fail", "it did not come to its end in time"),
    ]
    assert [one.ms is None for one in shown] == [False, False, True, False, False]
    assert counts([section]) == {"pass": 1, "fail": 3, "skip": 1}
    assert not section.passed


async def test_what_builds_on_a_failure_fails_as_not_tried() -> None:
    section, shown = a_section()
    room: str | None = await section.check("join", broken)

    async def leave() -> None:
        given(room, "room")

    await section.check("leave", leave)
    assert (shown[1].status, shown[1].reason) == ("fail", "not tried, there is no room")


async def test_the_median_counts_against_the_scaled_limit() -> None:
    section, shown = a_section(limit_scale=1000.0)

    async def step(number: int) -> int:
        return number

    assert await section.timed("quick", step, tries=5, limit_ms=60.0) == [0, 1, 2, 3, 4]
    assert (shown[0].status, shown[0].limit_ms, shown[0].tries) == ("pass", 60_000.0, 5)
    assert await section.timed("late", step, tries=5, limit_ms=0.0) is None
    assert shown[1].status == "fail"
    assert "not below 0 ms (median of 5)" in shown[1].reason


async def test_nothing_checked_is_nothing_passed() -> None:
    section, _ = a_section()
    assert not section.passed

    async def fine() -> None:
        require(True, "never said")

    await section.check("fine", fine)
    assert section.passed
    assert is_passed([section], "")
    assert not is_passed([section], "interrupted before its end")


async def test_what_the_operator_reads(capsys: pytest.CaptureFixture[str]) -> None:
    report = TextReport()
    report.show(Outcome("Room join: response time", "pass", 3.21, 200.0, 7))
    report.show(Outcome("Get room info", "fail", 1.0, reason="the answer lacks createdAt"))
    report.show(Outcome("Sign in", "skip", reason="no account is given"))
    join, info, why, sign_in, _ = capsys.readouterr().out.splitlines()
    assert join.startswith("  ✓ PASS  Room join: response time ....")
    assert join.endswith(" 3.2 ms (< 200 ms, median of 7)")
    assert info.startswith("  ✗ FAIL  Get room info ....")
    assert why.strip() == "the answer lacks createdAt"
    assert sign_in == "  - SKIP  Sign in"
