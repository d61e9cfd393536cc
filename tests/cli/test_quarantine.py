"""`millrace quarantine`: all is listed, nothing is guessed, and what is done is done once."""

from __future__ import annotations

import pytest
from millrace.features.redrive import Redriver

from cli.kept_objects import Kind, described, records_in
from tests.cli.fakes import Commands, FakeCloud
from tests.cli.making import by_kind, failed_batch, key_of
from tests.features.streaming import document, record

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
