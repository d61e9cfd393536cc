"""Python's own account of its imports, read back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from millrace.lambda_layers.importtime import (
    STANDARD,
    Import,
    package_of,
    parse,
    profile,
    tree_lines,
)

NAMES = st.from_regex(r"[a-z]{1,3}(\.[a-z]{1,3})?", fullmatch=True)
TREES = st.recursive(
    st.builds(Import, NAMES, st.integers(0, 99), st.integers(0, 99)),
    lambda inner: st.builds(
        Import,
        NAMES,
        st.integers(0, 99),
        st.integers(0, 99),
        st.lists(inner, max_size=3).map(tuple),
    ),
    max_leaves=6,
)


def printed(one: Import, depth: int = 0) -> list[str]:
    """As Python prints it: children first."""
    lines = [line for child in one.children for line in printed(child, depth + 1)]
    return [
        *lines,
        f"import time: {one.self_us:9} | {one.cumulative_us:10} | {'  ' * depth}{one.name}",
    ]


@given(st.lists(TREES, max_size=3))
def test_what_is_printed_is_read_back(trees: list[Import]) -> None:
    lines = [line for one in trees for line in ["START RequestId: x", *printed(one)]]
    assert parse(lines) == trees


def test_what_this_python_prints_is_understood(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own/__init__.py").write_text("from own import part\n", encoding="utf-8")
    (tmp_path / "own/part.py").write_text("import colorsys\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-S", "-X", "importtime", "-c", "__import__('own')"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    found = profile(parse(done.stderr.splitlines()), ["own"])
    (root,) = found.roots
    assert root.name == "own"
    assert [child.name for child in root.children] == ["own.part"]
    assert [child.name for child in root.children[0].children] == ["colorsys"]
    assert root.cumulative_us >= root.children[0].cumulative_us
    assert {name for name, _ in found.packages} == {"own", STANDARD}
    assert sum(us for _, us in found.packages) <= found.total_us + len(found.modules)
    assert [one.self_us for one in found.modules] == sorted(
        (one.self_us for one in found.modules), reverse=True
    )


def test_what_the_runtime_imports_by_itself_is_no_concern_of_the_layer() -> None:
    trees = [Import("awslambdaric", 5, 9), Import("boto3.session", 1, 2), Import("boto3", 3, 4)]
    found = profile(trees, ["boto3"])
    assert [one.name for one in found.roots] == ["boto3.session", "boto3"]
    assert found.total_us == 6


def test_a_tree_shows_what_is_dear_first() -> None:
    tree = Import("a", 1, 100, (Import("b", 2, 20), Import("c", 3, 70), Import("d", 4, 4)))
    assert list(tree_lines(tree, 10)) == [("a", 1, 100), ("  c", 3, 70), ("  b", 2, 20)]
    assert package_of("orjson.orjson") == "orjson"
