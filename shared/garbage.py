"""The garbage collector's part in a process that must answer, or forward, without pauses.

What is closed here breaks its own cycles, so that reference counts free it. The collector is left with what
exceptions and libraries leave behind.
"""

import gc

YOUNG_OBJECTS = 2_000
"""Objects, more made than freed, after which the young ones are looked through: half a millisecond. A peer
that joins leaves some hundreds; packets leave none."""

YOUNG_BEFORE_OLD = 1_000
"""Collections of the young before those that have outlived one are looked through, too, for tens of milliseconds:
after growth by two million objects, which is more than a full service has, or a leak."""


def set_start_up_aside() -> None:
    """Keep all that start-up has made out of the collector's sight: modules, schemas, routes stay to the end."""
    gc.collect()
    gc.freeze()


def spare_the_collector() -> None:
    """Set start-up aside, and let the collector look at little at a time; for who leaves no cycles behind."""
    set_start_up_aside()
    gc.set_threshold(YOUNG_OBJECTS, YOUNG_BEFORE_OLD, 10)
