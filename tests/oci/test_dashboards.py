"""Grafana's dashboard: valid, nothing over another, and every query answered by the views."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import sqlglot
import yaml
from sqlglot import exp

from tests.oci.stores import ROOT, STORES
from tests.oci.test_oracle_sql import parsed
from tests.oci.watching import VIEWS, columns_of, fill

FOLDER = ROOT / "oci-fn/dashboards"
PATHS = sorted(FOLDER.glob("*.json"))
COLUMNS_OF_THE_GRID = 24
# What the plugin puts in place of its macros, as its documentation says.
MOMENT = "TO_DATE('2026-01-01 00:00:00', 'YYYY-mm-dd HH24:MI:SS')"
MACROS = (
    (r"\$__timeFilter\(([^()]+)\)", rf"\1 BETWEEN {MOMENT} AND {MOMENT}"),
    (r"\$__timeGroup\(([^(),]+), '1h'\)", r"TRUNC(\1, 'HH24')"),
    (r"\$\{(series|state):sqlstring\}", "'cpu','open'"),
)
IN_SQLITE = (
    (r"\$__timeFilter\(([^()]+)\)", r"\1 BETWEEN '0001' AND '9999'"),
    (r"\$__timeGroup\(([^(),]+), '1h'\)", r"substr(\1, 1, 13)"),
    (r"\$\{series:sqlstring\}", "SELECT series FROM v_series_health"),
    (r"\$\{state:sqlstring\}", "SELECT state FROM v_alerts"),
    (r"FETCH FIRST (\d+) ROWS ONLY", r"LIMIT \1"),
)


class Query(NamedTuple):
    """A query of a dashboard; `answer` is what is done with its rows."""

    place: str
    sql: str
    answer: str


def dashboard(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def panels(document: Any) -> Iterator[Any]:
    for panel in document["panels"]:
        yield panel
        yield from panel.get("panels", ())


def queries() -> Iterator[Query]:
    for path in PATHS:
        document = dashboard(path)
        for panel in panels(document):
            for target in panel.get("targets", ()):
                yield Query(panel["title"], target["rawSql"], target["format"])
        for one in document["annotations"]["list"]:
            yield Query(one["name"], one["target"]["rawSql"], "annotation")
        for one in document["templating"]["list"]:
            if one["type"] == "query":
                assert one["query"] == one["definition"]
                yield Query(one["name"], one["query"], "variable")


QUERIES = list(queries())


def filled(sql: str, macros: tuple[tuple[str, str], ...]) -> str:
    for macro, words in macros:
        sql = re.sub(macro, words, sql)
    assert "$" not in sql
    return sql


def test_there_is_a_dashboard_with_queries() -> None:
    assert [path.name for path in PATHS] == ["anomalies.json"]
    assert len(QUERIES) > 15
    used = {view for query in QUERIES for view in VIEWS if view in query.sql}
    assert used == VIEWS.keys()


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
class TestLayout:
    def test_ids_are_unique(self, path: Path) -> None:
        ids = [panel["id"] for panel in panels(dashboard(path))]
        assert len(ids) == len(set(ids))

    def test_nothing_lies_over_another(self, path: Path) -> None:
        boxes = [panel["gridPos"] for panel in panels(dashboard(path))]
        for box in boxes:
            assert min(box["w"], box["h"]) > 0
            assert 0 <= box["x"] <= COLUMNS_OF_THE_GRID - box["w"]
        for one, other in itertools.combinations(boxes, 2):
            beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
            above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
            assert beside or above, (one, other)

    def test_every_panel_has_a_title_and_the_chosen_database(self, path: Path) -> None:
        document = dashboard(path)
        chosen = {"type": "grafana-oracle-datasource", "uid": "${datasource}"}
        for panel in panels(document):
            assert panel["title"]
            if panel["type"] == "row":
                continue
            assert panel["datasource"] == chosen
            assert {json.dumps(one["datasource"]) for one in panel["targets"]} == {
                json.dumps(chosen)
            }
            refs = [one["refId"] for one in panel["targets"]]
            assert len(refs) == len(set(refs))

    def test_what_is_used_is_defined(self, path: Path) -> None:
        document = dashboard(path)
        text = path.read_text(encoding="utf-8")
        named = {one["name"] for one in document["templating"]["list"]}
        used = set(re.findall(r"\$\{(\w+)(?::\w+)?\}", text))
        used |= {panel["repeat"] for panel in panels(document) if "repeat" in panel}
        assert used == named

    def test_an_override_is_of_a_column_that_is_there(self, path: Path) -> None:
        for panel in panels(dashboard(path)):
            for override in panel.get("fieldConfig", {}).get("overrides", ()):
                (target,) = panel["targets"]
                assert f'AS "{override["matcher"]["options"]}"' in target["rawSql"]


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.place)
class TestQueries:
    def test_it_is_oracles(self, query: Query) -> None:
        sql = filled(query.sql, MACROS)
        assert sqlglot.parse_one(sql, dialect="oracle")
        assert parsed(sql) == []

    def test_it_names_views_and_columns_that_are_there(self, query: Query) -> None:
        tree = sqlglot.parse_one(filled(query.sql, MACROS), dialect="oracle")
        views = {table.alias: table.name for table in tree.find_all(exp.Table)}
        assert set(views.values()) <= VIEWS.keys()
        for column in tree.find_all(exp.Column):
            assert column.table, f"{column.sql()} of no view"
            assert column.name in columns_of(views[column.table]), column.sql()

    def test_it_has_the_columns_that_grafana_looks_for(self, query: Query) -> None:
        tree = sqlglot.parse_one(filled(query.sql, MACROS), dialect="oracle")
        assert isinstance(tree, exp.Query)
        names = [one.alias for one in tree.selects]
        if query.answer == "time_series":
            assert names[0] == "time"
            assert "ORDER BY" in query.sql
        elif query.answer == "annotation":
            assert names == ["time", "timeEnd", "text", "tags"]
        if query.answer in ("time_series", "annotation"):
            assert "$__timeFilter" in query.sql


def test_every_query_is_answered(tmp_path: Path) -> None:
    """In SQLite's words, over something of everything."""
    opened = STORES["sqlite"](tmp_path)
    fill(opened)
    for query in QUERIES:
        assert opened.run(filled(query.sql, IN_SQLITE)), query.place


def test_provisioning_says_how_to_reach_the_views() -> None:
    sources = yaml.safe_load((FOLDER / "provisioning/datasources.yaml").read_text())
    (source,) = sources["datasources"]
    assert source["type"] == "grafana-oracle-datasource"
    assert source["jsonData"]["user"] == "MILLRACE_READER"
    assert source["jsonData"]["timezone_name"] == "UTC"
    # A secret has no place in a file.
    assert source["secureJsonData"] == {"password": "${MILLRACE_READER_PASSWORD}"}
    boards = yaml.safe_load((FOLDER / "provisioning/dashboards.yaml").read_text())
    assert boards["providers"][0]["type"] == "file"
