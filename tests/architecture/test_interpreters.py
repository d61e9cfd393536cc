"""What is deployed runs on Python 3.11, 3.12 and 3.13, and says the same on each."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.architecture.interpreters import FEATURES, SUPPORTED, found, packages, told
from tests.architecture.source import LIBRARY, ROOT, Module, handlers, modules

DEPLOYED = [*modules(LIBRARY).values(), *handlers()]
PYTHONS = found()

# What later versions brought; the parser does not know that 3.11 has none of it.
NEWER = {
    "copy.replace",
    "itertools.batched",
    "math.sumprod",
    "pathlib.UnsupportedOperation",
    "queue.ShutDown",
    "typing.TypeAliasType",
    "typing.override",
    "warnings.deprecated",
}


@pytest.mark.parametrize("version", SUPPORTED, ids=lambda pair: ".".join(map(str, pair)))
@pytest.mark.parametrize("module", DEPLOYED, ids=lambda module: module.place)
def test_the_grammar_is_that_of_every_version(module: Module, version: tuple[int, int]) -> None:
    ast.parse(module.path.read_text(encoding="utf-8"), feature_version=version)


@pytest.mark.parametrize("module", DEPLOYED, ids=lambda module: module.place)
def test_nothing_is_imported_that_only_a_later_version_has(module: Module) -> None:
    used = {ast.unparse(node) for node in ast.walk(module.tree) if isinstance(node, ast.Attribute)}
    imported = {one.name for one in module.imports()}
    assert not (used | imported) & NEWER


@pytest.mark.parametrize("version", PYTHONS)
def test_it_compiles(version: str) -> None:
    """The version's own compiler reads every file that is deployed."""
    paths = [str(module.path) for module in DEPLOYED]
    script = (
        "import sys, pathlib\n"
        "for path in sys.argv[1:]: compile(pathlib.Path(path).read_bytes(), path, 'exec')"
    )
    command = [str(PYTHONS[version]), "-I", "-W", "error", "-c", script, *paths]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


@cache
def here() -> str:
    """The story as this process's own Python tells it, with all of its packages."""
    site = [Path(path) for path in sys.path if path.endswith("site-packages")]
    return told(Path(sys.executable), ROOT / "layers/core", *site)


@pytest.mark.parametrize("version", PYTHONS)
def test_it_runs_and_gives_the_same(version: str, tmp_path: Path) -> None:
    """Others with the dependency layer as it is deployed; this one again, with other hashes."""
    if PYTHONS[version] == Path(sys.executable):
        again = here.__wrapped__()
    else:
        again = told(PYTHONS[version], ROOT / "layers/core", packages(version, tmp_path))
    assert json.loads(again) == json.loads(here())


def test_the_story_has_something_to_tell() -> None:
    story = json.loads(here())
    assert {"millrace.kinesis", "millrace.features.service"} <= set(story["modules"])
    assert story["times"][0] == 1_769_860_800_000
    assert sum(report.get("applied", 0) for report in story["enriched"]["reports"]) > 500
    assert len(story["enriched"]["states"]) == 3
    assert any("quarantine/" in key for key in story["enriched"]["kept"])
    assert FEATURES.is_file()


def test_the_running_python_is_always_tried() -> None:
    assert PYTHONS["{}.{}".format(*sys.version_info[:2])] == Path(sys.executable)
