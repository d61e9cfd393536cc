"""`millrace features`: what they are, what they mean, and what they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from millrace.features.definitions import load
from millrace.features.plan import plans_of
from millrace.features.snapshot import snapshot

from cli.definition_tables import feature_names, meaning
from cli.feature_tables import _split
from tests.cli.fakes import Commands, FakeCloud
from tests.cli.making import TWO, give_up
from tests.features.broken_definitions import BROKEN, GOOD
from tests.features.conftest import SHIPPED
from tests.features.making import RICH
from tests.features.streaming import NOW_MS, START_MS, document, record


def applied(cloud: FakeCloud, *documents: Any) -> None:
    cloud.bench.run(*[record(one, n) for n, one in enumerate(documents, 1)])


# Reading.


def test_features_are_those_that_a_reader_sees(millrace: Commands, cloud: FakeCloud) -> None:
    applied(cloud, *(document(n, eventType="buy" if n % 2 else "view") for n in range(6)))
    millrace.now_ms = START_MS + 64_500
    done = millrace("features", "get", "u1", "--json")
    assert done.status == 0
    (one,) = done.document["keys"]
    entry = cloud.bench.entry("u1")
    plan = plans_of(load(SHIPPED))[0]
    assert one["features"] == snapshot(entry.profile, plan, millrace.now_ms)
    assert one["features"]["count_1m"] == 1
    assert (one["at"], one["newest"], one["accepted"]) == (
        "2023-11-14T22:14:24.500Z",
        "2023-11-14T22:13:25.000Z",
        6,
    )


def test_features_stand_in_a_table_by_window_and_type(millrace: Commands, cloud: FakeCloud) -> None:
    applied(cloud, *(document(n, eventType="buy" if n % 2 else "view") for n in range(6)))
    millrace.now_ms = START_MS + 600_000
    done = millrace("features", "get", "u1")
    rows = [line.split() for line in done.out.splitlines() if line]
    assert ["feature", "1m", "5m", "1h", "24h", "now"] in rows
    assert rows[rows.index(["(all", "types)"]) + 1] == ["count", "0", "0", "6", "6"]
    assert ["metric_sum", "0", "0", "15", "15"] in rows
    assert ["metric_mean", "–", "–", "2.5", "2.5"] in rows
    assert rows[rows.index(["buy"]) + 1] == ["count", "0", "0", "3", "3"]
    assert ["recency", "9", "min", "55", "s"] in rows
    assert "as of" in done.out


def test_an_unknown_key_is_named_and_the_others_are_shown(
    millrace: Commands, cloud: FakeCloud
) -> None:
    applied(cloud, document(1))
    done = millrace("features", "get", "u1", "nobody", "u1")
    assert done.status == 1
    assert done.out.count("user u1") == 1
    assert done.err == "millrace: No features of user 'nobody' on stack millrace.\n"
    found = millrace("features", "get", "nobody", "--json").document["keys"]
    assert found == [{"key": "nobody", "features": None}]


def test_a_damaged_state_is_named(millrace: Commands, cloud: FakeCloud) -> None:
    applied(cloud, document(1), document(2, "u2"))
    cloud.bench.store.items["u1"]["state"] = b"rubbish"
    done = millrace("features", "get", "u1", "u2", "--json")
    assert done.status == 1
    first, second = done.document["keys"]
    assert first["features"] is None
    assert first["problem"] in done.err
    assert second["features"]["count_24h"] == 1


def test_a_store_that_is_down_is_an_error(millrace: Commands, cloud: FakeCloud) -> None:
    cloud.bench.store.fail_reads = lambda key: True
    done = millrace("features", "get", "u1")
    assert (done.status, done.out) == (1, "")
    assert "no answer for u1" in done.err


def test_as_of_a_time(millrace: Commands, cloud: FakeCloud) -> None:
    applied(cloud, document(0))
    for at in ("2023-11-14T22:15:20Z", "2023-11-14 22:15:20", START_MS // 1000 + 120):
        (one,) = millrace("features", "get", "u1", "--at", at, "--json").document["keys"]
        assert (one["features"]["count_1m"], one["features"]["count_5m"]) == (0, 1)
    before = millrace("features", "get", "u1", "--at", "2020-01-01", "--json").document
    assert before["keys"][0]["at"] == "2023-11-14T22:13:20.000Z"


@pytest.mark.parametrize("at", ["yesterday", "12", "nan", "inf", "9999-01-01", ""])
def test_a_wrong_time_is_named(millrace: Commands, at: str) -> None:
    done = millrace("features", "get", "u1", "--at", at)
    assert done.status == 2
    assert "--at must be" in done.err


def test_holes_are_mentioned(millrace: Commands, cloud: FakeCloud) -> None:
    give_up(cloud.bench, document(1), 1)
    assert "see millrace quarantine list --kind gave-up" in millrace("features", "get", "u1").out


def test_a_second_entity(millrace: Commands, cloud: FakeCloud, tmp_path: Path) -> None:
    path = tmp_path / "features.toml"
    path.write_text(TWO)
    millrace.environment["MILLRACE_FEATURES"] = str(path)
    cloud.bench.definitions = load(path)
    cloud.bench.restart()
    applied(cloud, document(0, itemId="i1"), document(1, itemId="i1"))
    millrace.now_ms = START_MS + 2000
    found = millrace("features", "get", "i1", "--entity", "item", "--json").document
    assert found["keys"][0]["features"]["count_1h"] == 2
    done = millrace("features", "get", "i1", "--entity", "device")
    assert (done.status, "it defines: user, item." in done.err) == (2, True)


def test_keys_cannot_command_the_terminal(millrace: Commands, cloud: FakeCloud) -> None:
    applied(cloud, document(0, "u\x1b[2J", eventType="\x1b]0;x\x07\x9b31m"))
    for more in ([], ["--json"]):
        done = millrace("features", "get", "u\x1b[2J", "n\x1b[2J", *more)
        assert not set("\x1b\x07\x9b") & set(done.out + done.err)
        assert "x1b[2J" in done.err


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("count_15m", ("count", "15m")),
        ("price_sum_5m", ("price_sum", "5m")),
        ("price_last", ("price_last", "")),
    ],
)
def test_a_feature_is_told_from_its_window(base: str, expected: tuple[str, str]) -> None:
    assert _split(base, ["5m", "15m"]) == expected


# What features.toml means.


def test_a_valid_file_is_explained(millrace: Commands) -> None:
    done = millrace("features", "check", SHIPPED)
    assert done.status == 0
    assert f"{SHIPPED} is valid" in done.out
    assert "more than 4 min 55 s, up to 5 min" in done.out
    found = millrace("features", "check", "--json").document
    assert (found["valid"], [one["name"] for one in found["entities"]]) == (True, ["user"])
    assert "metric_std_24h" in found["entities"][0]["features"]


@pytest.mark.parametrize("name", ["no version", *sorted(BROKEN)[::9]])
def test_what_is_wrong_is_named_with_file_line_and_key(
    millrace: Commands, tmp_path: Path, name: str
) -> None:
    old, new, line, key, _ = BROKEN[name]
    path = tmp_path / "features.toml"
    path.write_text(GOOD.replace(old, new))
    for command in ("check", "show"):
        done = millrace("features", command, path)
        assert (done.status, done.out) == (2, "")
        assert f"{path}, line {line}: {key}" in done.err


def test_there_is_no_file(millrace: Commands, tmp_path: Path) -> None:
    done = millrace("features", "check", tmp_path / "none.toml")
    assert (done.status, "Cannot read" in done.err) == (2, True)


def test_every_feature_has_a_name_and_a_meaning(millrace: Commands, tmp_path: Path) -> None:
    path = tmp_path / "features.toml"
    path.write_text(RICH)
    plan = plans_of(load(path))[0]
    shown = millrace("features", "show", path, "--json").document["user"]
    assert list(shown) == list(feature_names(plan))
    assert shown["item_distinct_5m"] == "different values of item in the last 5 min"
    assert shown["metric_sum_3d.buy"] == "sum of metric in the last 3 d, of type buy"
    assert shown["price_max_1h.<type>"] == "largest of price in the last 1 h, of type <type>"
    assert meaning("price_last", plan) == "newest price"
    assert "session_length_s" in millrace("features", "show", path).out


def test_shown_names_are_those_of_a_profile(millrace: Commands, cloud: FakeCloud) -> None:
    applied(cloud, document(1, eventType="view"))
    (one,) = millrace("features", "get", "u1", "--json").document["keys"]
    shown = millrace("features", "show", "--json").document["user"]
    assert set(one["features"]) == {name.replace("<type>", "view") for name in shown}


def test_one_entity_is_shown(millrace: Commands, tmp_path: Path) -> None:
    path = tmp_path / "features.toml"
    path.write_text(TWO)
    assert list(millrace("features", "show", path, "--json").document) == ["user", "item"]
    one = millrace("features", "show", path, "--entity", "item", "--json").document
    assert list(one) == ["item"]


def test_now_is_when_a_command_runs(millrace: Commands, cloud: FakeCloud) -> None:
    applied(cloud, document(0))
    assert millrace.now_ms == NOW_MS
    (one,) = millrace("features", "get", "u1", "--json").document["keys"]
    assert one["features"]["recency_s"] == 3600
