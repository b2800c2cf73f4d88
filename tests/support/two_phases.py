"""How `pytest -n auto` shares out the tests: first most of them, then those that work in real time.

A test file stays with one worker, since its tests share services. What codes and shows pictures in real time runs
beside its like alone, one a processor: beside others they would come late.
"""

import os
from typing import TYPE_CHECKING, Any

import pytest
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

IN_REAL_TIME = ("tests/interop/test_bad_networks.py", "tests/browser/")
"""The tests of the second phase, the longest file first, so that the workers end together."""

PROCESSORS = os.cpu_count() or 1

WAITS = 1
"""A worker that is told of no next test keeps its last one back, so this many may be left of the first phase."""


class TwoPhases(LoadScopeScheduling):
    """Files in the order of collection; those in real time when no worker has others left."""

    def mark_test_complete(self, node: "WorkerController", item_index: int, duration: float = 0) -> None:
        """Count a test as done, which may let the second phase begin, for all workers at once."""
        super().mark_test_complete(node, item_index, duration)
        if self._second_phase_is_next():
            for other in self.nodes:
                self._reschedule(other)

    def _reschedule(self, node: "WorkerController") -> None:
        if self._second_phase_is_next() and node not in self.nodes[:PROCESSORS]:
            node.shutdown()
        elif not (self._second_phase_is_next() and any(self._is_in_first_phase(one) for one in self.nodes)):
            super()._reschedule(node)

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("::")[0]

    def _second_phase_is_next(self) -> bool:
        return bool(self.workqueue) and next(iter(self.workqueue)).startswith(IN_REAL_TIME)

    def _is_in_first_phase(self, node: "WorkerController") -> bool:
        files = self.assigned_work[node].items()
        return (
            self._pending_of({file: tests for file, tests in files if not file.startswith(IN_REAL_TIME)}) > WAITS
        )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests in real time last."""
    items.sort(
        key=lambda item: [not item.nodeid.startswith(start) for start in reversed(IN_REAL_TIME)], reverse=True
    )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One worker more than processors: in the first phase each waits for services about half of the time."""
    return PROCESSORS + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> TwoPhases:
    """Take this scheduler for `pytest -n`."""
    config.option.loadscopereorder = False
    return TwoPhases(config, log)
