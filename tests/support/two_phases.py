"""How `pytest -n` shares out the tests: first those that may run beside others, then, one by one, the rest.

A test file stays with one worker, since its tests share services. What codes and shows pictures in real time has
the machine to itself: beside other tests they would come late.
"""

from typing import TYPE_CHECKING, Any

import pytest
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

ALONE = ("tests/browser/", "tests/interop/test_bad_networks.py")
"""Where the tests are that code and show pictures in real time."""


class TwoPhases(LoadScopeScheduling):
    """Files in the order of collection; those of `ALONE` by the first worker, when all others are done."""

    def mark_test_complete(self, node: "WorkerController", item_index: int, duration: float = 0) -> None:
        """Count a test as done, which may let the second phase begin."""
        super().mark_test_complete(node, item_index, duration)
        if self.nodes and self.nodes[0] is not node:
            self._reschedule(self.nodes[0])

    def _reschedule(self, node: "WorkerController") -> None:
        waits = self._alone_is_next() and node is self.nodes[0] and self._others_are_busy()
        if not waits:
            super()._reschedule(node)

    def _assign_work_unit(self, node: "WorkerController") -> None:
        if self._alone_is_next() and node is not self.nodes[0]:
            node.shutdown()
        else:
            super()._assign_work_unit(node)

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("::")[0]

    def _others_are_busy(self) -> bool:
        return any(self._pending_of(self.assigned_work[other]) for other in self.nodes[1:])

    def _alone_is_next(self) -> bool:
        return bool(self.workqueue) and next(iter(self.workqueue)).startswith(ALONE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests in real time last."""
    items.sort(key=lambda item: item.nodeid.startswith(ALONE))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> TwoPhases:
    """Take this scheduler for `pytest -n`."""
    config.option.loadscopereorder = False
    return TwoPhases(config, log)
