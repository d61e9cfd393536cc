"""docs/inference.md says what is true: codes, metrics, routes, and code that runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from millrace import ingest
from millrace.folder import FolderObjects
from millrace.inference import api, contract, dax, http, model, sagemaker

from tests.features.conftest import SHIPPED
from tests.inference.making import Bench
from tests.inference.recording import Bench as ArchiveBench
from tests.inference.recording import batch, feedback, inference

PAGE = (Path(__file__).parents[2] / "docs/inference.md").read_text(encoding="utf-8")
SOURCES = [
    Path(str(module.__file__)).read_text(encoding="utf-8")
    for module in (api, contract, dax, http, model, sagemaker)
]
# Of a container, not of ours.
MODELS_OWN = {"features-mismatch"}
KINDS = "InvalidRequest|NotDeployed|ModelError|ModelMismatch|_error|_invalid|_no_answer"


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_every_code_is_documented_and_every_documented_code_is_one() -> None:
    named = set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", section("Errors")))
    literal = {
        code
        for source in SOURCES
        for call in re.findall(rf"(?:{KINDS})\(([^()]*)", source)
        for code in re.findall(r'"([a-z]+(?:-[a-z]+)+)"', call)
    }
    staged = {
        f"{stage}-{what}"
        for stage in ("features", "endpoint", "feedback")
        for what in ("throttled", "unavailable")
    }
    assert "not-json" in literal
    assert named == (literal | staged) - MODELS_OWN


def test_every_code_of_the_route_for_events_is_documented() -> None:
    source = Path(str(ingest.__file__)).read_text(encoding="utf-8")
    codes = set(re.findall(r'"error": "([a-z-]+)"', source))
    assert "too-many-events" in codes
    table = set(re.findall(r"`([a-z]+(?:-[a-z]+)*)`", section("Events over HTTP")))
    assert codes <= table


def test_every_metric_is_documented() -> None:
    documented = set(re.findall(r"`([A-Z][A-Za-z0-9]+)`", section("Metrics and logs")))
    measured = {
        name
        for source in SOURCES
        for name in re.findall(r'"([A-Z][a-z]+(?:[A-Z][a-z]+)*s?)"', source)
        if re.search(rf'(?:count|timed|took|return|else)\W+"{name}"|FALLBACKS = "{name}"', source)
    }
    statuses = {"Status2xx", "Status4xx", "Status5xx"}
    assert {"Predictions", "EndpointThrottles", "DaxFallbacks"} <= measured
    assert documented == measured | statuses


def test_every_field_of_an_answer_is_in_the_example() -> None:
    _, body = Bench().ask({**_predict(), "isBase64Encoded": False})
    example = section("Asking").partition("```json")[2].partition("```")[0]
    for name in (*body, *body["model"]):
        assert f'"{name}"' in example


def _predict() -> dict[str, object]:
    return {
        "routeKey": "POST /predict",
        "headers": {"content-type": "application/json"},
        "body": '{"userId":"u1","input":null}',
    }


def test_its_python_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = ArchiveBench()
    bench.run(batch(inference(1), feedback(1, "bought")))
    for key, body in bench.archive.bodies.items():
        FolderObjects(tmp_path / "archive").put(key, body)
    (tmp_path / "features.toml").write_bytes(SHIPPED.read_bytes())
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        exec(compile(block, "docs/inference.md", "exec"), names)
    assert capsys.readouterr().out == "1 bought\n"
    assert "rows" in names
