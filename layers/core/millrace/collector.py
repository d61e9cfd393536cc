"""Python's garbage collector, told how a worker lives."""

from __future__ import annotations

import gc

# Objects more than at its last run, before it runs again. A batch of 10,000 events has a hundred
# thousand at a time, and lets go of them by itself.
_MORE_OBJECTS = 200_000


def let_collector_wait() -> None:
    """Let the collector of this process run seldom; for a process that only works off batches.

    By default it runs whenever 700 objects more are alive, which is many times in a batch, and then
    looks at everything that a warm worker remembers, be it profiles or detectors: up to half of a
    batch's time. It is needed only for cycles. What workers remember has none; boto3 leaves three
    small objects a call, so that a run is due after some tens of megabytes at most.
    """
    gc.set_threshold(_MORE_OBJECTS, *gc.get_threshold()[1:])
