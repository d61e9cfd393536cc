"""Python's garbage collector, kept from running in the middle of a batch."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_held_back() -> Iterator[None]:
    """Let the collector wait until the block has ended, if it is on.

    It runs whenever some hundreds of objects more are alive, and then looks at everything that a
    warm worker remembers, again and again: half of a batch's time. It is needed only for cycles,
    of which profiles have none; those that others make wait for the end of the batch.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
