"""Lines are counted by their level, those of libraries among them, and those that are not written are not."""

import subprocess
import sys

SCRIPT = """
import logging
from shared.logging import configure_logging, get_logger, lines_written
configure_logging("info", "json", service="test")
log = get_logger("a.module")
log.debug("not written")
log.info("one")
log.warning("two")
log.error("three")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("four")
log.critical("five")
logging.getLogger("a.library").error("six")
logging.getLogger("a.library").debug("not written")
print(lines_written())
"""


def test_lines_are_counted_by_level() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    counted = done.stdout.splitlines()[-1]
    assert counted == "{'debug': 0, 'info': 1, 'warning': 1, 'error': 3, 'critical': 1}"
