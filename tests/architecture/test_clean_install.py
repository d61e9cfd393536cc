"""The wheel's library and the functions run with the functions' packages alone."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.architecture.interpreters import FEATURES, LAMBDA_MODULES, STORY
from tests.architecture.source import ROOT

LOCK = ROOT / "layers/deps/requirements.lock"

# Runs a program as if nothing were installed but what it is allowed.
PROGRAM = """
import json, runpy, sys

blocked = set(json.loads(sys.argv.pop(1)))

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"{name} is not installed", name=name)

sys.meta_path.insert(0, Blocker())
program = sys.argv.pop(1)
sys.argv[0] = program
runpy.run_path(program, run_name="__main__")
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""
HANDLER = """
import sys
sys.path.insert(0, sys.argv[1])
import app
assert callable(app.handler)
"""
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "MILLRACE_FEATURES": str(FEATURES),
    "FEATURES_TABLE": "table",
    "QUARANTINE_BUCKET": "bucket",
    "STREAM_NAME": "stream",
    "POWERTOOLS_METRICS_NAMESPACE": "Millrace",
}


def locked() -> set[str]:
    """The distributions that the functions have."""
    return set(re.findall(r"^([a-z0-9._-]+)==", LOCK.read_text(), re.MULTILINE))


def blocked() -> list[str]:
    """The names of everything installed here that the functions do not have."""
    allowed = locked()
    by_name = packages_distributions()
    return sorted(
        name
        for name, distributions in by_name.items()
        if not any(re.sub(r"[-_.]+", "-", d).lower() in allowed for d in distributions)
        and name != "millrace"
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as file:
        file.extractall(folder / "unpacked")
    return folder / "unpacked"


def run(wheel: Path, program: Path, *arguments: str) -> tuple[str, set[str]]:
    """What a program prints under the wheel and the functions' packages, and what it loaded."""
    site = [path for path in sys.path if path.endswith("site-packages")]
    done = subprocess.run(
        [sys.executable, "-S", "-c", PROGRAM, json.dumps(blocked()), str(program), *arguments],
        env={
            **ENVIRONMENT,
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join([str(wheel), *site]),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, set(json.loads(done.stderr.splitlines()[-1]))


def test_what_is_blocked_is_what_only_a_checkout_has() -> None:
    names = set(blocked())
    assert {"pytest", "hypothesis", "moto", "typer", "httpx", "starlette"} <= names
    assert not {"boto3", "botocore", "orjson", "ormsgpack", "aws_lambda_powertools"} & names


def test_the_wheel_holds_the_library_its_types_and_the_shipped_features(wheel: Path) -> None:
    assert (wheel / "millrace/py.typed").is_file()
    assert (wheel / "millrace/features/shipped.toml").read_text() == FEATURES.read_text()
    ours = {
        path.relative_to(ROOT / "layers/core") for path in ROOT.glob("layers/core/millrace/**/*.py")
    }
    assert ours <= {path.relative_to(wheel) for path in wheel.glob("millrace/**/*.py")}


def test_the_library_needs_no_more_than_the_functions_have(wheel: Path) -> None:
    printed, loaded = run(wheel, STORY, str(FEATURES), *LAMBDA_MODULES)
    assert json.loads(printed)["modules"] == LAMBDA_MODULES
    assert not loaded & {"numpy", "pydantic"}


@pytest.mark.parametrize("name", ["enrich", "ingest"])
def test_a_handler_needs_no_more_and_starts_light(wheel: Path, name: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(HANDLER)
    _, loaded = run(wheel, program, str(ROOT / "lambdas" / name))
    heavy = {"numpy", "pydantic", "google.protobuf", "aws_kinesis_agg"}
    assert not loaded & heavy
    assert "millrace.events" in loaded
