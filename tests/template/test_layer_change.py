"""A changed layer is a changed function: SAM publishes a version of it, and moves the alias."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from localcloud.stack.building import build
from localcloud.stack.model import CodeFolder
from tests.template.reading import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What a function is built from, to be changed at will; its path has a space."""
    root = tmp_path / "my checkout"
    ignore = shutil.ignore_patterns("__pycache__", "python3.*")
    for folder in ("lambdas", "layers"):
        shutil.copytree(ROOT / folder, root / folder, ignore=ignore)
    shutil.copy(ROOT / "features.toml", root)
    return root


def layers_of(checkout: Path, into: str) -> dict[str, str]:
    """What a built function says of its layers."""
    code = CodeFolder(checkout / "lambdas/enrich", checkout / "lambdas/Makefile")
    built = build(code, "EnrichFunction", checkout / into)
    return dict(
        line.split() for line in (built / "LAYERS").read_text(encoding="utf-8").splitlines()
    )


def append(name: str) -> Callable[[Path], object]:
    return lambda layers: (layers / name).write_text(
        (layers / name).read_text(encoding="utf-8") + "\n", encoding="utf-8"
    )


@pytest.mark.parametrize(
    ("layer", "change"),
    [
        ("core", append("core/millrace/features/windows.py")),
        ("core", append("core/layer.toml")),
        ("core", lambda layers: (layers / "core/millrace/new.py").touch()),
        ("core", lambda layers: (layers / "core/millrace/errors.py").unlink()),
        ("core", lambda layers: (layers / "core/millrace/errors.py").rename(layers / "core/e.py")),
        ("deps", append("deps/requirements.lock")),
        ("deps", append("deps/layer.toml")),
        ("deps", append("deps/build")),
    ],
)
def test_any_change_of_a_layer_is_seen_and_named(
    checkout: Path, layer: str, change: Callable[[Path], object]
) -> None:
    before = layers_of(checkout, "before")
    change(checkout / "layers")
    after = layers_of(checkout, "after")
    assert set(before) == set(after) == {"core", "deps"}
    assert {name for name in before if before[name] != after[name]} == {layer}


def test_what_builds_the_layers_counts_for_both(checkout: Path) -> None:
    seen = [layers_of(checkout, "before")]
    for number, name in enumerate(("build", "core/millrace/lambda_layers/pruning.py")):
        append(name)(checkout / "layers")
        seen.append(layers_of(checkout, f"after-{number}"))
    assert all(len({one[layer] for one in seen}) == len(seen) for layer in ("core", "deps"))


def test_a_service_that_a_function_calls_changes_the_layer_that_keeps_its_data(
    checkout: Path,
) -> None:
    before = layers_of(checkout, "before")
    handler = checkout / "lambdas/ingest/app.py"
    text = handler.read_text(encoding="utf-8")
    handler.write_text(f"{text}\n\n# a remark\nMORE = 1\n", encoding="utf-8")
    assert layers_of(checkout, "remark") == before, "it is one function's own affair"
    handler.write_text(f'{text}\n\nCLIENT = client(\n    "sns"\n)\n', encoding="utf-8")
    called = layers_of(checkout, "called")
    assert called["core"] == before["core"]
    assert called["deps"] != before["deps"]
    handler.write_text(f'{text}\n\nCLIENT = client(\n    "sqs"\n)\n', encoding="utf-8")
    assert layers_of(checkout, "other")["deps"] not in (before["deps"], called["deps"])


def test_what_no_layer_holds_changes_nothing(checkout: Path) -> None:
    before = layers_of(checkout, "before")
    cache = checkout / "layers/core/millrace/__pycache__"
    cache.mkdir()
    (cache / "errors.cpython-313.pyc").write_bytes(b"compiled")
    (checkout / "layers/deps/requirements.in").write_text("# what is locked counts\n")
    after = layers_of(checkout, "after")
    assert before == after
    assert all(re.fullmatch("[0-9a-f]{64}", value) for value in after.values())
