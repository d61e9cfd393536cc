"""Any table of numbers, judged and drawn from a terminal."""

from __future__ import annotations

import csv
import gzip
import json
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from millrace.anomaly.detector import Detector
from typer.testing import CliRunner

from cli.anomaly_columns import read_time_ms
from cli.main import app
from cli.surroundings import Surroundings
from tests.cli.done import Done

START_S = 1_767_225_600


def values(count: int = 400, spikes: tuple[int, ...] = (300, 301)) -> list[float]:
    rng = random.Random(7)
    return [20 + rng.gauss(0, 1) + (60 if n in spikes else 0) for n in range(count)]


def table(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def plain(folder: Path, count: int = 400) -> Path:
    rows = [f"{START_S + 60 * n},{value!r}" for n, value in enumerate(values(count))]
    return table(folder / "cpu.csv", "timestamp,value", *rows)


def run(*words: object, stdin: str | bytes | None = None, columns: int = 120) -> Done:
    args = ["anomalies", "score", *(str(word) for word in words)]
    around = Surroundings(environment={})
    env = {"COLUMNS": str(columns)}
    result = CliRunner().invoke(app, args, obj=around, input=stdin, env=env)
    return Done(result.exit_code, result.stdout, result.stderr)


def test_a_file_is_judged_as_the_detector_judges_it(tmp_path: Path) -> None:
    done = run(plain(tmp_path), "--json", "--out", tmp_path / "out.csv")
    detector = Detector()
    wanted = [detector.update(START_S + 60.0 * n, v) for n, v in enumerate(values())]
    with (tmp_path / "out.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 400
    for row, verdict in zip(rows, wanted, strict=True):
        assert math.isclose(float(row["score"]), verdict.score, abs_tol=1e-4)
        assert row["alert"] == str(int(verdict.alert))
        assert row["reason"] == verdict.reason
        assert row["low"] == ("" if verdict.low is None else repr(verdict.low))
    (series,) = done.document["series"]
    assert (series["series"], series["values"]) == ("cpu", 400)
    alerts = [n for n, verdict in enumerate(wanted) if verdict.alert]
    assert [one["start_ms"] for one in series["episodes"]] == [
        (START_S + 60 * n) * 1000 for n in alerts
    ]
    assert [one["line"] for one in series["episodes"]] == [n + 2 for n in alerts]
    assert series["alerts"] == len(alerts) > 0
    assert detector.episode is not None
    assert series["episodes"][-1]["points"] == detector.episode.strange_points
    assert series["episodes"][-1]["peak_score"] == detector.episode.peak_score
    assert done.status == 0


def test_it_is_drawn_and_told(tmp_path: Path) -> None:
    done = run(plain(tmp_path))
    assert done.status == 0
    for sign in ("▲", "●", "░", "⣿ value", "2026-01-01 05:00:00 UTC", "400 values in 1 series"):
        assert sign in done.out
    assert max(map(len, done.out.splitlines())) <= 120
    assert "time: timestamp, value: value" in done.err
    assert "\x1b" not in done.out
    narrow = run(plain(tmp_path), columns=80).out.splitlines()
    assert any(" UTC  " in line and " point" in line and "  score " in line for line in narrow)
    assert any(line.startswith("  value ") for line in narrow)


def test_a_pipe_with_a_gzip_of_several_series(tmp_path: Path) -> None:
    lines = ["ts;host;cpu;memory;label"]
    for n, value in enumerate(values()):
        for host in ("a", "b"):
            lines.append(f"2026-01-01T{n // 60:02d}:{n % 60:02d}:00Z;{host};{value:.3f};5;0")
    done = run("-", "--json", stdin=gzip.compress("\n".join(lines).encode()))
    document = done.document
    assert document["columns"] == {
        "time": "ts",
        "values": ["cpu", "memory"],
        "series": "host",
    }
    assert [one["series"] for one in document["series"]] == [
        "a.cpu", "a.memory", "b.cpu", "b.memory",
    ]  # fmt: skip
    first, memory, second, _ = document["series"]
    assert [e["start_ms"] for e in first["episodes"]] == [e["start_ms"] for e in second["episodes"]]
    assert memory["episodes"] == []
    told = run("-", "--draw", 1, stdin=gzip.compress("\n".join(lines).encode()))
    assert told.out.count("alerts  ") == 1
    assert "a.cpu" in told.out


def test_columns_as_told(tmp_path: Path) -> None:
    rows = [f"x,{value},{n},{n * 60}" for n, value in enumerate(values(150))]
    path = table(tmp_path / "t.csv", "name,reading,other,at", *rows)
    told = run(path, "--value", "reading", "--time", "at", "--series-column", "name", "--json")
    assert told.document["columns"] == {"time": "at", "values": ["reading"], "series": "name"}
    assert told.document["series"][0]["series"] == "x"
    numbered = run(path, "--value", "2", "--time", "4", "--json").document["columns"]
    assert (numbered["values"], numbered["time"]) == (["reading"], "at")
    twice = run(path, "--value", "reading", "--value", "2", "--json").document
    assert (twice["columns"]["values"], twice["rows"]) == (["reading"], 150)
    wrong = run(path, "--value", "readng")
    assert wrong.status == 2
    assert "Did you mean 'reading'?" in wrong.err


def test_a_table_without_a_header_or_times() -> None:
    text = "\n".join(f"{value}" for value in values())
    done = run("-", "--json", stdin=text).document
    assert done["columns"] == {"time": None, "values": ["column1"], "series": None}
    (series,) = done["series"]
    assert (series["values"], series["first_ms"]) == (400, None)
    strangest = max(series["episodes"], key=lambda one: one["peak_score"])
    assert strangest["peak_value"] > 70
    assert f"line {strangest['line']}" in run("-", stdin=text).out


def test_json_lines(tmp_path: Path) -> None:
    lines = [
        json.dumps({"id": n, "time": START_S + 60 * n, "series": "s", "metric": value})
        for n, value in enumerate(values())
    ]
    lines.insert(5, "{rubbish")
    lines.insert(6, "[1]")
    done = run(table(tmp_path / "m.jsonl", *lines), "--json")
    assert done.document["columns"] == {"time": "time", "values": ["metric"], "series": "series"}
    assert done.document["rows"] == 400
    assert [one["line"] for one in done.document["problems"]] == [6, 7]
    assert done.status == 1


def test_lines_that_cannot_be_read_are_told_with_their_numbers(tmp_path: Path) -> None:
    rows = [f"{START_S + 60 * n},{value}" for n, value in enumerate(values())]
    rows[10] = f"{START_S},soon"
    rows[20] = "yesterday,5"
    rows[30] = f"{START_S}"
    rows[40] = f"{START_S + 2400},"
    rows[41] = f"{START_S + 2460},NaN"
    done = run(table(tmp_path / "bad.csv", "timestamp,value", *rows))
    assert done.status == 1
    assert f"{tmp_path / 'bad.csv'}, line 12: value: 'soon' is no number" in done.err
    assert "line 22: timestamp: 'yesterday' is no time" in done.err
    assert "line 32: a row of 1 cells, where there are 2 columns" in done.err
    assert "2 empty" in done.out
    assert "395 values" in done.out


def test_what_was_read_of_a_damaged_file_is_judged(tmp_path: Path) -> None:
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(gzip.compress(plain(tmp_path).read_bytes())[:-400])
    done = run(path, "--json")
    assert done.status == 1
    assert 100 < done.document["rows"] < 400
    assert "damaged, or cut short" in done.err
    (tmp_path / "all.gz").write_bytes(b"\x1f\x8b\x08")
    assert f"{tmp_path / 'all.gz'}, line 1: the gzip" in run(tmp_path / "all.gz").err
    quote = table(tmp_path / "q.csv", "time,value", "1,2", '2,"' + "x" * 200_000)
    assert "line 3: no row: field larger than field limit" in run(quote).err


def test_an_alert_can_fail_a_script(tmp_path: Path) -> None:
    path = plain(tmp_path)
    assert run(path, "--fail-on-alert").status == 1
    assert run(plain(tmp_path, 90), "--fail-on-alert").status == 0


def test_a_deaf_detector_raises_nothing(tmp_path: Path) -> None:
    done = run(plain(tmp_path), "--sensitivity", "1e-9", "--json")
    assert done.document["series"][0]["alerts"] == 0


def test_rows_that_go_back_in_time_are_told(tmp_path: Path) -> None:
    rows = [f"{START_S - 60 * n},{value}" for n, value in enumerate(values(150))]
    done = run(table(tmp_path / "t.csv", "timestamp,value", *rows))
    assert "149 rows went back in time" in done.err


def test_a_counter_is_drawn_as_a_rate(tmp_path: Path) -> None:
    rows = [f"{START_S + 60 * n},{n * 600 + n % 3}" for n in range(300)]
    done = run(table(tmp_path / "c.csv", "timestamp,value", *rows))
    assert "(rate per second)" in done.out


@pytest.mark.parametrize(
    ("content", "words", "problem"),
    [
        ("", (), "is empty"),
        ("time,value\n", (), "a header and no rows"),
        ("a,b\nx,y\n", (), "no column looks like values"),
        ("PK\x03\x04zip", (), "a ZIP archive or a spreadsheet"),
        ("time,value\n1,2\n", ("--sensitivity", "0"), "a number above 0"),
        ("time,value\n1,2\n", ("--series-column", "host"), "no column 'host'"),
    ],
)
def test_what_cannot_be_scored(
    tmp_path: Path, content: str, words: tuple[str, ...], problem: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_text(content)
    done = run(path, *words)
    assert (done.status, done.out) == (2, "")
    assert problem in done.err


def test_the_file_itself_is_never_written_over(tmp_path: Path) -> None:
    path = plain(tmp_path)
    before = path.read_bytes()
    done = run(path, "--out", path)
    assert done.status == 2
    assert path.read_bytes() == before
    assert "Cannot write --out" in run(path, "--out", tmp_path / "no/where.csv").err


def test_a_series_is_no_formula_of_a_spreadsheet(tmp_path: Path) -> None:
    rows = [f"=cmd(),{START_S + n},{n % 3}" for n in range(5)]
    run(table(tmp_path / "t.csv", "series,time,value", *rows), "--out", tmp_path / "o.csv")
    assert ",'=cmd()," in (tmp_path / "o.csv").read_text()


# Times and numbers as they come.


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T12:00:00Z", "2026-01-31 12:00:00", "2026-01-31T13:00:00+01:00",
        "1769860800", "1769860800.0", "1769860800000", "1769860800000000", "1769860800000000000",
        "2026/01/31 12:00", "1/31/2026 12:00:00", "31.01.2026 12:00",
    ],
)  # fmt: skip
def test_times(text: str) -> None:
    assert read_time_ms(text) == 1_769_860_800_000


def test_days_that_come_first_are_seen(tmp_path: Path) -> None:
    rows = [f"{1 + n % 28}/{1 + n // 28}/2025,{n % 7}" for n in range(200)]
    done = run(table(tmp_path / "d.csv", "Date,Close", *rows), "--json").document
    (series,) = done["series"]
    assert series["back_in_time"] == 0
    assert series["first_ms"] == read_time_ms("2025-01-01")


def test_times_in_a_format_of_ones_own() -> None:
    assert read_time_ms("31/01/2026 12h", "%d/%m/%Y %Hh") == 1_769_860_800_000
    with pytest.raises(ValueError, match="soon"):
        read_time_ms("soon")


@pytest.mark.parametrize(
    "written",
    [
        lambda value: f"{value:.3f}".replace(".", ","),  # 51,359 alone could be fifty thousand
        lambda value: f"{value:.2f}".replace(".", ","),
        lambda value: f"{value * 100:,.2f}".translate(str.maketrans(",.", ".,")),
    ],
)
def test_a_table_with_decimal_commas(tmp_path: Path, written: Callable[[float], str]) -> None:
    rows = [f"{START_S + 60 * n};{written(value)}" for n, value in enumerate(values())]
    done = run(table(tmp_path / "de.csv", "Zeit;Wert", *rows), "--json")
    peaks = [one["peak_value"] for one in done.document["series"][0]["episodes"]]
    scale = 100 if "." in written(50.0) else 1
    assert max(peaks) == pytest.approx(max(values()) * scale, rel=0.02)
    assert "value: Wert, with a decimal comma" in run(tmp_path / "de.csv").err


@pytest.mark.parametrize(
    ("begin", "line"),
    [
        (["# export of", "# the dashboard", "time,cpu"], 5),
        (["# export", "# time,cpu"], 4),  # as numpy names columns
        (["#time,cpu"], 3),
        (["# export, of 3 days", "time,cpu"], 4),
    ],
)
def test_lines_of_comments_stand_before_a_table(
    tmp_path: Path, begin: list[str], line: int
) -> None:
    rows = [f"{START_S + 60 * n},{value!r}" for n, value in enumerate(values(150))]
    rows[1] = f"{START_S + 60},oops"
    document = run(table(tmp_path / "a.csv", *begin, *rows), "--json").document
    assert document["columns"] == {"time": "time", "values": ["cpu"], "series": None}
    assert document["series"][0]["values"] == 149
    assert [one["line"] for one in document["problems"]] == [line]


def test_a_format_that_no_time_has_is_an_error(tmp_path: Path) -> None:
    for more in ((), ("--time", "timestamp")):
        done = run(plain(tmp_path), "--time-format", "%q", *more)
        assert (done.status, done.out) == (2, "")
        assert "--time-format '%q'" in done.err
        assert f"'{START_S}'" in done.err


def test_a_terminal_that_knows_only_ascii(tmp_path: Path) -> None:
    args = ["anomalies", "score", str(plain(tmp_path))]
    around = Surroundings(environment={})
    done: Any = CliRunner(charset="ascii").invoke(app, args, obj=around, env={"COLUMNS": "100"})
    assert done.exit_code == 0
    chart = done.stdout.partition("alerts ")[0].splitlines()[1:]
    assert "".join(chart).isascii()
    assert "^ alert" in done.stdout
