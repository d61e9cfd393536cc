"""What importing each function costs: processor time of fresh processes, the least of several.

A function is measured against ``import boto3`` and the clients that it needs at its start, of one
session: what nobody who talks to AWS can go below. The rival is the tutorial's handler, which
makes a DynamoDB resource.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks import tutorial_enrichment
from benchmarks.figures import Figure, Measured, at_most

ROOT = Path(__file__).parents[1]
TARGET = 1.4
# What no function may load at its start: each costs more than all of the library.
HEAVY = ("numpy", "google.protobuf")
# The clients that each function makes at its start.
CLIENTS = {
    "enrich": ("dynamodb",),
    "ingest": ("kinesis",),
    "predict": ("dynamodb", "sagemaker-runtime"),
    "archive": (),  # which makes its one client when it first needs it
    "prune-layers": (),  # likewise
}
# As template.yaml gives it to its functions, with its defaults and a model's endpoint.
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "AWS_ENDPOINT_URL": "",
    "POWERTOOLS_METRICS_NAMESPACE": "Millrace",
    "POWERTOOLS_METRICS_DISABLED": "false",
    "POWERTOOLS_LOG_LEVEL": "INFO",
    "POWERTOOLS_SERVICE_NAME": "function",
    "FEATURES_TABLE": "features",
    "FEATURE_STORE": "dynamodb",
    "FEATURE_GROUP": "",
    "QUARANTINE_BUCKET": "quarantine",
    "ARCHIVE_BUCKET": "archive",
    "PARALLELIZATION_FACTOR": "1",
    "GIVE_UP_AFTER_S": "0",
    "STREAM_RETENTION_HOURS": "72",
    "STREAM_NAME": "events",
    "ENDPOINT_NAME": "model",
    "PREDICT_DEADLINE_MS": "2500",
    "UNKNOWN_USER": "answer",
    "CONSISTENT_READ": "off",
    "INFERENCE_STREAM": "",
    "DAX_ENDPOINT": "",
    "AUDIT_BUCKET": "audit",
    "PRUNE_MODE": "plan",
    "PRUNE_KEEP": "5",
    "PRUNE_GRACE_DAYS": "14",
    "PRUNE_LIMIT": "50",
    "PRUNE_REGIONS": "",
    "LAYER_ARNS": "",  # what a start tells of itself would stand among the figures
    "MILLRACE_FEATURES": str(ROOT / "features.toml"),
}
_TIMED = """
import gc, sys, time
begun_s = time.process_time()
{code}
used_s = time.process_time() - begun_s
made = sys.modules["botocore.client"].BaseClient
# By its type: a weak proxy of a client says that it is one.
clients = [one for one in gc.get_objects() if issubclass(type(one), made)]
print(used_s)
print(*(name for name in {heavy!r} if name in sys.modules))
print(*sorted(one.meta.service_model.service_name for one in clients))
"""
_TUTORIAL = "import benchmarks.tutorial_app"


def functions() -> list[str]:
    """The functions of lambdas/."""
    return sorted(path.parent.name for path in (ROOT / "lambdas").glob("*/app.py"))


def of_clients(services: Sequence[str]) -> str:
    """The least that talks to these services."""
    calls = ", ".join(f"session.client({service!r})" for service in services)
    return f"import boto3\nsession = boto3.Session()\nclients_at_start = [{calls}]"


class Start(NamedTuple):
    """A start in a fresh process: processor seconds, what it loaded of `HEAVY`, its clients."""

    seconds: float
    heavy: list[str]
    clients: list[str]


def started(code: str, folders: Sequence[Path] = ()) -> Start:
    """What the start of `code` costs, and what it brings along."""
    printed = run_fresh(["-c", _TIMED.format(code=code, heavy=HEAVY)], folders)
    seconds, heavy, clients = printed.split("\n")[:3]
    return Start(float(seconds), heavy.split(), clients.split())


def run_fresh(arguments: Sequence[str], folders: Sequence[Path]) -> str:
    """What a fresh Python prints, in a function's environment, importing from these folders."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env=_environment({"PYTHONPATH": os.pathsep.join(map(str, folders))}),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, **ENVIRONMENT, **more}


def of_function(name: str) -> tuple[str, list[Path]]:
    """The code that starts a function, and where it stands."""
    return "import app", [ROOT / "lambdas" / name, ROOT / "layers/core"]


def least_ratio(name: str, tries: int, enough: float = 0.0) -> tuple[float, float]:
    """Least processor time of a function's start, and as a multiple of its clients' alone.

    They take turns, so that the machine treats both alike; no more tries once the ratio is as low
    as `enough`.
    """
    code, folders = of_function(name)
    clients = of_clients(CLIENTS[name])
    ours, floor = [], []
    for _ in range(tries):
        ours.append(started(code, folders).seconds)
        floor.append(started(clients).seconds)
        if min(ours) / min(floor) <= enough and len(ours) > 2:
            break
    return min(ours), min(ours) / min(floor)


def measure(tries: int = 12) -> Measured:
    """Every function, beside the tutorial's."""
    tutorial_s = min(started(_TUTORIAL, [ROOT]).seconds for _ in range(tries))
    figures: list[Figure] = []
    for name in functions():
        sys.stderr.write(f"millrace: starting {name} …\n")
        seconds, ratio = least_ratio(name, tries)
        heavy = started(*of_function(name)).heavy
        clients = f" and the clients of {', '.join(CLIENTS[name])}" if CLIENTS[name] else ""
        floor = f"import boto3{clients}"
        figures += [
            at_most(f"import of {name}", ratio, "× its floor", TARGET, (floor, 1.0)),
            at_most(
                f"import of {name}, processor time",
                seconds * 1000,
                "ms",
                rival=(tutorial_enrichment.NAME, tutorial_s * 1000),
            ),
            at_most(f"{name}: numpy, protobuf loaded", float(len(heavy)), "modules", 0.0),
        ]
    return Measured(figures)
