"""Lambda layers: what a cold start of the same packages costs, as each way of building ships them.

Every start is a fresh process under Lambda's own runtime client, with the layer read-only in /opt;
the variants take turns, and of each the least processor time counts. The fleet's figures come from
benchmarks.layers_fleet.
"""

from __future__ import annotations

import importlib.util
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from millrace.lambda_layers import testing
from millrace.lambda_layers.cases import Case, Kind
from millrace.lambda_layers.installing import Target
from millrace.lambda_layers.results import Status
from millrace.lambda_layers.stripping import host

from benchmarks import layers_variants as variants
from benchmarks.figures import Figure, Measured, at_most
from benchmarks.layers_variants import MODULES, RUNTIME, Variant
from cli.layer_runtime import LocalRuntime

OF_TUTORIAL, OF_WARM, OF_SAM_ZIP, WITH_CLIENT, CACHED_S = 0.38, 1.05, 0.55, 0.45, 2.0
_FLEET = "benchmarks.layers_fleet"
_ROLLOUT = "benchmarks.layers_rollout"
_PARTS, _BUILDS = 3, 5
_START = Case(
    name="cold start", kind=Kind.COLD_START, modules=MODULES, client="dynamodb", processes=1
)
_PATH_ENTRIES = """
import sys, time
begun_s = time.process_time()
for name in sys.argv[1:]: __import__(name)
print(time.process_time() - begun_s)
"""

Least = dict[str, dict[str, float]]


def measure(rounds: int = 8) -> Measured:
    """All of it: (a) to (d), one layer against three, memory, a cached build, the fleet."""
    with tempfile.TemporaryDirectory(prefix="millrace-bench-layers-") as name:
        place = Path(name)
        _say("installing and packaging …")
        warm = variants.untouched(place)
        sam = variants.sam(place, warm.folder)
        strip, slim = variants.stripped(place, warm.folder), variants.slim(place, warm.folder)
        ours, report = variants.ours(place)
        every = (warm, sam, strip, slim, ours)
        least, how = _cold_starts(every, place, rounds)
        figures = [
            *_times(least, ours, strip, warm),
            at_most(
                "zip of (d)", ours.zipped / sam.zipped, f"× {sam.name}", OF_SAM_ZIP, (sam.name, 1.0)
            ),
            *_each(every, least),
            *_consolidation(ours, place, rounds),
            *_cached(place),
        ]
    figures += _fleet()
    services = f"botocore keeps {len(report.services)} services: {', '.join(report.services)}"
    lines = [how, f"least processor time of {rounds} starts each, by turns", services]
    return Measured(figures, lines)


def _say(words: str) -> None:
    sys.stderr.write(f"millrace: {words}\n")


def _cold_starts(every: Sequence[Variant], place: Path, rounds: int) -> tuple[Least, str]:
    """Variant → the least of each figure."""
    target = Target(RUNTIME, host())
    runtimes = {
        one.name: LocalRuntime(one.folder, target, place / f"runtime-{number}")
        for number, one in enumerate(every)
    }
    least: Least = {one.name: {} for one in every}
    for turn in range(rounds):
        _say(f"cold starts, round {turn + 1} of {rounds} …")
        for name, runtime in runtimes.items():
            (result,) = testing.run(runtime, [_START])
            if result.status is Status.FAILED:
                raise RuntimeError(f"{name}: {result.message}")
            for figure, value in result.figures.items():
                least[name][figure] = min(value, least[name].get(figure, value))
    return least, next(iter(runtimes.values())).how


def _times(least: Least, ours: Variant, strip: Variant, warm: Variant) -> list[Figure]:
    def of(variant: Variant, figure: str) -> float:
        return least[ours.name][figure] / least[variant.name][figure]

    return [
        at_most(
            "import of (d)",
            of(strip, "import_ms"),
            f"× {strip.name}",
            OF_TUTORIAL,
            (strip.name, 1.0),
        ),
        at_most(
            "import of (d)", of(warm, "import_ms"), f"× {warm.name}", OF_WARM, (warm.name, 1.0)
        ),
        at_most(
            "import of (d), first DynamoDB client included",
            of(strip, "total_ms"),
            f"× {strip.name}",
            WITH_CLIENT,
            (strip.name, 1.0),
        ),
    ]


def _each(every: Sequence[Variant], least: Least) -> list[Figure]:
    figures = []
    for one in every:
        found = least[one.name]
        figures += [
            Figure(f"{one.name}: import", found["import_ms"], "ms CPU"),
            Figure(f"{one.name}: with the first client", found["total_ms"], "ms CPU"),
            Figure(f"{one.name}: peak memory", found["peak_mb"], "MB"),
        ]
        if one.zipped:
            figures.append(Figure(f"{one.name}: zip", one.zipped / 1e6, "MB"))
    return figures


def _consolidation(ours: Variant, place: Path, rounds: int) -> list[Figure]:
    """One layer against the same in three.

    Lambda merges layers into one /opt, so that a function sees one folder either way; three path
    entries are the worst that three layers could be.
    """
    parts = variants.spread(place, ours.folder, _PARTS)
    one_ms, three_ms = [], []
    for _ in range(rounds):
        one_ms.append(_with_entries([ours.folder]))
        three_ms.append(_with_entries(parts))
    one, three = min(one_ms), min(three_ms)
    rival = "one layer"
    return [
        Figure("three layers, were they three path entries", three, "ms CPU", rival, one),
        Figure("cost of a further path entry", (three - one) / (_PARTS - 1), "ms CPU"),
    ]


def _with_entries(layers: Sequence[Path]) -> float:
    path = os.pathsep.join(str(one / "python") for one in layers)
    done = subprocess.run(
        [sys.executable, "-S", "-B", "-c", _PATH_ENTRIES, *MODULES],
        env=_environment({"PYTHONPATH": path, "AWS_DEFAULT_REGION": "us-east-1"}),
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout) * 1000


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", ""), **more}


def _cached(place: Path) -> list[Figure]:
    """A layer of template.yaml that was built before, as `sam build` asks for it again."""
    command = [str(variants.ROOT / "layers/build"), "deps", RUNTIME, host()]
    clock_s, cpu_s = [], []
    for turn in range(_BUILDS):
        begun_s, used_s = time.perf_counter(), _of_children_s()
        into = str(place / f"cached-{turn}")
        subprocess.run([*command, into], check=True, capture_output=True)
        clock_s.append(time.perf_counter() - begun_s)
        cpu_s.append(_of_children_s() - used_s)
    return [
        at_most("build of a cached layer", min(cpu_s), "s CPU", CACHED_S),
        Figure("build of a cached layer, by the clock", min(clock_s), "s"),
    ]


def _of_children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _fleet() -> list[Figure]:
    """The figures of benchmarks.layers_fleet, which is another measurement by itself."""
    if importlib.util.find_spec(_FLEET) is None:
        return []
    _say("a fleet of functions …")
    found = importlib.import_module(_FLEET).measure_fleet()
    found += importlib.import_module(_ROLLOUT).measure_rollout()
    return list(found)
