"""layer.toml: what it may say, and that it is told what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from millrace.errors import ConfigurationError
from millrace.lambda_layers.definition import read
from millrace.lambda_layers.installing import Target
from millrace.lambda_layers.order import Order

EVERYTHING = """
requirements = "requirements.lock"
packages = ["own"]
code = ["../code"]
library = ["../library"]
services = ["sqs"]
source-only = ["dax"]
import = ["boto3"]
beside = "files"
strip = false
"""
TARGET = Target("python3.13", "arm64")


def order(folder: Path, text: str) -> Order:
    file = folder / "layer.toml"
    file.write_text(text, encoding="utf-8")
    return read(file, TARGET, folder / "out", 3)


def test_paths_begin_at_the_file(tmp_path: Path) -> None:
    assert order(tmp_path, EVERYTHING) == Order(
        source=tmp_path / "requirements.lock",
        target=TARGET,
        output=tmp_path / "out",
        packages=(tmp_path / "own",),
        code=(tmp_path / "../code",),
        library=(tmp_path / "../library",),
        services=("sqs",),
        source_only=("dax",),
        modules=("boto3",),
        processes=3,
        beside=tmp_path / "files",
        strip=False,
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("requirement = 'x'", "'requirement' is unknown; there are beside, code"),
        ("code = 'x'", "code is 'x', but must be a list of texts"),
        ("services = [1]", r"services is \[1\], but must be a list of texts"),
        ("beside = []", r"beside is \[\], but must be a text"),
        ("strip = 'no'", "strip is 'no', but must be true or false"),
        ("zip = 'a'\nrequirements = 'b'", "names requirements and zip; a layer is made of one"),
        ("=", "layer.toml cannot be read"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        order(tmp_path, text)


def test_a_layer_of_nothing_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Nothing is named that a layer could be made of"):
        order(tmp_path, "services = ['s3']").check()
