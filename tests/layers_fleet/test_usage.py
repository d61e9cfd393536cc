"""The usage report: who has what, how far behind, and what nobody has."""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.lambda_layers.inventory import (
    LATEST,
    FunctionVersion,
    Inventory,
    LayerUse,
    LayerVersion,
    layer_arn,
)
from millrace.lambda_layers.usage import FunctionUse, Usage, VersionUse, usage

from cli.layer_usage import deprecations
from cli.layer_usage_page import page
from localcloud.lambda_control import seeding
from localcloud.lambda_control.running import LambdaCloud
from tests.layers_fleet.typing_commands import Commands

ACCOUNT, REGION = "123456789012", "eu-west-1"
NOW_MS = 1_790_000_000_000
DEPS = f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:deps"
FOREIGN = f"arn:aws:lambda:{REGION}:999999999999:layer:theirs:3"
TODAY = date(2026, 11, 26)


def versions(count: int) -> tuple[LayerVersion, ...]:
    """Versions of one layer, each a day after the one before it."""
    return tuple(
        LayerVersion(layer_arn(f"{DEPS}:{n}"), NOW_MS - (count - n) * 86_400_000)
        for n in range(1, count + 1)
    )


def function(
    name: str, *arns: str, version: str = LATEST, runtime: str = "python3.13"
) -> FunctionVersion:
    layers = tuple(LayerUse(arn, 1000) for arn in arns)
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
    return FunctionVersion(
        arn, name, REGION, version, runtime, "arm64", layers, NOW_MS, 512, 50, "r"
    )


def report(layers: int, *functions: FunctionVersion) -> Usage:
    there = Inventory(ACCOUNT, (REGION,), NOW_MS, functions, versions(layers), (), {"ListX": 7})
    return usage(there, TODAY, {"python3.9": date(2025, 12, 15), "python3.13": date(2029, 6, 30)})


def by_arn(found: Usage) -> dict[str, VersionUse]:
    return {one.arn: one for one in found.versions}


def named(found: Usage, name: str) -> FunctionUse:
    (one,) = (one for one in found.functions if one.name == name)
    return one


def test_who_has_what_and_how_far_behind() -> None:
    found = report(
        4,
        function("new", f"{DEPS}:4"),
        function("old", f"{DEPS}:2", FOREIGN, runtime="python3.9"),
        function("old", f"{DEPS}:1", version="1"),
        function("bare"),
    )
    states = {arn: (one.state, one.behind) for arn, one in by_arn(found).items()}
    assert states == {
        f"{DEPS}:4": ("current", 0),
        f"{DEPS}:3": ("orphan", 1),
        f"{DEPS}:2": ("behind", 2),
        f"{DEPS}:1": ("behind", 3),
        FOREIGN: ("foreign", None),
    }
    assert named(found, "old").behind == 2, "how far others are behind nobody here can see"
    assert named(found, "old").deprecated == "2025-12-15"
    assert named(found, "old").zipped == 2050
    assert named(found, "new").deprecated is None
    assert by_arn(found)[f"{DEPS}:1"].functions == 0, "an old version has it, not the function"
    assert found.summary == {
        "layers": 2,
        "layer_versions": 5,
        "orphans": 1,
        "deleted_in_use": 0,
        "functions": 3,
        "functions_with_layers": 2,
        "functions_behind": 1,
        "deprecated_runtimes": 1,
        "zipped_bytes": 4000,
    }


def test_a_version_that_was_deleted_is_still_in_use() -> None:
    found = report(2, function("f", f"{DEPS}:9"))
    assert by_arn(found)[f"{DEPS}:9"].state == "deleted"
    assert named(found, "f").missing == (f"{DEPS}:9",)


@given(st.lists(st.lists(st.integers(1, 6), max_size=3, unique=True), max_size=8))
def test_every_use_is_counted_once(layers: list[list[int]]) -> None:
    functions = [
        function(f"f{place}", *(f"{DEPS}:{n}" for n in its)) for place, its in enumerate(layers)
    ]
    found = report(6, *functions)
    assert sum(one.functions for one in found.versions) == sum(map(len, layers))
    assert {one.version for one in found.versions if one.state == "orphan"} == set(range(1, 7)) - {
        n for its in layers for n in its
    }
    for place, its in enumerate(layers):
        assert named(found, f"f{place}").behind == sum(6 - n for n in its)


def test_the_page_escapes_and_asks_for_nothing() -> None:
    text = page(report(2, function("<script>alert(1)</script>", f"{DEPS}:1")))
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "default-src &#x27;none&#x27;" in text
    for outside in ("http://", "https://", "url(", "src="):
        assert outside not in text
    assert "behind" in text, "what a bar's pattern says stands there in words"


def test_cfn_lint_still_knows_the_runtimes() -> None:
    found = deprecations()
    assert found["python3.9"] == date(2025, 12, 15)
    assert found["python3.13"] > date(2028, 1, 1)


@pytest.fixture
def fleet(cloud: LambdaCloud) -> None:
    where = cloud.where
    arns = [seeding.layer(cloud.world, where, "deps", content=b"x" * n) for n in (10, 20, 30)]
    seeding.function(cloud.world, where, "-new", [arns[2]])
    seeding.function(cloud.world, where, "old", [arns[0]], runtime="python3.9")


def test_the_command(millrace: Commands, fleet: None, tmp_path: Path) -> None:
    html = tmp_path / "layers.html"
    done = millrace("layers", "usage", "--html", html)
    assert done.status == 0, done.err
    for words in ("deps:2", "orphan", "old", "no patches since 2025-12-15"):
        assert words in done.out
    assert "Lambda layers of" in html.read_text(encoding="utf-8")
    told = millrace("layers", "usage", "--json").document
    assert told["summary"]["orphans"] == 1
    assert 0 < told["calls"] < 10
    rows = list(csv.DictReader(io.StringIO(millrace("layers", "usage", "--csv").out)))
    assert [(one["function"], one["layer"], one["behind"]) for one in rows] == [
        ("old", "deps:1", "2"),
        ("'-new", "deps:3", "0"),
        ("", "deps:2", "1"),
    ]


def test_check_fails_where_somebody_has_to_look(millrace: Commands, fleet: None) -> None:
    assert millrace("layers", "usage", "--check", "--json").status == 1
    assert millrace("layers", "usage", "--json").status == 0


def test_an_account_with_nothing(millrace: Commands) -> None:
    done = millrace("layers", "usage", "--check")
    assert (done.status, "There are no layer versions" in done.err) == (0, True)
    assert millrace("layers", "usage", "--csv", "--json").status == 2


def test_a_page_that_cannot_be_written(millrace: Commands, tmp_path: Path) -> None:
    done = millrace("layers", "usage", "--html", tmp_path / "none" / "page.html")
    assert (done.status, "Cannot write" in done.err) == (2, True)
