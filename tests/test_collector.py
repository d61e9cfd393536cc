"""The garbage collector runs seldom in a process that works off batches, and still runs."""

from __future__ import annotations

import subprocess
import sys

_COUNTED = """
import gc
from millrace.collector import let_collector_wait
let_collector_wait()
runs = []
gc.callbacks.append(lambda phase, info: runs.append(phase == "start"))
kept = [[] for _ in range({objects})]
print(gc.isenabled(), sum(runs))
"""


def runs_while_keeping(objects: int) -> tuple[bool, int]:
    code = _COUNTED.format(objects=objects)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    enabled, runs = done.stdout.split()
    return enabled == "True", int(runs)


def test_a_batch_s_objects_do_not_make_it_run() -> None:
    assert runs_while_keeping(100_000) == (True, 0)


def test_it_runs_when_much_more_is_kept() -> None:
    enabled, runs = runs_while_keeping(500_000)
    assert enabled
    assert runs == 2
