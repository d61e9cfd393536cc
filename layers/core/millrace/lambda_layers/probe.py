"""The function that tries a layer: a handler, which the real runtime client loads and calls.

This file alone is what is deployed, under a name of its own: it knows nothing but the standard
library of the oldest runtime, and times with the processor's clock.
"""

import sys
import time
import traceback
from typing import Any

_RESULT_LINES = 6


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Import modules, make a client; say what it took, and where each module came from."""
    begun_s = time.process_time()
    version = ".".join(map(str, sys.version_info[:3]))
    answer: dict[str, Any] = {"runtime": f"Python {version}"}
    try:
        answer["places"] = {name: _imported(name) for name in event.get("modules", ())}
        answer["import_ms"] = (time.process_time() - begun_s) * 1000
        if event.get("client"):
            __import__("boto3").client(event["client"], region_name="us-east-1")
        answer["total_ms"] = (time.process_time() - begun_s) * 1000
    except BaseException as error:  # whatever a module does at its import is what is asked for
        lines = traceback.format_exception_only(type(error), error)
        answer["error"] = "".join(lines[-_RESULT_LINES:]).strip()
    answer["peak_kb"] = _peak_kb()
    return answer


def _peak_kb() -> int:
    """Of this program: what getrusage says counts from before it was this program's process."""
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123  imports nothing
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


def _imported(name: str) -> str:
    __import__(name)  # which Python itself can time; importlib.import_module goes past its clock
    module = sys.modules[name]
    paths = list(getattr(module, "__path__", ()))
    return getattr(module, "__file__", None) or (paths[0] if paths else "built in")
