"""`millrace quarantine redrive`: what is certainly missing is applied, once."""

from __future__ import annotations

from typing import Any

import pytest
from millrace.errors import Unavailable
from millrace.features.redrive import Redriver

from cli.judging import redriven
from cli.kept_objects import Kind
from cli.redriving import fields_of
from tests.cli.fakes import Commands, FakeCloud
from tests.cli.making import by_kind, failed_batch, key_of
from tests.features.streaming import document, record


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


def test_what_is_done_is_said_to_be_done(millrace: Commands, full: FakeCloud) -> None:
    key = key_of(full, Kind.LATE)
    assert millrace("quarantine", "redrive", key).status == 0
    before = full.bench.count()
    again = millrace("quarantine", "redrive", key)
    assert (again.status, full.bench.count()) == (0, before)
    assert "was redriven before: nothing of it is left in quarantine" in again.out
    assert "cannot be redriven" not in again.out
    for options in ((), ("--dry-run",)):
        document = millrace("quarantine", "redrive", key, "--json", *options).document
        (one,) = document["objects"]
        assert (one["redriven_before"], one["problem"], one["events"]) == (True, None, {})
        assert one["done"] is not bool(options)
    shown = millrace("quarantine", "show", key)
    assert shown.status == 1
    assert f"{key!r} was redriven before: it is 'redriven/{key}' now.\n" in shown.err


def test_what_was_never_there_was_not_redriven(millrace: Commands, full: FakeCloud) -> None:
    full.bench.objects.bodies["redriven/late/none.json.more"] = b"{}"
    done = millrace("quarantine", "redrive", "late/none.json", "--json")
    (one,) = done.document["objects"]
    assert (done.status, one["done"], one["redriven_before"]) == (1, False, False)
    assert one["problem"] == "No object 'late/none.json'."


def test_a_damaged_object_is_damaged_whatever_was_redriven_before(
    millrace: Commands, full: FakeCloud
) -> None:
    full.bench.objects.bodies |= {"late/x.json": b"{", "redriven/late/x.json": b"{}"}
    done = millrace("quarantine", "redrive", "late/x.json")
    assert (done.status, "is not JSON" in done.out) == (1, True)


def test_all_of_a_kind(millrace: Commands, full: FakeCloud) -> None:
    before = full.bench.count()
    done = millrace("quarantine", "redrive", "--all", "--kind", "late")
    assert (done.status, full.bench.count()) == (0, before + 1)
    assert "1 object (late 1); events: applied now" in done.out
    assert list(full.bench.objects.keys("late/")) == []


def test_late_events_with_ids_wait_for_the_operators_word(
    millrace: Commands, cloud: FakeCloud
) -> None:
    bench = cloud.bench
    bench.run(record(document(600), 1), record(document(0), 2))
    options = ("quarantine", "redrive", "--all", "--kind", "late")
    done = millrace(*options)
    assert (done.status, bench.count()) == (1, 1)
    assert "undetermined" in done.out
    assert "--as-missing" in done.out
    done = millrace(*options, "--as-missing", "--dry-run", "--json")
    assert (done.status, done.document["events"]) == (0, {"missing": 1})
    done = millrace(*options, "--as-missing", "--json")
    assert (done.status, done.document["events"]) == (0, {"applied now": 1})
    assert bench.count() == 2


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
    bench.run(record(document(0, eventId=None), 3), record(document(1, "u2", eventId=None), 4))
    bench.store.items["u1"]["state"] = b"rubbish"
    done = millrace("quarantine", "redrive", "--all")
    assert (done.status, bench.count("u2")) == (1, 2)
    assert "1 object cannot be redriven" in done.out


def test_a_service_that_is_down_ends_it_and_it_can_be_run_again(
    millrace: Commands, cloud: FakeCloud
) -> None:
    bench = cloud.bench
    bench.run(*[record(document(600, f"u{n}"), n) for n in range(1, 6)])
    bench.run(*[record(document(0, f"u{n}", eventId=None), 10 + n) for n in range(1, 6)])
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
        (["quarantine/x", "--as-missing"], "--as-missing is for late events"),
        (["--all", "--as-missing"], "--as-missing is for late events"),
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
    assert fields_of(changes, "metric=1") == {
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
