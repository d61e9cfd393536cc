"""What a cold start cost, told once a process: a metric for each layer version of the function.

Written as CloudWatch's embedded metric format to stdout, where CloudWatch Logs takes it from:
LayerColdStartDuration (ms from the start of the process to here) and LayerSize (bytes, unzipped),
by LayerArn and FunctionName. A start is one figure, not one for each layer: the dimension is there
to compare a layer's versions.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

# What `sam build` leaves in a layer: millrace/NAME.json, with its size.
OPT = Path("/opt")
_STARTED_FIELD = 19  # of those after the process's name: the 22nd of all
_METRICS = [
    {"Name": "LayerColdStartDuration", "Unit": "Milliseconds"},
    {"Name": "LayerSize", "Unit": "Bytes"},
]


def tell(
    environment: Mapping[str, str],
    opt: Path = OPT,
    write: Callable[[str], object] = sys.stdout.write,
) -> None:
    """Call this once, when everything is imported and made.

    LAYER_ARNS names the layers, as in ``core=arn:…:3,deps=arn:…:7``; without it, or where metrics
    are off, nothing is told. Whatever goes wrong here must not keep a function from starting.
    """
    layers = environment.get("LAYER_ARNS", "")
    if not layers or environment.get("POWERTOOLS_METRICS_DISABLED", "").lower() == "true":
        return
    try:
        duration_ms = age_ms()
        for one in layers.split(","):
            name, _, arn = one.partition("=")
            line = document(environment, arn, duration_ms, _size(opt, name), time.time_ns())
            write(f"{json.dumps(line)}\n")
    except (OSError, ValueError, IndexError) as error:
        write(json.dumps({"level": "WARNING", "message": f"no cold start metric: {error}"}) + "\n")


def document(
    environment: Mapping[str, str], arn: str, duration_ms: float, size: int | None, now_ns: int
) -> dict[str, object]:
    """One layer's figures in the embedded metric format; a size that is not known is left out."""
    metrics = _METRICS if size is not None else _METRICS[:1]
    found: dict[str, object] = {
        "_aws": {
            "Timestamp": now_ns // 1_000_000,
            "CloudWatchMetrics": [
                {
                    "Namespace": environment.get("POWERTOOLS_METRICS_NAMESPACE", "Millrace"),
                    "Dimensions": [["LayerArn", "FunctionName"]],
                    "Metrics": metrics,
                }
            ],
        },
        "LayerArn": arn,
        "FunctionName": environment.get("AWS_LAMBDA_FUNCTION_NAME", ""),
        "LayerColdStartDuration": round(duration_ms, 1),
        "initialization": environment.get("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
    }
    if size is not None:
        found["LayerSize"] = size
    return found


def age_ms() -> float:
    """For how long this process has been there, to a hundredth of a second, as Linux counts."""
    after_name = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    started_s = int(after_name[_STARTED_FIELD]) / os.sysconf("SC_CLK_TCK")
    return (time.clock_gettime(time.CLOCK_BOOTTIME) - started_s) * 1000


def _size(opt: Path, name: str) -> int | None:
    try:
        told = json.loads((opt / "millrace" / f"{name}.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None  # not built by `sam build` of this checkout
    return int(told["unzipped"])
