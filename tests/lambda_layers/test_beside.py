"""What a layer carries beside python: bin, lib, extensions."""

from __future__ import annotations

from dataclasses import replace
from zipfile import ZipFile

import pytest
from millrace.errors import LayerError
from millrace.lambda_layers.build import build, present

from tests.lambda_layers.conftest import Place
from tests.lambda_layers.wheels import elf, wheel


def test_other_folders_go_beside_python(place: Place) -> None:
    beside = place.folder / "beside"
    (beside / "bin").mkdir(parents=True)
    (beside / "bin/tool").write_text("#!/bin/sh\n")
    (beside / "bin/tool").chmod(0o700)
    order = replace(place.order(wheel(place.wheels, "plain", {"plain.py": ""})), beside=beside)
    build(order)
    with ZipFile(order.output / "layer.zip") as archive:
        assert archive.getinfo("bin/tool").external_attr >> 16 == 0o100755


def test_links_among_libraries_become_files_and_others_are_refused(place: Place) -> None:
    beside = place.folder / "beside"
    (beside / "lib").mkdir(parents=True)
    (beside / "lib/libx.so.1").write_bytes(elf("x86_64"))
    (beside / "lib/libx.so").symlink_to("libx.so.1")
    order = replace(place.order(wheel(place.wheels, "plain", {"plain.py": ""})), beside=beside)
    build(order)
    copy = place.output / "layer/lib/libx.so"
    assert copy.read_bytes() == elf("x86_64")
    assert not copy.is_symlink()
    (beside / "lib/hosts").symlink_to("/etc/hosts")
    with pytest.raises(LayerError, match=r"lib/hosts is a symbolic link"):
        build(order)


def test_an_extension_that_cannot_run_is_a_warning(place: Place) -> None:
    beside = place.folder / "beside"
    (beside / "extensions").mkdir(parents=True)
    for name, mode in (("fine", 0o755), ("agent", 0o644)):
        (beside / "extensions" / name).write_text("#!/bin/sh\n", encoding="utf-8")
        (beside / "extensions" / name).chmod(mode)
    report = build(replace(place.order(), source=None, beside=beside))
    (warning,) = report.warnings
    assert warning.startswith("extensions/agent cannot be executed")


def test_what_may_run_and_what_not_are_two_layers(place: Place) -> None:
    beside = place.folder / "beside"
    (beside / "bin").mkdir(parents=True)
    tool = beside / "bin/tool"
    tool.write_text("#!/bin/sh\n", encoding="utf-8")
    tool.chmod(0o755)
    order = replace(place.order(), source=None, beside=beside)
    build(order)
    assert present(order) is not None
    tool.chmod(0o644)
    assert present(order) is None
