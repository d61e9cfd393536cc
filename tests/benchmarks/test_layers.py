"""The layers that scripts/bench compares: each is what its way of building makes."""

from __future__ import annotations

import os
import py_compile
from pathlib import Path

import pytest

from benchmarks import layers, layers_variants
from benchmarks.layers_variants import Variant


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """What pip leaves of a package, more or less."""
    folder = tmp_path / "installed"
    for name in ("thing/__init__.py", "thing/tests/test_thing.py", "thing-1.0.dist-info/METADATA"):
        path = folder / "python" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("X = 1\n", encoding="utf-8")
    source = folder / "python/thing/__init__.py"
    os.utime(source, (1_700_000_001, 1_700_000_001))
    py_compile.compile(str(source), doraise=True)
    return folder


def held(variant: Variant) -> set[str]:
    paths = variant.folder.rglob("*")
    return {path.relative_to(variant.folder).as_posix() for path in paths if path.is_file()}


MODULE, TESTS = "python/thing/__init__.py", "python/thing/tests/test_thing.py"


def test_the_tutorials_strip_leaves_modules_alone(installed: Path, tmp_path: Path) -> None:
    found = layers_variants.stripped(tmp_path, installed)
    assert held(found) == {MODULE}
    assert found.zipped > 0


def test_slim_leaves_tests_too(installed: Path, tmp_path: Path) -> None:
    assert held(layers_variants.slim(tmp_path, installed)) == {MODULE, TESTS}


def test_sams_zip_forgets_when_a_module_was_written(installed: Path, tmp_path: Path) -> None:
    """So the bytecode, which remembers, is stale."""
    found = layers_variants.sam(tmp_path, installed)
    assert held(found) == {path.relative_to(installed).as_posix() for path in files(installed)}
    (compiled,) = (found.folder / "python/thing/__pycache__").iterdir()
    remembered = int.from_bytes(compiled.read_bytes()[8:12], "little")
    assert remembered == 1_700_000_001
    assert (found.folder / MODULE).stat().st_mtime == 315_532_800  # 1980


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_every_package_is_in_one_of_the_three(tmp_path: Path) -> None:
    layer = tmp_path / "layer"
    for name in ("a/__init__.py", "b/__init__.py", "c.py", "d/x/y.py"):
        path = layer / "python" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("X = 1\n" * len(name), encoding="utf-8")
    parts = layers_variants.spread(tmp_path, layer, 3)
    names = [path.name for part in parts for path in (part / "python").iterdir()]
    assert sorted(names) == ["a", "b", "c.py", "d"]
    assert (parts[0] / "python").is_dir()


def test_ratios_are_to_the_tutorials_and_to_the_untouched_one() -> None:
    ours, strip, warm = (Variant(name, Path(), 1) for name in ("ours", "strip", "warm"))
    least = {
        "ours": {"import_ms": 210.0, "total_ms": 270.0},
        "strip": {"import_ms": 600.0, "total_ms": 700.0},
        "warm": {"import_ms": 200.0, "total_ms": 260.0},
    }
    of_strip, of_warm, with_client = layers._times(least, ours, strip, warm)
    assert (of_strip.value, of_strip.holds) == (0.35, True)
    assert (of_warm.value, of_warm.holds) == (1.05, True)
    assert (round(with_client.value, 3), with_client.holds) == (0.386, True)
    least["ours"]["import_ms"] = 240.0
    missed = layers._times(least, ours, strip, warm)
    assert [figure.holds for figure in missed] == [False, False, True]
