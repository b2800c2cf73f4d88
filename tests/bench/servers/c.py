"""Not a server but the machine's limit: the innermost loop of a fan-out written in C, with nothing around it.

`c` sends 30 frames/s as the real load comes, caches cold as a server's are; `c@tight` as fast as it goes. It is
compiled when it starts, and left out where there is no compiler.
"""

import asyncio
import json
import shutil
import subprocess
import sys
from pathlib import Path

from tests.bench.load.generator import Generator
from tests.bench.scenarios.steady import Figures, Json, Pace, drained
from tests.bench.servers.base import Room, ServerError, ServerOptions, pinned
from tests.support.services import REPOSITORY

SOURCE = Path(__file__).parents[1] / "c_loop" / "fan_out.c"
FLAGS = ("-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC")
FRAMES_A_SECOND = 30
PACKETS_A_FRAME = 6
PACKET_SIZE = 1075
"""Six of these 30 times a second are what 1.5 Mbit/s come to with headers."""
TIGHT_FRAMES = 60
"""Few, so that the receivers, who are slower than this loop, are not all that is measured."""
RUN_WITHIN_S = 120.0


class CLoop:
    """Compiles and runs the loop."""

    reencodes = False
    host = "127.0.0.1"

    def __init__(self, options: ServerOptions, *, is_tight: bool) -> None:
        self.name = "c@tight" if is_tight else "c"
        self.version = ""
        self._options = options
        self._is_tight = is_tight
        self._library = options.log_dir / "fan_out.so"

    async def start(self) -> None:
        """Compile. Raises: ServerError without a compiler."""
        compiler = next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), None)
        if compiler is None:
            raise ServerError("there is no C compiler")
        self._options.log_dir.mkdir(parents=True, exist_ok=True)
        command = [compiler, *FLAGS, "-o", str(self._library), str(SOURCE)]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ServerError(f"the C loop does not compile: {done.stderr}")
        version = await asyncio.to_thread(subprocess.run, [compiler, "--version"], capture_output=True, text=True)
        self.version = version.stdout.partition("\n")[0]

    async def stop(self) -> None:
        """Nothing runs on."""

    def pids(self) -> dict[int, str]:
        """It has no process that lives longer than a measurement."""
        return {}

    async def room(self, name: str) -> Room:
        """Raises: ServerError."""
        raise ServerError(f"the C loop knows no rooms, only fan_out ({name})")

    async def fan_out(self, generator: Generator, size: int, pace: Pace) -> Figures:
        """Send frames to this many sockets of the load, which only count."""
        ports = [(await generator.subscriber(f"sink-{n}")).local.port for n in range(size)]
        frames = TIGHT_FRAMES if self._is_tight else round(pace.seconds * FRAMES_A_SECOND)
        before = await generator.counts()
        wish = {
            "ports": ports,
            "host": self.host,
            "profile": self._options.profile,
            "packets": PACKETS_A_FRAME,
            "size": PACKET_SIZE,
            "frames": frames,
            "interval_ns": 0 if self._is_tight else 1_000_000_000 // FRAMES_A_SECOND,
        }
        answer = await asyncio.to_thread(self._run, wish)
        after = await drained(generator)
        packets = frames * PACKETS_A_FRAME
        figures = Figures(steady_s=answer["wall_s"], packets_in=packets, packets_out=packets * size)
        figures.delivery = (after.totals["unexpected"] - before.totals["unexpected"]) / figures.packets_out
        figures.cpu_us = answer["cpu_s"] / figures.packets_out * 1e6
        figures.packets_per_cpu_second = figures.packets_out / answer["cpu_s"]
        figures.server_load = answer["cpu_s"] / answer["wall_s"]
        figures.load = {name: (after.cpu_s[name] - before.cpu_s[name]) / answer["wall_s"] for name in after.cpu_s}
        return figures

    def _run(self, wish: Json) -> Json:
        command = [sys.executable, "-m", "tests.bench.c_loop.sender", str(self._library)]
        with pinned(self._options.cores):
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
            )
        output, _ = process.communicate(json.dumps(wish), timeout=RUN_WITHIN_S)
        if process.returncode:
            raise ServerError("the C loop failed")
        answer: Json = json.loads(output)
        return answer


def create(options: ServerOptions, argument: str) -> CLoop:
    """Make it; `argument` may be `tight`."""
    if argument not in ("", "tight"):
        raise ServerError(f"the C loop is `c` or `c@tight`, not c@{argument}")
    return CLoop(options, is_tight=bool(argument))
