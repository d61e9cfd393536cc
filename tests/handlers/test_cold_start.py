"""What a cold start tells of itself, once a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from millrace import cold_start

CORE, DEPS = (f"arn:aws:lambda:eu-west-1:123456789012:layer:{name}:3" for name in ("core", "deps"))
ENVIRONMENT = {
    "LAYER_ARNS": f"core={CORE},deps={DEPS}",
    "AWS_LAMBDA_FUNCTION_NAME": "shop-predict",
    "POWERTOOLS_METRICS_NAMESPACE": "Millrace",
}


def told(environment: dict[str, str], opt: Path) -> list[Any]:
    lines: list[str] = []
    cold_start.tell(environment, opt, lines.append)
    assert all(line.endswith("\n") for line in lines)
    return [json.loads(line) for line in lines]


def sized(opt: Path, **sizes: int) -> Path:
    (opt / "millrace").mkdir()
    for name, size in sizes.items():
        (opt / "millrace" / f"{name}.json").write_text(json.dumps({"unzipped": size}))
    return opt


def test_a_line_for_each_layer_in_the_embedded_format(tmp_path: Path) -> None:
    core, deps = told(ENVIRONMENT, sized(tmp_path, core=1000, deps=2000))
    assert (core["LayerArn"], core["LayerSize"]) == (CORE, 1000)
    assert (deps["LayerArn"], deps["LayerSize"]) == (DEPS, 2000)
    assert core["FunctionName"] == "shop-predict"
    assert core["LayerColdStartDuration"] == deps["LayerColdStartDuration"] > 0
    (metric,) = core["_aws"]["CloudWatchMetrics"]
    assert metric["Namespace"] == "Millrace"
    assert metric["Dimensions"] == [["LayerArn", "FunctionName"]]
    names = {one["Name"]: one["Unit"] for one in metric["Metrics"]}
    assert names == {"LayerColdStartDuration": "Milliseconds", "LayerSize": "Bytes"}
    assert set(names) | {"LayerArn", "FunctionName"} <= set(core), "each has its value"


def test_a_size_that_is_not_known_is_left_out(tmp_path: Path) -> None:
    core, deps = told(ENVIRONMENT, sized(tmp_path, deps=2000))
    assert "LayerSize" not in core
    assert [one["Name"] for one in core["_aws"]["CloudWatchMetrics"][0]["Metrics"]] == [
        "LayerColdStartDuration"
    ]
    assert deps["LayerSize"] == 2000


@pytest.mark.parametrize("more", [{"LAYER_ARNS": ""}, {"POWERTOOLS_METRICS_DISABLED": "true"}])
def test_silence(tmp_path: Path, more: dict[str, str]) -> None:
    assert told({**ENVIRONMENT, **more}, tmp_path) == []


def test_nothing_that_stands_in_opt_keeps_a_function_from_starting(tmp_path: Path) -> None:
    (tmp_path / "millrace").mkdir()
    (tmp_path / "millrace" / "core.json").write_text("{no json")
    (line,) = told(ENVIRONMENT, tmp_path)
    assert line["level"] == "WARNING"


def test_it_counts_from_the_start_of_the_process() -> None:
    code = (
        "import time; time.sleep(0.2); from millrace.cold_start import age_ms;"
        " print(age_ms(), time.process_time())"
    )
    path = {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **path},
        capture_output=True,
        text=True,
        check=True,
    )
    age_ms, busy_s = map(float, done.stdout.split())
    assert age_ms >= 190 + busy_s * 1000 - 20, "sleeping and working, to a hundredth of a second"
