"""`millrace layers build`, as it is typed."""

from __future__ import annotations

from zipfile import ZipFile

import pytest
from millrace.lambda_layers.build import build

from tests.cli.conftest import bench, cloud, millrace
from tests.cli.fakes import Commands
from tests.lambda_layers.conftest import HOST, Place

__all__ = ["bench", "cloud", "millrace"]


@pytest.fixture
def arguments(place: Place) -> list[object]:
    """A command that builds a layer anew from its zip."""
    order = place.usual()
    build(order)
    source = (order.output / "layer.zip").rename(place.folder / "theirs.zip")
    target = ["--runtime", HOST, "--architecture", "x86_64", "--processes", 0]
    return ["layers", "build", source, "--output", place.output, "--code", place.code, *target]


def test_a_report_for_machines(millrace: Commands, arguments: list[object]) -> None:
    done = millrace(*arguments, "--json")
    assert done.status == 0, done.err
    assert done.document["runtime"] == HOST
    assert done.document["services"] == {"s3": ["app.py:2"]}
    assert [one["rule"] for one in done.document["left_out"]] == ["bytecode", "services"]


def test_a_report_for_people(millrace: Commands, arguments: list[object], place: Place) -> None:
    done = millrace(*arguments)
    assert done.status == 0, done.err
    for words in ("as installed", "python used", "compiled elsewhere", "app.py:2", "tree "):
        assert words in done.out
    assert (place.output / "layer.zip").is_file()


def test_a_second_build_says_that_it_is_none(millrace: Commands, arguments: list[object]) -> None:
    first, second = millrace(*arguments, "--json"), millrace(*arguments, "--json")
    assert "nothing was built" not in first.err
    assert "is just this already: nothing was built" in second.err
    assert second.document == first.document


def test_a_layer_is_told_in_a_file_and_options_add_to_it(millrace: Commands, place: Place) -> None:
    order = place.usual()
    build(order)
    (order.output / "layer.zip").rename(place.folder / "theirs.zip")
    own = place.folder / "own"
    own.mkdir()
    (own / "__init__.py").write_text("WHAT = 1\n", encoding="utf-8")
    file = place.folder / "layer.toml"
    file.write_text('zip = "theirs.zip"\ncode = ["code"]\npackages = ["own"]\n', encoding="utf-8")
    options = ["--runtime", HOST, "--architecture", "x86_64", "--processes", 0]
    output = ["--output", place.output, "--service", "sqs", "--json"]
    done = millrace("layers", "build", file, *options, *output)
    assert done.status == 0, done.err
    assert done.document["services"] == {"s3": ["app.py:2"], "sqs": ["allow-list"]}
    assert (place.output / "layer/python/own/__init__.py").is_file()
    file.write_text('zipped = "theirs.zip"\n', encoding="utf-8")
    done = millrace("layers", "build", file, *options, *output)
    assert done.status == 2
    assert "layer.toml: 'zipped' is unknown; there are beside, code, import" in done.err


def test_warnings_go_to_stderr(millrace: Commands, arguments: list[object]) -> None:
    at = arguments.index("--code")
    done = millrace(*arguments[:at], *arguments[at + 2 :], "--processes", 1)
    assert "Warning: botocore keeps the data of every service" in done.err
    assert "Warning: Import times are not measured" in done.err


def test_a_bad_zip_is_one_line_and_a_status(millrace: Commands, place: Place) -> None:
    source = place.folder / "bad.zip"
    with ZipFile(source, "w") as archive:
        archive.writestr("/etc/x", "")
    done = millrace("layers", "build", source, "--output", place.output)
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("millrace: bad.zip: '/etc/x' is an absolute path")
    assert not place.output.exists()
    wrong = millrace("layers", "build", source, "--output", place.output, "--runtime", "perl5")
    assert wrong.status == 2
