"""What a check comes to, and running checks so that one which fails never stops the others."""

import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

T = TypeVar("T")

Status = Literal["pass", "fail", "skip"]


class CheckFailed(Exception):  # noqa: N818 - what a service did wrong, in words
    """What was seen is not what has to be."""


class NotTried(CheckFailed):
    """What the check builds on has failed before it."""


class Skipped(Exception):  # noqa: N818 - nobody's fault
    """The check needs something that was not given; the message says what."""


class Note(str):
    """What a check that passed has to tell: a step returns it."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a check: its time, against its limit where there is one, and why; or what it has to tell."""

    name: str
    status: Status
    ms: float | None = None
    limit_ms: float | None = None
    tries: int = 1
    reason: str = ""


def require(condition: object, sentence: str) -> None:
    """Fail the check with this sentence unless the condition holds. Raises: CheckFailed."""
    if not condition:
        raise CheckFailed(sentence)


def given(value: T | None, what: str) -> T:
    """Return what an earlier check has come to. Raises: NotTried if it failed."""
    if value is None:
        raise NotTried(f"not tried, there is no {what}")
    return value


class Section:
    """The checks under one heading of the checklist. `show` is told of each outcome as it comes."""

    def __init__(self, heading: str, show: Callable[[Outcome], None], limit_scale: float = 1.0) -> None:
        self.heading = heading
        self.outcomes: list[Outcome] = []
        self._show = show
        self._limit_scale = limit_scale

    @property
    def passed(self) -> bool:
        """Whether something was checked and nothing has failed."""
        statuses = {outcome.status for outcome in self.outcomes}
        return "fail" not in statuses and "pass" in statuses

    async def check(self, name: str, step: Callable[[], Awaitable[T]]) -> T | None:
        """Run one check and return what it comes to; None if it failed or was skipped."""
        started = time.perf_counter()
        return await self._run(name, step, lambda: (time.perf_counter() - started) * 1000)

    async def timed(
        self, name: str, step: Callable[[int], Awaitable[T]], *, tries: int, limit_ms: float
    ) -> list[T] | None:
        """Run a step several times, with the number of the try; the median has to be below the limit."""
        times: list[float] = []
        limit = limit_ms * self._limit_scale

        async def all_tries() -> list[T]:
            values = []
            for number in range(tries):
                started = time.perf_counter()
                values.append(await step(number))
                times.append((time.perf_counter() - started) * 1000)
            median = statistics.median(times)
            require(median < limit, f"takes {median:.1f} ms, not below {limit:g} ms (median of {tries})")
            return values

        return await self._run(
            name, all_tries, lambda: statistics.median(times) if times else None, limit_ms=limit, tries=tries
        )

    async def _run(
        self,
        name: str,
        step: Callable[[], Awaitable[T]],
        clock: Callable[[], float | None],
        *,
        limit_ms: float | None = None,
        tries: int = 1,
    ) -> T | None:
        value: T | None = None
        status: Status = "pass"
        reason = ""
        try:
            value = await step()
            reason = value if isinstance(value, Note) else ""
        except Skipped as skipped:
            status, reason = "skip", str(skipped)
        except CheckFailed as failure:
            status, reason = "fail", str(failure)
        except TimeoutError:
            status, reason = "fail", "it did not come to its end in time"
        except Exception as error:  # whatever a broken service provokes: told, and the next check goes on
            status, reason = "fail", f"unexpected {type(error).__name__}: {error}"
        outcome = Outcome(name, status, clock() if status != "skip" else None, limit_ms, tries, reason)
        self.outcomes.append(outcome)
        self._show(outcome)
        return value
