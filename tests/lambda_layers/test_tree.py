"""One hash of a layer's content, and limits."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.errors import LayerError
from millrace.lambda_layers import report
from millrace.lambda_layers.tree import Entry, entries, tree_hash

ENTRIES = st.builds(
    Entry,
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1),
    st.sampled_from([0o644, 0o755]),
    st.just(0),
    st.text("0123456789abcdef", min_size=64, max_size=64),
)


def made(folder: Path) -> Path:
    (folder / "python").mkdir(parents=True)
    (folder / "python/a.py").write_text("x = 1")
    (folder / "python/b").write_text("#!/bin/sh")
    (folder / "python/b").chmod(0o755)
    return folder


def hashed(folder: Path) -> str:
    return tree_hash(entries(folder), "python3.13", "arm64")


def test_dates_and_umask_do_not_count(tmp_path: Path) -> None:
    one, two = made(tmp_path / "one"), made(tmp_path / "two")
    os.utime(two / "python/a.py", (0, 0))
    (two / "python/a.py").chmod(0o600)
    (two / "empty").mkdir()
    assert hashed(one) == hashed(two)


@pytest.mark.parametrize("change", ["content", "name", "mode"])
def test_content_name_and_mode_do(tmp_path: Path, change: str) -> None:
    one, two = made(tmp_path / "one"), made(tmp_path / "two")
    file = two / "python/a.py"
    if change == "content":
        file.write_text("x = 2")
    elif change == "name":
        file.rename(two / "python/c.py")
    else:
        file.chmod(0o755)
    assert hashed(one) != hashed(two)


@given(st.sets(ENTRIES, max_size=4), st.sets(ENTRIES, max_size=4))
def test_only_the_same_files_have_the_same_hash(one: set[Entry], two: set[Entry]) -> None:
    same = tree_hash(one, "r", "a") == tree_hash(sorted(two, reverse=True), "r", "a")
    assert same == (one == two)


def test_a_link_is_no_file_of_a_layer(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc")
    with pytest.raises(LayerError, match="link is a symbolic link; a layer holds files only"):
        entries(tmp_path)


@pytest.mark.parametrize("name", [b"a\xff.py", b"a\nb.py"])
def test_a_name_that_no_zip_can_hold(tmp_path: Path, name: bytes) -> None:
    (tmp_path / os.fsdecode(name)).write_text("")
    with pytest.raises(LayerError, match="is no name that a zip can hold safely"):
        entries(tmp_path)


def test_a_layer_over_the_limit_is_refused_with_what_is_largest() -> None:
    found = report.packages({}, {"small 1": 1, "big 2": 200_000_000, "more 3": 100_000_000})
    with pytest.raises(LayerError, match=r"300,000,001 bytes .* 262,144,000 at most.*big 2 \(200"):
        report.check_limit(300_000_001, found)
    report.check_limit(262_144_000, found)


def test_a_large_zip_goes_through_s3() -> None:
    assert report.upload_warning(50_000_000) is None
    assert "must be published through S3" in (report.upload_warning(50_000_001) or "")
