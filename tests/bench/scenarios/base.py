"""What the runner asks of a scenario.

`tests.bench.scenarios.registry` lists them all. What `run` returns is a dataclass of numbers, texts, lists and
dicts of such; of several rounds the runner takes the median, number by number.
"""

from typing import Any, ClassVar, Protocol

from tests.bench.load.clips import Library
from tests.bench.load.generator import Generator
from tests.bench.scenarios.steady import Pace
from tests.bench.servers.base import Server

Json = dict[str, Any]


class Outcome(Protocol):
    """What one run came to: a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def is_saturated(self) -> bool:
        """True if the server could not do what was asked: it is not run at greater sizes."""


class Scenario(Protocol):
    """One kind of load in several sizes."""

    @property
    def name(self) -> str:
        """The word by which the command line knows it."""

    @property
    def title(self) -> str:
        """What is done, in a line, with N for the size."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes that are run unless others are asked for, rising."""

    @property
    def receivers(self) -> int:
        """How many receiving processes it needs at least."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The heads of the report's columns, after size and server."""

    def library(self) -> Library:
        """Encode what will be sent; called once a run of the benchmark."""

    async def run(self, server: Server, generator: Generator, size: int, pace: Pace) -> Outcome:
        """Measure a server that has just started, in a load without any endpoint."""

    def cells(self, figures: Json) -> list[str]:
        """Return the texts of the columns for what `run` returned, or the median of several, as a dict."""
