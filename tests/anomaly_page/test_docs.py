"""docs/dashboard.md says what is true: its routes and options are there, and none is missing."""

from __future__ import annotations

import re
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Route

from cli.anomaly_page.app import Setting, application
from cli.anomaly_page.charts import COLUMNS, MOST_POINTS, RECENT_POINTS, SPANS
from cli.anomaly_page.desks import Clerks, SqliteDesks
from cli.anomaly_page.guard import SIGN_IN
from cli.anomaly_serve import SHORTEST_TOKEN, TOKEN

PAGE = (Path(__file__).parents[2] / "docs/dashboard.md").read_text(encoding="utf-8")


def test_every_route_is_named(tmp_path: Path) -> None:
    clerks = Clerks(SqliteDesks(str(tmp_path / "none.db")))
    app = application(clerks, Setting("ann")).inner
    assert isinstance(app, Starlette)
    served = {route.path for route in app.routes if isinstance(route, Route)}
    named = set(re.findall(r"`(?:GET|POST) (/api/[a-z/-]+)", PAGE))
    assert named == served - {SIGN_IN}
    clerks.close()


def test_its_numbers_and_names_are_those_of_the_code() -> None:
    assert f"up to {MOST_POINTS:,} of a span" in PAGE
    assert f"each of {COLUMNS} columns" in PAGE
    assert f"the last {RECENT_POINTS} points" in PAGE
    assert f"`{TOKEN}`, of at least {SHORTEST_TOKEN} characters" in PAGE
    *first, last = SPANS
    assert f"`span` is {', '.join(first)} or {last}" in PAGE
