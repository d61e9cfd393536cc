"""`millrace features replay`: a history becomes training rows, whole or not at all."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import pytest
from millrace.features.sinks import Archive
from millrace.folder import FolderObjects
from millrace.kinesis import Delivery, Stream, decode
from millrace.objects import MemoryObjects

from tests.cli.fakes import Commands, FakeCloud
from tests.cli.making import TWO
from tests.features.streaming import ARN, document, record

HISTORY = [
    document(0),
    document(1, metric="much"),
    document(2, eventType="buy", detail={"a": [1]}),
    document(2, eventType="buy"),
    document(900),
    document(3),
]


@pytest.fixture
def history(tmp_path: Path) -> Path:
    path = tmp_path / "history.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in HISTORY))
    return path


def test_rows_are_the_features_just_before_each_event(
    millrace: Commands, history: Path, tmp_path: Path
) -> None:
    out = tmp_path / "rows.jsonl"
    done = millrace("features", "replay", history, "--out", out, "--json")
    assert done.status == 0
    summary = done.document
    assert (summary["records"], summary["rows"], summary["keys"]) == (6, 3, 1)
    assert (summary["duplicates"], summary["late"]) == (1, 1)
    assert summary["reasons"] == {"invalid-metric": 1}
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["features"]["count_24h"] for row in rows] == [0, 1, 2]
    assert [row["features"]["metric_sum_24h"] for row in rows] == [0, 0, 2]
    assert [row["event"] for row in rows] == [HISTORY[0], HISTORY[2], HISTORY[4]]
    assert rows[1]["time"] == rows[1]["at"] == "2023-11-14T22:13:22.000Z"
    assert (rows[1]["key"], rows[1]["type"], rows[1]["id"]) == ("u1", "buy", "e2")


def test_a_table_has_a_column_for_every_feature_of_every_type(
    millrace: Commands, history: Path, tmp_path: Path
) -> None:
    out = tmp_path / "rows.csv.gz"
    assert millrace("features", "replay", history, "--out", out).status == 0
    with gzip.open(out, "rt", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["count_24h"] for row in rows] == ["0", "1", "2"]
    assert [row["count_24h.view"] for row in rows] == ["", "1", "1"]
    assert [row["count_24h.buy"] for row in rows] == ["", "", "1"]
    assert [row["event.detail"] for row in rows] == ["", '{"a":[1]}', ""]
    names = list(rows[0])
    assert names.index("session_events") < names.index("count_1m.buy")
    first = out.read_bytes()
    millrace("features", "replay", history, "--out", out)
    assert out.read_bytes() == first


def test_rows_go_to_stdout_with_the_summary_beside_them(millrace: Commands, history: Path) -> None:
    done = millrace("features", "replay", history)
    assert [json.loads(line)["type"] for line in done.out.splitlines()] == ["view", "buy", "view"]
    assert "rows 3 of 1 user; duplicates 1; late 1; invalid 1 (invalid-metric 1)" in done.err


def test_an_archive_is_replayed_from_the_stack_or_a_folder(
    millrace: Commands, cloud: FakeCloud, tmp_path: Path
) -> None:
    objects, folder = MemoryObjects(), tmp_path / "copy"
    found = decode(
        [record(document(n), n) for n in range(4)],
        lambda *_: Stream(1, lambda shard: (0, 2**128 - 1)),
    )
    deliveries = [one for one in found if isinstance(one, Delivery)]
    for store in (objects, FolderObjects(folder)):
        Archive(store).take(deliveries)
        Archive(store).take(deliveries[2:])
    cloud.archived = objects
    assert ARN.endswith("stream/events")
    whole = millrace("features", "replay", "--archive")
    copied = millrace("features", "replay", folder)
    assert whole.status == copied.status == 0
    assert whole.out == copied.out
    counts = [json.loads(row)["features"]["count_24h"] for row in whole.out.splitlines()]
    assert counts == [0, 1, 2, 3]


def test_another_entity_counts_events_without_its_key(millrace: Commands, tmp_path: Path) -> None:
    path = tmp_path / "features.toml"
    path.write_text(TWO)
    millrace.environment["MILLRACE_FEATURES"] = str(path)
    lines = json.dumps(document(1)) + "\n" + json.dumps(document(2, itemId="i1")) + "\n"
    out = tmp_path / "rows.jsonl"
    done = millrace("features", "replay", "-", "--entity", "item", "--out", out, stdin=lines)
    assert (done.status, out.read_text().count("\n")) == (0, 1)
    assert "without itemId" in done.out


def test_a_history_without_rows_is_a_failure(millrace: Commands) -> None:
    assert millrace("features", "replay", "-", stdin="rubbish\n").status == 1


def test_what_fails_leaves_no_file_that_looks_whole(millrace: Commands, tmp_path: Path) -> None:
    cut = tmp_path / "cut.jsonl.gz"
    lines = "".join(json.dumps(document(n)) + "\n" for n in range(500))
    cut.write_bytes(gzip.compress(lines.encode())[:-40])
    for name in ("rows.jsonl", "rows.csv"):
        out = tmp_path / name
        out.write_text("what was there")
        done = millrace("features", "replay", cut, "--out", out)
        assert (done.status, "damaged or cut short" in done.err) == (2, True)
        assert out.read_text() == "what was there"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "cut.jsonl.gz",
        "rows.csv",
        "rows.jsonl",
    ]


def test_too_many_types_are_refused_for_a_table(millrace: Commands, tmp_path: Path) -> None:
    lines = "".join(
        json.dumps(document(n, f"u{n // 2}", eventType=f"t{n // 2}")) + "\n" for n in range(2100)
    )
    done = millrace("features", "replay", "-", "--out", tmp_path / "rows.csv", stdin=lines)
    assert (done.status, "More than 5,000 columns" in done.err) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "Name one history: a FILE, or --archive."),
        (["x.jsonl", "--archive"], "Name one history"),
        (["-", "--json"], "--json needs --out FILE"),
        (["-", "--out", "rows.parquet"], "its name must end in .jsonl, .ndjson, .csv"),
        (["-", "--out", "/nowhere/rows.csv"], "Cannot write /nowhere/rows.csv: No such file"),
        (["--archive"], "There is no archive."),
        (["/nowhere.jsonl"], "Cannot read /nowhere.jsonl"),
        (["tests/cli"], "No archived events under events/"),
    ],
)
def test_wrong_histories_are_named(millrace: Commands, arguments: list[str], problem: str) -> None:
    done = millrace("features", "replay", *arguments)
    assert (done.status, done.out) == (2, "")
    assert problem in done.err
