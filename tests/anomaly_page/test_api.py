"""The API: what it tells, what it is told, and whom it does not listen to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from cli.anomaly_page.app import Setting, application
from cli.anomaly_page.desks import Clerks, SqliteDesks
from tests.anomaly_page.asking import asking
from tests.anomaly_page.making import HOSTILE, NOW_MS, STEP_MS, Plant, quiet

SENSITIVE = "series/sensitivity"


@pytest.fixture
def clerks(plant: Plant) -> Iterator[Clerks]:
    clerks = Clerks(SqliteDesks(str(plant.path)))
    yield clerks
    clerks.close()


@pytest.fixture
def client(clerks: Clerks) -> Iterator[httpx.Client]:
    app = application(clerks, Setting("ann"), lambda: NOW_MS)
    with asking(app) as client:
        yield client


def told(client: httpx.Client, path: str, **query: object) -> Any:
    answer = client.get(path, params={name: str(value) for name, value in query.items()})
    assert answer.status_code == 200, answer.text
    return answer.json()


def problem(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


class TestWhatItTells:
    def test_of_an_empty_database(self, client: httpx.Client) -> None:
        assert told(client, "/api/status") == {
            "database": "SQLite · anomalies.db",
            "by": "ann",
            "series": 0,
            "open_alerts": 0,
            "open_alerts_are_more": False,
            "newest_ms": None,
        }
        assert told(client, "/api/series")["series"] == []
        assert told(client, "/api/alerts") == {"alerts": [], "more": False}

    def test_of_an_alert(self, client: httpx.Client, plant: Plant) -> None:
        plant.send("cpu", *quiet(700), 500.0)
        (view,) = told(client, "/api/series")["series"]
        alerts = told(client, "/api/alerts", series="cpu", open=1)["alerts"]
        assert (view["series"], view["open_alerts"]) == ("cpu", len(alerts))
        assert alerts[0]["alert_id"] == "cpu#700"
        assert alerts[0]["low"] < alerts[0]["expected"] < alerts[0]["high"] < 500.0
        assert told(client, "/api/alerts", series="disk")["alerts"] == []
        assert told(client, "/api/alerts", limit=1)["more"] == (len(alerts) > 1)

    def test_of_a_chart(self, client: httpx.Client, plant: Plant) -> None:
        plant.send("cpu", *quiet(700), 500.0)
        chart = told(client, "/api/chart", series="cpu", span="all")
        assert (chart["points"], chart["step_ms"], chart["of_rate"]) == (701, STEP_MS, False)
        assert chart["value"][-1] == 500.0
        assert chart["flagged"][-1]["id"] == "cpu#700"
        assert chart["flagged"][-1]["at"] == len(chart["time_ms"]) - 1
        assert chart["low"][0] is None
        assert chart["low"][-1] < chart["expected"][-1] < chart["high"][-1]
        assert chart["episodes"][-1]["episode_id"] == "cpu#700"
        hour = told(client, "/api/chart", series="cpu", span="1h")
        assert hour["time_ms"] == chart["time_ms"][-61:]
        around = told(client, "/api/chart", series="cpu", at=chart["time_ms"][400])
        assert (around["time_ms"], around["points"]) == (chart["time_ms"][101:701], 600)
        times = chart["time_ms"]
        part = told(client, "/api/chart", **{"series": "cpu", "from": times[5], "to": times[9]})
        assert part["time_ms"] == times[5:10]
        assert told(client, "/api/chart", **{"series": "cpu", "from": times[699]})["points"] == 2
        assert told(client, "/api/chart", series="cpu", to=times[0] - 1)["points"] == 0

    def test_of_bands_as_the_rows_hold_them(self, client: httpx.Client, plant: Plant) -> None:
        plant.send("cpu", *quiet(150))
        chart = told(client, "/api/chart", series="cpu", span="all")
        rows = plant.connection.execute(
            "SELECT expected, low_value, high_value FROM raw_events ORDER BY event_time"
        ).fetchall()
        shown = list(zip(chart["expected"], chart["low"], chart["high"], strict=True))
        assert shown == rows
        assert None not in rows[-1]

    def test_of_rows_without_a_band_what_their_reasons_say(
        self, client: httpx.Client, plant: Plant
    ) -> None:
        plant.send("cpu", *quiet(150))
        exact = plant.desk.points("cpu", 0, 2**41, 1, latest=True)[0]
        plant.connection.execute(
            "UPDATE raw_events SET expected = NULL, low_value = NULL, high_value = NULL,"
            " rate = NULL, view_name = NULL"
        )
        chart = told(client, "/api/chart", series="cpu", span="all")
        assert exact.expected is not None
        assert chart["expected"][-1] != exact.expected
        assert chart["expected"][-1] == pytest.approx(exact.expected, rel=0.01)

    def test_a_chart_goes_on_as_if_read_anew(self, client: httpx.Client, plant: Plant) -> None:
        plant.send("cpu", *quiet(700))
        told(client, "/api/chart", series="cpu", span="6h")
        told(client, "/api/chart", series="cpu", span="all")
        plant.send("cpu", 500.0, 51.0)
        for span, count in (("6h", 361), ("all", 702)):
            chart = told(client, "/api/chart", series="cpu", span=span)
            assert (chart["points"], chart["value"][-2:]) == (count, [500.0, 51.0])
        late = {"id": "late", "time": chart["time_ms"][5] + 1, "metric": 7, "series": "cpu"}
        plant.put(late)
        chart = told(client, "/api/chart", series="cpu", span="all")
        assert (chart["points"], chart["late"]) == (703, [6])

    def test_of_a_counter_its_rate(self, client: httpx.Client, plant: Plant) -> None:
        plant.send("requests", *[1e6 + 600 * i + i % 7 for i in range(400)])
        chart = told(client, "/api/chart", series="requests", span="all")
        assert chart["of_rate"]
        assert chart["value"][-1] == pytest.approx(10, abs=0.2)
        assert chart["low"][-1] <= chart["value"][-1] <= chart["high"][-1]

    def test_of_a_series_that_only_the_sweep_knows(
        self, client: httpx.Client, plant: Plant
    ) -> None:
        plant.connection.executemany(
            "INSERT INTO raw_events (event_id, event_time, metric_value) VALUES (?, ?, ?)",
            [(f"e{i}", f"2026-01-01T00:{i:02}:00.000Z", 50 + i % 3) for i in range(60)],
        )
        plant.sweep()
        chart = told(client, "/api/chart", series="default", span="1h")
        assert (chart["points"], told(client, "/api/status")["series"]) == (60, 1)
        assert chart["low"][-1] < chart["value"][-1] < chart["high"][-1]

    def test_without_what_was_set_aside(self, client: httpx.Client, plant: Plant) -> None:
        """A row years ahead would be all that the last hour holds."""
        plant.send("cpu", *quiet(150))
        plant.connection.execute(
            "INSERT INTO raw_events (event_id, series, event_time, metric_value)"
            " VALUES ('ahead', 'cpu', '2999-01-01T00:00:00.000Z', 5)"
        )
        plant.sweep()
        for span, points in (("1h", 61), ("recent", 150), ("all", 150)):
            assert told(client, "/api/chart", series="cpu", span=span)["points"] == points

    def test_nothing_again_where_nothing_changed(self, client: httpx.Client, plant: Plant) -> None:
        plant.send("cpu", 1.0)
        first = client.get("/api/chart?series=cpu")
        tag = {"If-None-Match": first.headers["etag"]}
        again = client.get("/api/chart?series=cpu", headers=tag)
        assert (again.status_code, again.content) == (304, b"")
        plant.send("cpu", 2.0)
        assert client.get("/api/chart?series=cpu", headers=tag).json()["value"] == [1.0, 2.0]


def test_ten_thousand_series_are_searched_and_paged(client: httpx.Client, plant: Plant) -> None:
    plant.connection.execute("BEGIN")
    plant.connection.executemany(
        "INSERT INTO series_state (series, detector, newest_ms, events, late_events, heeded,"
        " updated_time) VALUES (?, x'00', ?, 1, 0, 0, '')",
        [(f"node{i:05}.cpu", i) for i in range(10_000)],
    )
    plant.connection.commit()
    plant.connection.execute(
        "INSERT INTO alerts (alert_id, series, reason, raised_by)"
        " VALUES ('a', 'node07777.cpu', 'why', 'function')"
    )
    first = told(client, "/api/series")
    assert (first["found"], first["all"], first["pages"]) == (10_000, 10_000, 200)
    assert [one["series"] for one in first["series"][:2]] == ["node07777.cpu", "node00000.cpu"]
    last = told(client, "/api/series", page=200, sort="name")
    assert last["series"][-1]["series"] == "node09999.cpu"
    assert told(client, "/api/series", page=9999)["page"] == 200
    assert told(client, "/api/series", sort="newest")["series"][0]["series"] == "node09999.cpu"
    found = told(client, "/api/series", search="CPU 0777")
    assert (found["found"], found["pages"]) == (11, 1)
    assert told(client, "/api/series", search="%' OR 1=1")["found"] == 0


class TestWhatItIsTold:
    def test_of_alerts(self, client: httpx.Client, plant: Plant) -> None:
        plant.send(HOSTILE, *quiet(300), 500.0)
        alert_id = f"{HOSTILE}#300"
        said = client.post("/api/alerts/acknowledge", json={"alert_id": alert_id, "by": "bob"})
        assert said.json()["changed"]
        assert said.json()["alert"]["acknowledged_by"] == "bob"
        again = client.post("/api/alerts/acknowledge", json={"alert_id": alert_id})
        assert (again.json()["changed"], again.json()["alert"]["acknowledged_by"]) == (False, "bob")
        assert client.post("/api/alerts/false-alarm", json={"alert_id": alert_id}).json()["changed"]
        (view,) = told(client, "/api/series")["series"]
        assert (view["false_alarms"], view["open_alerts"]) == (1, 0)

    def test_of_series(self, client: httpx.Client, plant: Plant) -> None:
        plant.send("cpu", 1.0)
        body = {"series": "cpu", "sensitivity": 0.5}
        assert client.post("/api/series/sensitivity", json=body).json()["sensitivity"] == 0.5
        body = {"series": "cpu", "until_ms": NOW_MS}
        assert client.post("/api/series/mute", json=body).json()["muted_until_ms"] == NOW_MS
        assert told(client, "/api/series/one", name="cpu")["muted_until_ms"] == NOW_MS
        body = {"series": "cpu", "until_ms": None}
        assert client.post("/api/series/mute", json=body).json()["muted_until_ms"] is None

    @pytest.mark.parametrize(
        ("path", "body", "expected"),
        [
            ("alerts/acknowledge", {"alert_id": "none"}, (404, "no-such-alert")),
            ("alerts/acknowledge", {"alert_id": 5}, (400, "invalid-alert-id")),
            ("alerts/acknowledge", {"alert_id": "x", "by": "é" * 200}, (400, "invalid-by")),
            ("alerts/false-alarm", [], (400, "not-json")),
            (SENSITIVE, {"series": "cpu", "sensitivity": 0}, (400, "invalid-sensitivity")),
            (SENSITIVE, {"series": "cpu", "sensitivity": "2"}, (400, "invalid-sensitivity")),
            (SENSITIVE, {"series": "cpu", "sensitivity": 10**400}, (400, "not-json")),
            (SENSITIVE, {"series": "disk", "sensitivity": 2}, (404, "no-such-series")),
            ("series/mute", {"series": "cpu"}, (400, "invalid-until-ms")),
            ("series/mute", {"series": "cpu", "until_ms": -1}, (400, "invalid-until-ms")),
            ("series/mute", {"series": "cpu", "until_ms": True}, (400, "invalid-until-ms")),
            ("series/mute", {"series": "cpu", "until_ms": 1e12}, (400, "invalid-until-ms")),
        ],
    )  # fmt: skip
    def test_wrongly(
        self, client: httpx.Client, plant: Plant, path: str, body: Any, expected: tuple[int, str]
    ) -> None:
        plant.send("cpu", 1.0)
        assert problem(client.post(f"/api/{path}", json=body)) == expected

    @pytest.mark.parametrize(
        ("path", "expected"),
        [
            ("chart?series=none", (404, "no-such-series")),
            (f"chart?series={'x' * 257}", (400, "invalid-series")),
            ("series/one?name=none", (404, "no-such-series")),
            ("chart?series=cpu&span=2h", (400, "invalid-span")),
            ("chart?series=cpu&at=now", (400, "invalid-at")),
            ("chart?series=cpu&at=99999999999999999999", (400, "invalid-at")),
            ("series?page=0", (400, "invalid-page")),
            ("series?sort=by", (400, "invalid-sort")),
            ("alerts?limit=501", (400, "invalid-limit")),
            ("nothing", (404, "no-such-path")),
        ],
    )
    def test_asked_wrongly(
        self, client: httpx.Client, plant: Plant, path: str, expected: tuple[int, str]
    ) -> None:
        plant.send("cpu", 1.0)
        assert problem(client.get(f"/api/{path}")) == expected


class TestTheDatabase:
    def test_that_is_not_there_is_not_made(self, client: httpx.Client, plant: Plant) -> None:
        plant.connection.close()
        plant.path.unlink()
        assert problem(client.get("/api/status")) == (503, "no-database")
        assert not plant.path.exists()

    def test_that_is_made_anew_is_read_anew(self, client: httpx.Client, plant: Plant) -> None:
        plant.send("cpu", *quiet(500))
        assert told(client, "/api/chart", series="cpu", span="all")["points"] == 500
        plant.connection.close()
        for path in plant.path.parent.glob("anomalies.db*"):
            path.unlink()
        Plant(plant.path).send("cpu", *quiet(450, seed=2))
        assert told(client, "/api/series/one", name="cpu")["events"] == 450
        chart = told(client, "/api/chart", series="cpu", span="all")
        assert chart["value"] == quiet(450, seed=2)

    def test_that_is_none(self, client: httpx.Client, plant: Plant) -> None:
        plant.connection.close()
        plant.path.write_bytes(b"no database" * 500)
        assert problem(client.get("/api/status")) == (503, "database-unusable")


def test_the_page_is_told_nothing_of_a_mistake(plant: Plant, clerks: Clerks) -> None:
    def broken() -> int:
        raise RuntimeError("secret")

    plant.send("cpu", *quiet(300), 500.0)
    app = application(clerks, Setting("ann"), broken)
    with asking(app) as client:
        answer = client.post("/api/alerts/acknowledge", json={"alert_id": "cpu#300"})
    assert problem(answer) == (500, "unexpected")
    assert "secret" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
