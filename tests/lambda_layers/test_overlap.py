"""Several layers in one /opt: limits, and what one hides in another."""

from __future__ import annotations

import pytest
from millrace.lambda_layers.overlap import Weight, limits, shadowing
from millrace.lambda_layers.results import Result, Status
from millrace.lambda_layers.tree import Entry


def entry(path: str, content: str = "0") -> Entry:
    return Entry(path, 0o644, 1, content)


def by_name(results: list[Result]) -> dict[str, Result]:
    return {one.name: one for one in results}


def test_what_lambda_takes_passes() -> None:
    found = limits([Weight("a", 262_143_000, 50_000_000)], {"predict": 1_000})
    assert {one.status for one in found} == {Status.PASSED}
    assert "262,144,000 of at most 262,144,000" in found[1].message


def test_a_byte_more_with_the_function_does_not() -> None:
    weights = [Weight("small", 1, 1), Weight("large", 262_143_000, 1)]
    found = by_name(limits(weights, {"predict": 1_000, "ingest": 10}))
    assert found["unzipped size with ingest"].status is Status.PASSED
    failed = found["unzipped size with predict"]
    assert failed.status is Status.FAILED
    assert "large has 262,143,000" in failed.message


def test_six_layers_are_one_too_many() -> None:
    found = by_name(limits([Weight(str(n), 1, 1) for n in range(6)], {}))
    assert found["number of layers"].status is Status.FAILED
    assert found["number of layers"].message == "6 of at most 5 layers"


def test_a_zip_for_s3_is_a_warning() -> None:
    found = by_name(limits([Weight("a", 1, 50_000_001)], {}))
    assert found["zip of a"].status is Status.WARNING
    assert "through S3" in found["zip of a"].message


ONE = ("one", [entry("python/a/__init__.py"), entry("python/a-1.0.dist-info/METADATA")])
TWO = ("two", [entry("python/a/__init__.py", "1"), entry("python/a-2.0.dist-info/METADATA")])
SAME = ("same", [entry("python/a/__init__.py"), entry("python/a-1.0.dist-info/METADATA")])


def test_files_and_packages_that_differ_are_named_with_their_layers() -> None:
    packages, files, _ = shadowing([ONE, TWO])
    assert (packages.status, files.status) == (Status.FAILED, Status.FAILED)
    assert packages.message.startswith("a 2.0 of two over 1.0 of one")
    assert files.message.startswith("python/a/__init__.py of two over that of one")


def test_the_same_twice_is_no_harm() -> None:
    packages, files, _ = shadowing([ONE, SAME])
    assert packages.status is files.status is Status.PASSED
    assert files.message == "2 files are there twice, alike"


@pytest.mark.parametrize("allowed", ["a", "A", "*"])
def test_what_may_be_shadowed(allowed: str) -> None:
    assert {one.status for one in shadowing([ONE, TWO], [allowed])} == {Status.PASSED}


@pytest.mark.parametrize(
    ("path", "hides"),
    [
        ("python/enum.py", "enum of x"),
        ("python/typing/__init__.py", "typing of x"),
        ("python/json.cpython-313-x86_64-linux-gnu.so", "json of x"),
        ("python/enum34-1.0.dist-info/METADATA", None),
        ("python/mine/enum.py", None),
        ("lib/enum.py", None),
    ],
)
def test_a_module_that_hides_the_standard_library(path: str, hides: str | None) -> None:
    *_, standard = shadowing([("x", [entry(path)])])
    assert standard.status is (Status.FAILED if hides else Status.PASSED)
    assert standard.message.startswith(hides or "none")
