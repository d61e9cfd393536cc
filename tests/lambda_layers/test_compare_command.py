"""`millrace layers compare` and `profile`, as they are typed."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests.cli.conftest import bench, cloud, millrace
from tests.cli.fakes import Commands
from tests.lambda_layers.test_test_command import layer

__all__ = ["bench", "cloud", "millrace"]

SLOW = "for n in range(300_000):\n    pass\n"


@pytest.fixture
def fast(tmp_path: Path) -> Path:
    """A layer of a module that does nothing."""
    return layer(tmp_path / "fast", one="X = 1\n", two="import one\n")


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """One whose module works."""
    return layer(tmp_path / "slow", one=SLOW, two="import one\n")


def test_the_slower_layer_costs_more(millrace: Commands, slow: Path, fast: Path) -> None:
    options = ["--import", "two", "--processes", 2, "--memory-mb", 1024, "--usd-per-gb-s", "1"]
    done = millrace("layers", "compare", slow, fast, *options, "--cold-starts", 1000, "--json")
    assert done.status == 0, done.err
    found = done.document
    assert found["a"]["figures"]["import_ms"] > found["b"]["figures"]["import_ms"] > 0
    before, after = map(Decimal, found["cost_usd"])
    assert before > after
    assert Decimal(found["saved_usd"]) == before - after
    assert before == Decimal(str(found["a"]["figures"]["total_ms"])).quantize(Decimal("0.01"))
    assert [one["package"] for one in found["changes"]] == ["one"]


def test_a_table_for_people(millrace: Commands, slow: Path, fast: Path) -> None:
    done = millrace("layers", "compare", slow, fast, "--processes", 1)
    assert done.status == 0, done.err
    for words in ("bytes unzipped", "imports, ms CPU", "USD for 1,000,000 cold starts", "one, two"):
        assert words in done.out
    done = millrace("layers", "compare", slow, fast, "--processes", 0)
    assert "USD" not in done.out


def test_what_one_of_them_cannot_import_is_named(
    millrace: Commands, tmp_path: Path, fast: Path
) -> None:
    broken = layer(tmp_path / "broken", one="import absent\n")
    done = millrace("layers", "compare", fast, broken, "--import", "one", "--processes", 1)
    assert done.status == 2
    assert "broken: ModuleNotFoundError: No module named 'absent'" in done.err


def test_layers_that_have_nothing_in_common_are_told(
    millrace: Commands, tmp_path: Path, fast: Path
) -> None:
    done = millrace("layers", "compare", fast, layer(tmp_path / "other", three="X = 1\n"))
    assert (done.status, "cold starts are not compared" in done.err) == (0, True)


def test_a_price_is_a_number(millrace: Commands, fast: Path) -> None:
    done = millrace("layers", "compare", fast, fast, "--usd-per-gb-s", "much")
    assert done.status == 2
    assert "--usd-per-gb-s is 'much', but must be a number of dollars" in done.err


def test_the_module_that_takes_longest_stands_first(millrace: Commands, slow: Path) -> None:
    done = millrace("layers", "profile", slow, "--import", "two", "--processes", 2, "--json")
    assert done.status == 0, done.err
    found = done.document
    assert found["modules"][0]["name"] == "one"
    assert found["packages"][0]["name"] == "one"
    (tree,) = found["tree"]
    assert tree["name"] == "two"
    assert [child["name"] for child in tree["imports"]] == ["one"]
    assert tree["cumulative_us"] == found["total_us"] >= found["modules"][0]["self_us"]


def test_a_profile_for_people_with_its_tree(millrace: Commands, slow: Path) -> None:
    done = millrace("layers", "profile", slow, "--import", "two", "--tree", 0)
    assert done.status == 0, done.err
    assert "of all" in done.out
    assert "2 modules" in done.out
    assert "  one" in done.out


def test_a_profile_of_what_is_not_there(millrace: Commands, slow: Path) -> None:
    done = millrace("layers", "profile", slow, "--import", "absent")
    assert done.status == 1
    assert "The layer cannot import absent: ModuleNotFoundError" in done.err
