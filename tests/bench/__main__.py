"""The command line; `python -m tests.bench --help` says what it takes, README.md beside it what it means."""

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, get_args

from tests.bench import termination
from tests.bench.load.clips import Packetizer
from tests.bench.load.generator import LoadOptions
from tests.bench.machine import describe
from tests.bench.plot import draw
from tests.bench.report import as_json, headline, table, write_json
from tests.bench.runner import Plan, Row, run_all
from tests.bench.scenarios.registry import MEETING_BPS, Wishes, scenarios
from tests.bench.scenarios.steady import Pace
from tests.bench.servers.base import Profile

QUICK_SCENARIOS = ("fan_out",)
QUICK_SIZES = (20, 100)
QUICK_PACE = Pace(warm_up=1.0, seconds=4.0)
OUT = Path(tempfile.gettempdir()) / "vtp-bench"


def say(text: str) -> None:
    """Write a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def numbers(text: str) -> tuple[int, ...]:
    """Read `1,2,5`."""
    return tuple(int(part) for part in text.split(",") if part)


def words(text: str) -> tuple[str, ...]:
    """Read `a,b`."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def arguments(argv: list[str]) -> argparse.Namespace:
    """Read the command line."""
    cores = sorted(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure the SFU and its peers.")
    parser.add_argument("--server", type=words, default=("c", "vtp"), help="vtp, vtp@CHECKOUT, c, janus, ...")
    parser.add_argument("--scenario", type=words, default=("all",), help="names with commas, or `all`")
    parser.add_argument("--sizes", type=numbers, default=(), help="N, with commas; else each scenario's own")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of the steady part")
    parser.add_argument("--warm-up", type=float, default=2.0, help="seconds before it")
    parser.add_argument("--quick", action="store_true", help="a minute: few sizes, short intervals")
    parser.add_argument("--profile", choices=get_args(Profile), default="gcm", help="the SRTP profile")
    parser.add_argument("--rounds", type=int, default=1, help="of each, turn about; the median counts")
    parser.add_argument(
        "--packetizer", choices=get_args(Packetizer), default="chromium", help="how frames are cut"
    )
    parser.add_argument("--meeting-kbps", type=int, default=MEETING_BPS // 1000, help="video of the meeting")
    parser.add_argument("--no-feedback", action="store_true", help="receivers send no RTCP")
    parser.add_argument("--out", type=Path, default=OUT, help="where results, plots and logs are put")
    parser.add_argument("--receivers", type=int, default=1, help="receiving processes")
    parser.add_argument("--server-cores", type=numbers, default=tuple(cores[:-1] or cores), help="0,1,...")
    parser.add_argument("--load-cores", type=numbers, default=(cores[-1],), help="0,1,...")
    parser.add_argument("--workers", type=int, default=0, help="media workers; as many as cores of the server")
    return parser.parse_args(argv)


def plan_of(options: argparse.Namespace) -> Plan:
    """Make the plan that the command line asks for. Raises: SystemExit for an unknown scenario."""
    known = scenarios(Wishes(options.packetizer, options.meeting_kbps * 1000))
    every = QUICK_SCENARIOS if options.quick else tuple(known)
    names = every if options.scenario == ("all",) else options.scenario
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SystemExit(f"no scenario {', '.join(unknown)}; there are {', '.join(known)}")
    return Plan(
        servers=options.server,
        scenarios=tuple(known[name] for name in names),
        sizes=options.sizes or (QUICK_SIZES if options.quick else ()),
        rounds=options.rounds,
        pace=QUICK_PACE if options.quick else Pace(options.warm_up, options.seconds),
        load=LoadOptions(options.load_cores, options.profile, options.receivers, not options.no_feedback),
        server_cores=options.server_cores,
        workers=options.workers or len(options.server_cores),
        log_dir=options.out / "logs",
    )


def main(argv: list[str] | None = None) -> int:
    """Run what is asked for."""
    options = arguments(sys.argv[1:] if argv is None else argv)
    plan = plan_of(options)
    machine = describe()
    os.sched_setaffinity(0, plan.load.cores)
    rows = termination.run(run_all(plan, say))
    publish(plan, machine, settings_of(plan, options), rows, options.out)
    return 1 if any(row.problem for row in rows) else 0


def settings_of(plan: Plan, options: argparse.Namespace) -> dict[str, Any]:
    """Return what a reader has to know to repeat the run."""
    return {
        "profile": plan.load.profile,
        "steady part": f"{plan.pace.seconds:g} s",
        "rounds": plan.rounds,
        "server cores": list(plan.server_cores),
        "load cores": list(plan.load.cores),
        "workers": plan.workers,
        "receivers": plan.load.receivers,
        "feedback": plan.load.feedback,
        "packetizer": options.packetizer,
    }


def publish(plan: Plan, machine: dict[str, Any], settings: dict[str, Any], rows: list[Row], out: Path) -> None:
    """Print the tables; write JSON and plots."""
    out.mkdir(parents=True, exist_ok=True)
    say("\n" + headline(machine, settings, rows))
    for scenario in plan.scenarios:
        mine = [row for row in rows if row.scenario == scenario.name]
        say("\n" + table(scenario, mine))
        if draw(scenario, mine, out / f"{scenario.name}.png"):
            say(f"  plot: {out / f'{scenario.name}.png'}")
    write_json(out / "results.json", as_json(machine, settings, rows))
    say(f"\nall figures: {out / 'results.json'}")


if __name__ == "__main__":
    sys.exit(main())
