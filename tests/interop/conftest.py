"""A class in a real browser, each person in it behind a network of their own that can be made bad."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.bad_network import BadNetwork
from tests.support.browser import (
    arrive,
    browser,
    bundle,
    chromium_path,
    platform,
    playwright,
    pytest_runtest_makereport,
    teacher,
    teacher_email,
)
from tests.support.classroom_page import Visitor
from tests.support.figures import Figures
from tests.support.meeting import People

__all__ = [
    "arrive",
    "browser",
    "bundle",
    "chromium_path",
    "platform",
    "playwright",
    "pytest_runtest_makereport",
    "teacher",
    "teacher_email",
]


@pytest.fixture(scope="module")
def figures(request: pytest.FixtureRequest) -> Iterator[Figures]:
    """Take what a module's tests measure; it is left in `artifacts/`, under the module's name."""
    figures = Figures()
    yield figures
    figures.write(Path(__file__).parent / "artifacts" / request.path.stem)


@pytest.fixture
def people(teacher: Visitor, arrive: Callable[[str], Visitor]) -> Iterator[People]:
    """Bring a teacher and a student, whose networks are good until they are made bad."""
    with BadNetwork(seed=1) as teachers, BadNetwork(seed=2) as students:
        yield People(teacher, arrive("student"), teachers, students)
