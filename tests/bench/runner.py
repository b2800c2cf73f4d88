"""Runs servers turn about: within a scenario and size A B C A B C, each in a fresh process under a fresh load."""

import importlib
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.bench.load.generator import LoadOptions, running_load
from tests.bench.scenarios.base import Json, Scenario
from tests.bench.scenarios.steady import Pace
from tests.bench.servers.base import Server, ServerError, ServerOptions

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run, and how. `sizes` empty: each scenario's own."""

    servers: tuple[str, ...]
    scenarios: tuple[Scenario, ...]
    sizes: tuple[int, ...]
    rounds: int
    pace: Pace
    load: LoadOptions
    server_cores: tuple[int, ...]
    workers: int
    log_dir: Path


@dataclass(slots=True)
class Row:
    """One server in one scenario at one size: its rounds, and their median. `problem` says why there is none.

    `server` is what was asked for on the command line, `label` what the server calls itself.
    """

    scenario: str
    size: int
    server: str
    label: str = ""
    version: str = ""
    rounds: list[Json] = field(default_factory=list)
    figures: Json | None = None
    problem: str = ""
    is_saturated: bool = False


def make_server(spec: str, options: ServerOptions) -> Server:
    """Find a driver by `NAME` or `NAME@ARGUMENT`. Raises: ServerError if there is none."""
    name, _, argument = spec.partition("@")
    module = f"tests.bench.servers.{name}"
    try:
        driver = importlib.import_module(module)
        server: Server = driver.create(options, argument)
    except (ModuleNotFoundError, AttributeError) as error:
        raise ServerError(f"there is no driver for a server named {name}: {error}") from None
    return server


async def run_all(plan: Plan, say: Say) -> list[Row]:
    """Run the whole plan; what a server cannot do is reported in its row, and the others go on."""
    rows: list[Row] = []
    for scenario in plan.scenarios:
        say(f"{scenario.name}: {scenario.title}")
        library = scenario.library()
        out: set[str] = set()
        for size in plan.sizes or scenario.sizes:
            turn = [Row(scenario.name, size, spec, spec) for spec in plan.servers if spec not in out]
            rows += turn
            for _ in range(plan.rounds):
                for row in turn:
                    if not row.problem:
                        await _run_one(plan, scenario, library, row)
                        say(_progress(scenario, row))
            for row in turn:
                row.figures = median(row.rounds) if row.rounds else None
                if row.problem or row.is_saturated:
                    out.add(row.server)
    return rows


async def _run_one(plan: Plan, scenario: Scenario, library: Any, row: Row) -> None:
    logs = plan.log_dir / f"{scenario.name}-{row.size}-{len(row.rounds) + 1}"
    options = ServerOptions(plan.server_cores, plan.workers, plan.load.profile, logs)
    try:
        server = make_server(row.server, options)
        row.label = server.name
        load = replace(plan.load, receivers=max(plan.load.receivers, scenario.receivers))
        async with running_load(load, library, server.host) as generator:
            try:
                await server.start()
                row.version = server.version
                outcome = await scenario.run(server, generator, row.size, plan.pace)
            finally:
                await server.stop()
    except (ServerError, TimeoutError, OSError) as error:
        row.problem = f"{type(error).__name__}: {error}"
        return
    row.rounds.append(asdict(outcome))
    row.is_saturated |= outcome.is_saturated


def _progress(scenario: Scenario, row: Row) -> str:
    if row.problem:
        return f"  {row.size:>4} {row.label}: {row.problem}"
    cells = scenario.cells(row.rounds[-1])
    texts = ", ".join(f"{head} {cell}" for head, cell in zip(scenario.columns, cells, strict=True))
    return f"  {row.size:>4} {row.label}: {texts}"


def median(rounds: Sequence[Any]) -> Any:
    """Merge figures of several rounds: numbers to their median, lists to what stands in any, texts to the last."""
    last = rounds[-1]
    if isinstance(last, dict):
        return {key: median([one[key] for one in rounds if key in one]) for key in last}
    if isinstance(last, list):
        return list(dict.fromkeys(text for one in rounds for text in one))
    numbers = [one for one in rounds if isinstance(one, int | float) and not isinstance(one, bool)]
    return statistics.median(numbers) if numbers else last


def spread(rounds: Sequence[Json], name: str) -> float | None:
    """Return how far the rounds' values of a figure lie apart, as a share of their median."""
    values = [one[name] for one in rounds if isinstance(one.get(name), int | float)]
    middle = statistics.median(values) if len(values) > 1 else 0
    return (max(values) - min(values)) / middle if middle else None
