"""`millrace quarantine`: all is listed, nothing is guessed, and what is done is done once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from millrace.errors import Unavailable
from millrace.features.redrive import Redriver

from cli.judging import redriven
from cli.kept_objects import Kind, described, records_in
from cli.quarantine import _parsed
from tests.cli.fakes import Commands, FakeCloud
from tests.features.streaming import Bench, Record, document, record


@pytest.fixture
def full(cloud: FakeCloud) -> FakeCloud:
    """One object of each kind, and of each status."""
    bench = cloud.bench
    bench.run(record(document(1, metric="much"), 1), record(document(2), 2))
    bench.run(record(document(600), 10), record(document(3), 11))  # the latter is late
    give_up(bench, document(601), 12)
    failed_batch(
        bench,
        record(document(4), 4),  # long before what is remembered: undetermined
        record(document(590), 5),  # within it, and not among the remembered: missing
        record(document(600), 10),  # remembered: applied before
        record(b"rubbish", 6),
    )
    return cloud


def give_up(bench: Bench, event: Record, sequence: int) -> None:
    """A hole at this record."""
    bench.enricher._give_up_after_ms = 0
    bench.store.fail_writes = lambda key: key == "u1"
    bench.run(record(event, sequence))
    bench.store.fail_writes = lambda key: False
    bench.enricher._give_up_after_ms = None


def failed_batch(bench: Bench, *records: Record) -> str:
    """What Lambda leaves of a batch that it gave up on."""
    key = "aws/lambda/mapping/shardId-000000000000/2026/01/31/2026-01-31T12.00.00-x"
    content = {
        "requestContext": {"condition": "RetryAttemptsExhausted"},
        "version": "1.0",
        "timestamp": "2026-01-31T12:00:00.000Z",
        "KinesisBatchInfo": {
            "shardId": "shardId-000000000000",
            "startSequenceNumber": "4",
            "endSequenceNumber": "6",
            "batchSize": len(records),
        },
        "payload": json.dumps({"Records": records}),
    }
    bench.objects.bodies[key] = json.dumps(content).encode()
    return key


def key_of(cloud: FakeCloud, kind: Kind) -> str:
    (key,) = cloud.bench.objects.keys(f"{kind.prefix}/")
    return key


def by_kind(found: Any) -> dict[str, Any]:
    return {one["kind"]: one for one in found["objects"]}


# Listing.


def test_everything_is_listed_with_what_is_certain_of_it(
    millrace: Commands, full: FakeCloud
) -> None:
    done = millrace("quarantine", "list", "--json")
    assert done.status == 0
    found = by_kind(done.document)
    assert {kind: one["events"] for kind, one in found.items()} == {
        "poison": {"still invalid": 1},
        "late": {"missing": 1},
        "gave-up": {"missing": 1},
        "failed": {"undetermined": 1, "missing": 1, "applied before": 1, "still invalid": 1},
    }
    assert found["poison"]["reason"] == "invalid-metric"
    assert found["late"]["whose"] == found["gave-up"]["whose"] == "u1"
    assert (found["failed"]["records"], found["failed"]["time"]) == (4, "2026-01-31T12:00:00.000Z")
    assert done.document["kinds"] == {"poison": 1, "late": 1, "gave-up": 1, "failed": 1}
    assert done.document["events"]["undetermined"] == 1


def test_people_see_keys_whole_and_reasons(millrace: Commands, full: FakeCloud) -> None:
    out = millrace("quarantine", "list").out
    lines = out.splitlines()
    for kind in Kind:
        assert key_of(full, kind) in lines
    assert "  poison · invalid-metric · u1 · 2023-11-14T23:13:20.000Z · still invalid" in lines
    assert "metric must be a finite number" in out
    assert "1 applied before, 1 missing, 1 still invalid, 1 undetermined" in out
    assert lines[-1].startswith("4 objects (failed 1, gave-up 1, late 1, poison 1); events: ")


@pytest.mark.parametrize(
    ("options", "kinds"),
    [
        (["--kind", "late"], {"late"}),
        (["--kind", "late", "--kind", "gave-up"], {"late", "gave-up"}),
        (["--status", "undetermined"], {"failed"}),
        (["--status", "missing"], {"late", "gave-up", "failed"}),
        (["--status", "damaged"], set()),
        (["--status", "in-a-hole"], set()),
    ],
)
def test_what_is_listed_can_be_chosen(
    millrace: Commands, full: FakeCloud, options: list[str], kinds: set[str]
) -> None:
    assert set(by_kind(millrace("quarantine", "list", "--json", *options).document)) == kinds


def test_without_judging_the_store_is_not_asked(millrace: Commands, full: FakeCloud) -> None:
    full.bench.store.fail_reads = lambda key: True
    found = millrace("quarantine", "list", "--no-judge", "--json").document
    assert [one["events"] for one in found["objects"]] == [{}] * 4
    done = millrace("quarantine", "list")
    assert (done.status, "no answer for u1" in done.err) == (1, True)
    assert millrace("quarantine", "list", "--no-judge", "--status", "missing").status == 2


def test_the_list_is_bounded_and_says_so(millrace: Commands, cloud: FakeCloud) -> None:
    cloud.bench.run(*[record(b"rubbish", n) for n in range(1, 121)])
    done = millrace("quarantine", "list")
    assert done.out.count("not-json") == 100
    assert "120 objects (poison 120)" in done.out
    assert "Shown: 100." in done.out
    assert len(millrace("quarantine", "list", "--limit", 0, "--json").document["objects"]) == 120
    found = millrace("quarantine", "list", "--limit", 2, "--json").document
    assert (len(found["objects"]), found["total"]) == (2, 120)


def test_nothing_is_in_quarantine(millrace: Commands) -> None:
    for words in (["list"], ["redrive", "--all"]):
        done = millrace("quarantine", *words)
        assert (done.status, done.out) == (0, "Nothing is in quarantine on stack millrace.\n")


DAMAGED = {
    "quarantine/a.json": b"rubbish",
    "quarantine/b.json": b"[]",
    "quarantine/c.json": b"{}",
    "late/d.json": b'{"position": 5, "arrival": [], "data": {}}',
    "gave-up/e.json": b'{"entity": "nobody", "records": 7}',
    "gave-up/f.json": b'{"entity": "user", "key": "u1", "hole": "x", "records": [1]}',
    "aws/lambda/g": b'{"payload": 7, "KinesisBatchInfo": 3}',
    "aws/lambda/h": b'{"payload": "{\\"Records\\": [1, {\\"kinesis\\": {}}]}"}',
}


def test_damaged_objects_are_listed_and_keep_nobody_else(
    millrace: Commands, full: FakeCloud
) -> None:
    full.bench.objects.bodies |= DAMAGED
    done = millrace("quarantine", "list", "--json")
    assert done.status == 0
    problems = {one["key"]: one["problem"] for one in done.document["objects"]}
    wrong = {key for key, problem in problems.items() if problem is not None}
    # What Lambda left in `h` is a batch, of records that are poison.
    assert wrong == set(DAMAGED) - {"aws/lambda/h"}
    done = millrace("quarantine", "redrive", "--all", "--json")
    assert done.status == 1
    settled = {one["kind"] for one in done.document["objects"] if one["done"]}
    assert settled == {"late", "gave-up", "failed"}
    assert full.bench.objects.bodies.keys() >= wrong


@pytest.mark.parametrize("key", sorted(DAMAGED))
def test_damaged_objects_can_be_looked_at(millrace: Commands, cloud: FakeCloud, key: str) -> None:
    cloud.bench.objects.bodies |= DAMAGED
    done = millrace("quarantine", "show", key)
    unreadable = key in ("quarantine/a.json", "quarantine/b.json")
    assert done.status == int(unreadable)
    assert "Traceback" not in done.err
    assert key in done.out + done.err


# Showing.


def test_an_object_is_shown_with_what_is_in_it(millrace: Commands, full: FakeCloud) -> None:
    out = millrace("quarantine", "show", key_of(full, Kind.POISON)).out
    assert '"metric": "much"' in out
    assert "sequenceNumber" in out
    found = millrace("quarantine", "show", key_of(full, Kind.LATE), "--json").document
    assert (found["content"]["entity"], found["events"]) == ("user", {"missing": 1})
    out = millrace("quarantine", "show", key_of(full, Kind.FAILED)).out
    assert "rubbish" in out
    assert "RetryAttemptsExhausted" in out
    assert out.count('"userId": "u1"') == 3
    assert "601" in millrace("quarantine", "show", key_of(full, Kind.GAVE_UP)).out


def test_what_is_long_is_cut_and_json_has_it_all(millrace: Commands, cloud: FakeCloud) -> None:
    cloud.bench.run(record(document(1, metric="x" * 9000), 1))
    key = key_of(cloud, Kind.POISON)
    out = millrace("quarantine", "show", key).out
    assert "… (all of it: --json)" in out
    assert "x" * 5000 not in out
    assert "x" * 9000 in millrace("quarantine", "show", key, "--json").document["content"]["text"]
    key = failed_batch(cloud.bench, *[record(document(n), n) for n in range(2, 14)])
    assert "… and 2 more records." in millrace("quarantine", "show", key).out


def test_content_cannot_command_the_terminal(millrace: Commands, cloud: FakeCloud) -> None:
    cloud.bench.run(record(b"\x1b[2J\xc2\x9b31m", 1, key="\x1b]0;x\x07"))
    key = key_of(cloud, Kind.POISON)
    for words in (["list"], ["show", key], ["show", key, "--json"], ["redrive", key]):
        done = millrace("quarantine", *words)
        assert not set("\x1b\x07\x9b") & set(done.out + done.err)
    assert "\\x1b[2J" in millrace("quarantine", "show", key).out


@pytest.mark.parametrize("key", ["quarantine/none.json", "elsewhere/x", "redriven/late/x.json"])
def test_an_unknown_key_is_named(millrace: Commands, key: str) -> None:
    done = millrace("quarantine", "show", key)
    assert (done.status, done.out) == (1, "")
    assert key in done.err
    done = millrace("quarantine", "redrive", key)
    assert (done.status, key in done.out) == (1, True)


@pytest.mark.parametrize("content", [b"{}", b'{"reason": 5, "records": [[]], "raw": {"a": 1}}'])
@pytest.mark.parametrize("kind", list(Kind))
def test_anything_can_be_described(cloud: FakeCloud, kind: Kind, content: bytes) -> None:
    key = f"{kind.prefix}/x"
    cloud.bench.objects.bodies[key] = content
    kept = Redriver(None, None, cloud.bench.objects).show(key)  # type: ignore[arg-type]
    described(kept)
    assert all(isinstance(one.text, str) for one in records_in(kept))


# Redriving.


def test_poison_is_mended_and_applied_once(millrace: Commands, full: FakeCloud) -> None:
    key = key_of(full, Kind.POISON)
    done = millrace("quarantine", "redrive", key)
    assert (done.status, "still invalid" in done.out) == (1, True)
    before = full.bench.count()
    done = millrace("quarantine", "redrive", key, "--set", "metric=12.5", "--json")
    assert done.status == 0
    (one,) = done.document["objects"]
    assert (one["events"], one["done"]) == ({"applied now": 1}, True)
    assert full.bench.count() == before + 1
    assert full.sink.keys == ["u1"]
    assert f"redriven/{key}" in full.bench.objects.bodies
    full.bench.objects.bodies[key] = full.bench.objects.bodies[f"redriven/{key}"]
    done = millrace("quarantine", "redrive", key, "--set", "metric=12.5")
    assert (done.status, full.bench.count()) == (0, before + 1)
    assert "applied before" in done.out


def test_all_of_a_kind(millrace: Commands, full: FakeCloud) -> None:
    before = full.bench.count()
    done = millrace("quarantine", "redrive", "--all", "--kind", "late")
    assert (done.status, full.bench.count()) == (0, before + 1)
    assert "1 object (late 1); events: applied now" in done.out
    assert list(full.bench.objects.keys("late/")) == []


def test_everything_leaves_only_what_is_not_certain(millrace: Commands, full: FakeCloud) -> None:
    done = millrace("quarantine", "redrive", "--all", "--json")
    assert done.status == 1
    found = by_kind(done.document)
    assert {kind: one["done"] for kind, one in found.items()} == {
        "poison": False,
        "late": True,
        "gave-up": True,
        "failed": False,
    }
    # Poison in the failed batch has become an object of its own.
    left = by_kind(millrace("quarantine", "list", "--json").document)
    assert set(left) == {"poison", "failed"}
    assert left["failed"]["events"]["undetermined"] == 1


def test_a_dry_run_changes_nothing(millrace: Commands, full: FakeCloud) -> None:
    bodies, items = dict(full.bench.objects.bodies), dict(full.bench.store.items)
    done = millrace("quarantine", "redrive", "--all", "--dry-run")
    assert (done.status, "Nothing was changed: --dry-run." in done.out) == (1, True)
    done = millrace("quarantine", "redrive", "--all", "--kind", "late", "--dry-run", "--json")
    assert (done.status, done.document["dry_run"]) == (0, True)
    assert [one["done"] for one in done.document["objects"]] == [False]
    key = key_of(full, Kind.POISON)
    assert millrace("quarantine", "redrive", key, "--dry-run").status == 1
    assert millrace("quarantine", "redrive", key, "--set", "metric=1", "--dry-run").status == 0
    assert (full.bench.objects.bodies, full.bench.store.items) == (bodies, items)


def test_poison_in_a_failed_batch_keeps_no_dry_run_from_success(
    millrace: Commands, cloud: FakeCloud
) -> None:
    key = failed_batch(cloud.bench, record(b"rubbish", 1), record(document(2), 2))
    assert millrace("quarantine", "redrive", key, "--dry-run").status == 0
    done = millrace("quarantine", "redrive", key, "--json")
    assert done.status == 0
    assert done.document["events"] == {"applied now": 1, "now in quarantine": 1}


def test_one_that_is_damaged_stops_no_other(millrace: Commands, cloud: FakeCloud) -> None:
    bench = cloud.bench
    bench.run(record(document(600), 1), record(document(600, "u2"), 2))
    bench.run(record(document(0), 3), record(document(1, "u2"), 4))
    bench.store.items["u1"]["state"] = b"rubbish"
    done = millrace("quarantine", "redrive", "--all")
    assert (done.status, bench.count("u2")) == (1, 2)
    assert "1 object cannot be redriven" in done.out


def test_a_service_that_is_down_ends_it_and_it_can_be_run_again(
    millrace: Commands, cloud: FakeCloud
) -> None:
    bench = cloud.bench
    bench.run(*[record(document(600, f"u{n}"), n) for n in range(1, 6)])
    bench.run(*[record(document(0, f"u{n}"), 10 + n) for n in range(1, 6)])
    bench.store.fail_reads = lambda key: key == "u3"
    done = millrace("quarantine", "redrive", "--all", "--json")
    assert (done.status, done.document["not_tried"]) == (1, 2)
    assert done.document["objects"][-1]["problem"] == "no answer for u3"
    assert "2 objects were not tried" in millrace("quarantine", "redrive", "--all").err
    bench.store.fail_reads = lambda key: False
    assert millrace("quarantine", "redrive", "--all").status == 0
    assert [bench.count(f"u{n}") for n in range(1, 6)] == [2] * 5


def test_a_person_is_asked_before_all_of_it(millrace: Commands, full: FakeCloud) -> None:
    millrace.attended = True
    before = full.bench.count()
    done = millrace("quarantine", "redrive", "--all", "--kind", "late", stdin="n\n")
    assert (done.status, full.bench.count()) == (1, before)
    assert "stack millrace: late 1; events: missing" in done.err
    assert "Redrive them? [y/N]" in done.err
    done = millrace("quarantine", "redrive", "--all", "--kind", "late", "--json", stdin="y\n")
    assert (done.status, full.bench.count()) == (0, before + 1)
    assert done.document["events"] == {"applied now": 1}
    done = millrace("quarantine", "redrive", "--all", "--kind", "gave-up", "--yes")
    assert (done.status, full.bench.count()) == (0, before + 2)
    key = key_of(full, Kind.POISON)
    assert millrace("quarantine", "redrive", key, "--set", "metric=1").status == 0


def test_a_key_that_is_given_twice_is_redriven_once(millrace: Commands, full: FakeCloud) -> None:
    key = key_of(full, Kind.LATE)
    done = millrace("quarantine", "redrive", key, key, "--json")
    assert (done.status, len(done.document["objects"])) == (0, 1)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "Name what to redrive: one KEY or more, or --all."),
        (["late/x", "--all"], "Name what to redrive"),
        (["late/x", "--kind", "late"], "--kind chooses among --all"),
        (["late/x", "--set", "a=1"], "--set mends poison only"),
        (["--all", "--set", "a=1"], "--set mends poison only"),
        (["--all", "--kind", "late", "--set", "a=1"], "--set mends poison only"),
        (["quarantine/x", "--set", "metric"], "--set 'metric': must be FIELD=VALUE"),
        (["quarantine/x", "--set", "a..b=1"], "must be FIELD=VALUE"),
        (["--all", "--kind", "bad"], "--kind"),
    ],
)
def test_wrong_choices_are_named(millrace: Commands, arguments: list[str], problem: str) -> None:
    done = millrace("quarantine", "redrive", *arguments)
    assert (done.status, done.out, millrace.targets) == (2, "", [])
    assert problem in done.err


def test_values_are_json_or_text() -> None:
    changes = ["a=12.5", "b=x y", 'c="7"', "d.e=null", "f=", "g=a=b", "h=007", "i=NaN"]
    assert _parsed(changes) == {
        "a": 12.5,
        "b": "x y",
        "c": "7",
        "d.e": None,
        "f": "",
        "g": "a=b",
        "h": "007",
        "i": "NaN",
    }


def test_what_does_not_answer_is_the_last_that_is_tried(cloud: FakeCloud) -> None:
    def down(key: str) -> Any:
        raise Unavailable("down")

    cloud.bench.objects.bodies |= {"late/a": b"{}", "late/b": b"{}"}
    redriver = Redriver(None, None, cloud.bench.objects)  # type: ignore[arg-type]
    (one,) = redriven(["late/a", "late/b"], redriver, down)
    assert (one.key, one.problem, one.settled) == ("late/a", "down", False)
