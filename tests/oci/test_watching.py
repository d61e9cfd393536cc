"""docs/watching.md says what is true: its commands, views, columns, files and queries are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cli.reference import commands
from tests.oci.stores import ROOT, STORES
from tests.oci.test_oracle_sql import parsed
from tests.oci.watching import VIEWS, columns_of, fill

PAGE = (ROOT / "docs/watching.md").read_text(encoding="utf-8")


def test_its_commands_are_there() -> None:
    named = set(re.findall(r"millrace anomalies (quarantine \w+|[a-z][\w-]*)", PAGE))
    known = {name.removeprefix("millrace anomalies ") for name in commands()}
    assert named <= known
    assert {"list", "explain", "score", "backfill", "quarantine redrive", "serve"} <= named


def test_its_options_are_those_of_the_commands() -> None:
    every = {
        option
        for name, command in commands().items()
        if name.startswith("millrace anomalies")
        for param in command.params
        for option in param.opts
    }
    assert set(re.findall(r"(?<![\w-])(--[a-z][\w-]+)", PAGE)) - {"--help"} <= every


def test_every_view_is_told_with_columns_that_it_has() -> None:
    rows = dict(re.findall(r"^\| `(v_\w+)` \|(.*)$", PAGE, re.M))
    assert rows.keys() == VIEWS.keys()
    for view, words in rows.items():
        assert set(re.findall(r"`(\w+)`", words)) <= set(columns_of(view)), view


@pytest.mark.parametrize("place", sorted(set(re.findall(r"`((?:oci-fn|tests)/[\w./-]+)`", PAGE))))
def test_every_place_is_there(place: str) -> None:
    assert (ROOT / place).exists()


def test_its_queries_are_oracles_and_answered(tmp_path: Path) -> None:
    (block,) = re.findall(r"```sql\n(.*?)```", PAGE, re.S)
    queries = [one.strip() for one in re.sub(r"--.*", "", block).split(";") if one.strip()]
    assert len(queries) == 3
    opened = STORES["sqlite"](tmp_path)
    fill(opened)
    for query in queries:
        assert parsed(query) == []
        opened.run(query)
    assert opened.run(queries[0])


def test_every_link_leads_somewhere() -> None:
    headings = {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^## (.*)$", PAGE, re.M)
    }
    assert set(re.findall(r"\]\(#([\w-]+)\)", PAGE)) <= headings
    for page in re.findall(r"\]\(([\w-]+\.md)", PAGE):
        assert (ROOT / "docs" / page).exists()
