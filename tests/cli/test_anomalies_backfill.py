"""History loaded once and judged in order; quarantined metrics brought back."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from tests.cli.anomaly_operator import Operator, pending
from tests.oci.making import NOW_MS, START_S, event, history, record


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    return Operator(tmp_path)


def values(count: int) -> list[float]:
    rng = random.Random(3)
    return [20 + rng.gauss(0, 1) + (60 if n in (300, 301) else 0) for n in range(count)]


def file_of(folder: Path, numbers: list[int], name: str = "disk.csv") -> Path:
    every = values(600)
    lines = [f"{START_S + 60 * n},{every[n]!r}" for n in numbers]
    path = folder / name
    path.write_text("\n".join(["time,value", *lines]) + "\n")
    return path


def judged(operator: Operator) -> list[Any]:
    query = "SELECT event_time, metric_value, score, reason, late_flag, feature1 FROM raw_events"
    return operator.rows(f"{query} ORDER BY event_time")


def test_a_file_is_loaded_once(operator: Operator, tmp_path: Path) -> None:
    path = file_of(tmp_path, list(range(600)))
    done = operator("backfill", path, "--json").document
    assert done["database"] == f"sqlite:///{operator.path}"
    assert (done["file"]["stored"], done["file"]["already_there"]) == (600, 0)
    assert done["file"]["series"] == ["disk"]
    before = judged(operator)
    again = operator("backfill", path)
    assert again.status == 0
    assert "0 stored, 600 were there" in again.out
    assert judged(operator) == before


def test_an_interrupted_load_goes_on(operator: Operator, tmp_path: Path) -> None:
    """A part of the file, as if it had been stopped there, then all of it: as in one go."""
    clean = Operator(tmp_path / "clean")
    clean.folder.mkdir()
    clean("backfill", file_of(tmp_path, list(range(600)), "all.csv"), "--series", "disk")
    operator("backfill", file_of(tmp_path, list(range(250)), "part.csv"), "--series", "disk")
    operator("backfill", tmp_path / "all.csv", "--series", "disk")
    assert judged(operator) == judged(clean)
    state = "SELECT detector, events, newest_ms FROM series_state"
    assert operator.rows(state) == clean.rows(state)


def test_a_file_in_any_order_is_judged_in_order(operator: Operator, tmp_path: Path) -> None:
    clean = Operator(tmp_path / "clean")
    clean.folder.mkdir()
    clean("backfill", file_of(tmp_path, list(range(600))))
    numbers = list(range(600))
    random.Random(2).shuffle(numbers)
    done = operator("backfill", file_of(tmp_path, numbers), "--json").document
    assert done["series"][0]["judged"]["rows"] == 600
    assert judged(operator) == judged(clean)
    assert operator("backfill").out.startswith("Nothing waits")


def test_alerts_of_the_past_are_kept_and_not_sent(operator: Operator, tmp_path: Path) -> None:
    operator("backfill", file_of(tmp_path, list(range(600))))
    found = operator("list", "--json").document["alerts"]
    assert found
    assert {one["state"] for one in found} == {"past"}
    assert pending(operator) == set()
    assert "No open alerts" in operator("list", "--open").out
    # What comes after is news again.
    rows = [
        record(
            {"id": f"n{n}", "time": START_S + 60 * (600 + n), "metric": 900.0, "series": "disk"}, n
        )
        for n in range(1)
    ]
    operator.take(*rows)
    assert pending(operator) == {"n0"}


def test_history_before_live_events_is_learned(operator: Operator, tmp_path: Path) -> None:
    clean = Operator(tmp_path / "clean")
    clean.folder.mkdir()
    clean("backfill", file_of(tmp_path, list(range(600))))
    every = values(600)
    live = [
        record(
            {"id": f"n{n}", "time": START_S + 60 * n, "metric": every[n], "series": "disk"},
            n,
            "disk",
        )
        for n in range(400, 600)
    ]
    operator.take(*live)
    # It overlaps with what came by the stream: those points are there already.
    done = operator("backfill", file_of(tmp_path, list(range(450))), "--json").document
    assert (done["file"]["stored"], done["file"]["already_there"]) == (400, 50)
    assert judged(operator) == judged(clean)


def test_rows_that_came_late_are_judged_without_a_file(operator: Operator) -> None:
    records = history(300)
    operator.take(*records[100:])
    operator.take(*records[:100])
    dry = operator("backfill", "--dry-run", "--json").document
    assert (dry["series"][0]["unjudged"], dry["series"][0]["judged"]) == (100, None)
    done = operator("backfill")
    assert done.status == 0
    assert "cpu" in done.out
    assert operator.rows("SELECT COUNT(*) FROM raw_events WHERE late_flag = 'Y'") == [(0,)]


def test_a_series_that_would_forget_is_left_out(operator: Operator) -> None:
    operator.take(*history(300))
    operator.database().connection.execute("DELETE FROM raw_events WHERE rowid <= 150")
    operator.take(record(event(0, 1.0), 900))  # late
    done = operator("backfill")
    assert done.status == 1
    assert "its detector knows 301 events, and the database holds 151" in done.err
    assert operator.rows("SELECT events FROM series_state") == [(300,)]
    assert operator("backfill", "--series", "cpu").status == 0
    assert operator.rows("SELECT events FROM series_state") == [(151,)]


def test_lines_that_cannot_be_loaded_are_told(operator: Operator, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    ahead = NOW_MS // 1000 + 7200
    path.write_text(f"time,value\n{START_S},1\n{START_S},x\n{ahead},3\n{START_S + 9},1e200\n")
    done = operator("backfill", path, "--value", "value", "--time", "time")
    assert done.status == 1
    assert "line 3: value: 'x' is no number" in done.err
    assert "line 4: time is 7200 s after" in done.err
    assert "line 5: metric must be a finite number" in done.err
    assert "1 stored" in done.out


def test_a_dry_run_writes_nothing(operator: Operator, tmp_path: Path) -> None:
    done = operator("backfill", file_of(tmp_path, list(range(50))), "--dry-run")
    assert done.status == 0
    assert "50 values of 1 series would be loaded" in done.out
    assert not operator.path.exists()


def test_what_cannot_be_backfilled(operator: Operator, tmp_path: Path) -> None:
    nothing = operator("backfill")
    assert (nothing.status, "There is no database" in nothing.err) == (2, True)
    path = tmp_path / "plain.csv"
    path.write_text("5\n6\n")
    timeless = operator("backfill", path)
    assert timeless.status == 2
    assert "no column looks like times" in timeless.err
    unknown = operator("backfill", "--series", "nothing")
    assert unknown.status == 2
    assert "no rows of a series 'nothing'" in unknown.err
    several = operator("backfill", path, "--series", "a", "--series", "b")
    assert several.status == 2


# Quarantine.


@pytest.fixture
def kept(operator: Operator) -> Operator:
    """One invalid metric, one id in conflict."""
    operator.take(record(event(1, 5), 1), record(event(1, 6), 2), record(event(2, "x"), 3))
    return operator


def by_reason(operator: Operator) -> dict[str, str]:
    records = operator("quarantine", "list", "--json").document["records"]
    return {one["reason"]: one["quarantine_id"] for one in records}


def test_quarantine_is_listed_and_shown(kept: Operator) -> None:
    listed = kept("quarantine", "list").out
    assert "2 records to redrive: id-conflict 1, invalid-metric 1." in listed
    name = by_reason(kept)["invalid-metric"]
    assert name[:12] in listed
    narrow = kept("quarantine", "list", columns=80).out.splitlines()
    assert any(line.startswith(f"{name[:12]}  ") for line in narrow)
    assert any(line.startswith("  invalid-metric (open): metric must be ") for line in narrow)
    only = kept("quarantine", "list", "--reason", "id-conflict", "--json").document
    assert len(only["records"]) == 1
    assert only["reasons"]["invalid-metric"] == {"records": 1, "redriven": 0}
    shown = kept("quarantine", "show", name[:12])
    assert '"metric": "x"' in shown.out
    assert "still-invalid" in shown.out
    document = kept("quarantine", "show", name[:12], "--json").document
    assert document["redrive_would"]["outcome"] == "still-invalid"
    assert kept("quarantine", "show", "beef").status == 1


def test_a_record_is_mended_and_redriven_once(kept: Operator) -> None:
    name = by_reason(kept)["invalid-metric"]
    words = ("quarantine", "redrive", name[:12], "--set", "metric=7", "--by", "ann")
    dry = kept(*words, "--dry-run", "--json").document
    assert (dry["records"][0]["outcome"], dry["records"][0]["done"]) == ("applied", False)
    assert kept(*words).status == 0
    again = kept(*words, "--json").document
    assert again["records"][0]["outcome"] == "redriven-before"
    assert kept.rows("SELECT metric_value FROM raw_events ORDER BY 1") == [(5.0,), (7.0,)]
    assert "by ann" in kept("quarantine", "list").out
    assert name not in kept("quarantine", "list", "--open", "--json").out


def test_all_of_a_reason_and_a_conflict_that_stays(kept: Operator) -> None:
    left = kept("quarantine", "redrive", "--all", "--reason", "id-conflict")
    assert left.status == 1
    assert "known with other content" in left.out
    done = kept("quarantine", "redrive", "--all", "--reason", "id-conflict", "--as-new", "--json")
    assert done.status == 0
    assert done.document["records"][0]["outcome"] in ("applied", "late")
    assert len(kept.rows("SELECT event_id FROM raw_events")) == 2


def test_a_whole_payload_in_place_of_a_record(kept: Operator, tmp_path: Path) -> None:
    path = tmp_path / "mended.json"
    path.write_text(json.dumps(event(2, 8)))
    name = by_reason(kept)["invalid-metric"]
    assert kept("quarantine", "redrive", name, "--payload", path).status == 0
    assert (8.0,) in kept.rows("SELECT metric_value FROM raw_events")
    piped = kept("quarantine", "redrive", name, "--payload", "-", stdin="{}")
    assert "redriven-before" in piped.out


def test_a_person_is_asked_before_all(kept: Operator) -> None:
    kept.attended = True
    refused = kept("quarantine", "redrive", "--all", "--as-new", stdin="n\n")
    assert (refused.status, "Nothing was changed" in refused.err) == (1, True)
    assert kept.rows("SELECT COUNT(*) FROM redrives") == [(0,)]
    agreed = kept("quarantine", "redrive", "--all", "--as-new", stdin="y\n")
    assert agreed.status == 1  # the invalid one is left
    assert kept.rows("SELECT COUNT(*) FROM redrives") == [(1,)]
    assert kept("quarantine", "redrive", "--all", "--set", "metric=1", "--yes").status == 0
    assert "Nothing is to be redriven" in kept("quarantine", "redrive", "--all").out


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ((), "one RECORD or more, or --all"),
        (("abc", "--all"), "one RECORD or more, or --all"),
        (("abc", "--reason", "x"), "--reason chooses among --all"),
        (("--all", "--set", "metric"), "must be FIELD=VALUE"),
        (("--all", "--payload", "x.json"), "--payload is for one record"),
    ],
)
def test_a_redrive_that_is_not_clear(kept: Operator, words: tuple[str, ...], problem: str) -> None:
    done = kept("quarantine", "redrive", *words)
    assert (done.status, done.out) == (2, "")
    assert problem in done.err
