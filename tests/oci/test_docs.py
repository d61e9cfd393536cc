"""docs/oci.md says what is true: its code runs, its variables, tables and files are there."""

from __future__ import annotations

import re

import pytest

from tests.oci.stores import ROOT
from tests.oci.test_oracle_sql import tables

PAGE = (ROOT / "docs/oci.md").read_text(encoding="utf-8")


def test_its_code_runs() -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    assert blocks
    for block in blocks:
        exec(compile(block, "docs/oci.md", "exec"), {})


def test_every_variable_is_read_and_none_is_missing() -> None:
    named = set(re.findall(r"^\| `(MILLRACE_\w+)` \|", PAGE, re.M))
    library = ROOT / "layers/core/millrace"
    names = ("database.py", "oci.py", "anomaly/service.py", "anomaly/streaming.py")
    paths = [library / name for name in names]
    read = {
        name
        for path in paths
        for name in re.findall(r'environ\.get\(\s*"(\w+)"', path.read_text(encoding="utf-8"))
        if name.startswith("MILLRACE_")
    }
    assert named == read


def test_every_table_is_there() -> None:
    section = PAGE.split("## Tables")[1].split("\n## ")[0]
    named = {
        name
        for cell in re.findall(r"^\| (`.*?`) \|", section, re.M)
        for name in re.findall(r"`(\w+)`", cell)
    }
    assert named - {"raw_events"} <= set(tables())
    assert {"raw_events", "outbox", "quarantine"} <= named


@pytest.mark.parametrize("place", sorted(set(re.findall(r"`((?:oci-fn|tests)/[\w./-]+)`", PAGE))))
def test_every_place_is_there(place: str) -> None:
    assert (ROOT / place).exists()


def test_every_link_leads_somewhere() -> None:
    headings = {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^## (.*)$", PAGE, re.M)
    }
    assert set(re.findall(r"\]\(#([\w-]+)\)", PAGE)) <= headings
