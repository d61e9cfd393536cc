"""What was put away comes back once, and only where it is certain that it is missing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

import pytest
from millrace.errors import QuarantineError, Unavailable
from millrace.events import EventReader
from millrace.features.batch import BatchReader
from millrace.features.certainty import (
    APPLIED,
    HOLE,
    INVALID,
    KNOWN,
    MISSING,
    QUARANTINED,
    UNDETERMINED,
)
from millrace.features.redrive import Redriver

from tests.features.streaming import NOW_MS, Bench, Record, document, record

HOUR_MS = 3_600_000


def redriver(bench: Bench) -> Redriver:
    reader = BatchReader(EventReader(bench.definitions), bench.streams)
    return Redriver(reader, bench.store, bench.objects)


def only(keys: Iterator[str]) -> str:
    (key,) = keys
    return key


def failed_batch(bench: Bench, *records: Record) -> str:
    """What Lambda leaves of a batch that it gave up on."""
    key = f"aws/lambda/mapping/shardId-000000000000/{len(bench.objects.bodies)}"
    content = {"version": "1.0", "payload": json.dumps({"Records": records})}
    bench.objects.bodies[key] = json.dumps(content).encode()
    return key


# Trap 3: give-up, later success, redrive twice, after the lateness.


def stuck(warm: bool = True) -> Bench:
    """A user of whom two events were given up, and later ones went on."""
    bench = Bench(give_up_after_ms=HOUR_MS)
    bench.run(record(document(0), 100), record(document(0, "u2", eventId="x"), 101))
    bench.store.fail_writes = lambda key: key == "u1"
    lost = [record(document(n), 100 + n, arrival_ms=NOW_MS) for n in (2, 3)]
    assert bench.run(*lost, now_ms=NOW_MS + HOUR_MS - 1).failed == ["102"], "too young to give up"
    assert bench.run(*lost, now_ms=NOW_MS + HOUR_MS).gave_up == 2
    bench.store.fail_writes = lambda key: False
    if not warm:
        bench.restart()
    # Twenty minutes of event time later: far beyond the lateness.
    bench.run(record(document(1200), 200))
    return bench


@pytest.mark.parametrize("warm", [True, False])
def test_3_a_hole_is_filled_once_whatever_the_lateness(warm: bool) -> None:
    bench = stuck(warm)
    assert bench.count() == 2
    assert len(bench.entry().holes) == 1
    key = only(redriver(bench).pending())
    kept = bench.objects.bodies[key]
    assert redriver(bench).judge(key) == {MISSING: 2}
    assert redriver(bench).redrive(key) == {APPLIED: 2}
    assert (bench.count(), bench.entry().holes) == (4, ())
    # Somebody puts the object back and redrives it again; the batch comes again as well.
    bench.objects.bodies[key] = kept
    assert redriver(bench).redrive(key) == {KNOWN: 2}
    bench.restart()
    bench.run(*[record(document(n), 100 + n) for n in (2, 3)])
    assert bench.count() == 4
    straight = Bench()
    numbers = (0, 2, 3, 1200)
    straight.run(*[record(document(n), 100 + n) for n in numbers])
    assert straight.entry().profile.sessions.starts_ms == bench.entry().profile.sessions.starts_ms


def test_giving_up_keeps_the_records_before_it_passes_over_them() -> None:
    bench = Bench(give_up_after_ms=0)
    bench.store.fail_writes = lambda key: True
    bench.objects.down = True
    assert bench.run(record(document(1), 1)).failed == ["1"]
    assert not bench.store.items
    bench.objects.down = False
    # The give-up is a write too; until it succeeds the record goes on coming.
    assert bench.run(record(document(1), 1)).failed == ["1"]
    bench.store.fail_writes = lambda key: key == "u1"
    assert bench.run(record(document(1), 1)).answer == {"batchItemFailures": []}
    assert len(bench.entry().holes) == 1


def test_without_the_setting_retries_do_not_end() -> None:
    bench = Bench()
    bench.store.fail_writes = lambda key: True
    assert bench.run(record(document(1), 1), now_ms=NOW_MS + 10**12).failed == ["1"]


def test_a_damaged_state_can_be_given_up() -> None:
    bench = Bench(give_up_after_ms=0)
    bench.run(record(document(1), 1))
    bench.restart()
    bench.store.items["u1"]["state"] = b"rubbish"
    report = bench.run(record(document(2), 2), record(document(3, "u2"), 3))
    assert (report.gave_up, report.applied, report.failed) == (1, 1, [])
    assert "rubbish" not in str(report.problems)
    assert bench.store.items["u1"]["watermark"].endswith("/0/2/0")


# Poison and late events.


def test_poison_is_mended_and_applied_once() -> None:
    bench = Bench()
    bench.run(record(document(1, metric="much"), 1), record(document(2), 2))
    bench.run(record(document(1200), 3))
    key = only(redriver(bench).pending(["quarantine"]))
    kept = bench.objects.bodies[key]
    assert redriver(bench).redrive(key) == {INVALID: 1}
    assert key in bench.objects.bodies, "still to be mended"
    assert redriver(bench).judge(key, {"metric": 5}) == {MISSING: 1}
    assert redriver(bench).redrive(key, {"metric": 5}) == {APPLIED: 1}
    assert (bench.count(), key in bench.objects.bodies) == (3, False)
    bench.objects.bodies[key] = kept
    assert redriver(bench).redrive(key, {"metric": 5}) == {KNOWN: 1}
    assert bench.count() == 3


def test_two_copies_of_poison_with_one_id_are_applied_once() -> None:
    bench = Bench()
    bench.run(*[record(document(1, metric="much"), n) for n in (1, 2)])
    bench.run(record(document(1200), 3))
    results: Counter[str] = Counter()
    for key in list(redriver(bench).pending()):
        results += redriver(bench).redrive(key, {"metric": 5})
    assert results == {APPLIED: 1, KNOWN: 1}
    assert bench.count() == 2


def test_poison_that_came_well_in_the_meantime_is_known_by_its_id() -> None:
    bench = Bench()
    bench.run(record(document(1, metric="much"), 1), record(document(1), 2))
    key = only(redriver(bench).pending())
    assert redriver(bench).redrive(key, {"metric": 5}) == {KNOWN: 1}
    assert bench.count() == 1


def test_what_cannot_be_placed_cannot_be_redriven() -> None:
    bench = Bench()
    bench.run({"no": "record"}, record(document(1), 5))
    key = only(redriver(bench).pending())
    with pytest.raises(QuarantineError, match="never a whole record"):
        redriver(bench).redrive(key)
    assert bench.count() == 1


def test_a_late_event_is_kept_and_can_be_applied_after_all() -> None:
    bench = Bench()
    late = record(document(0, eventId=None), 2)
    report = bench.run(record(document(600), 1), late, record(document(599), 3))
    assert (report.late, bench.count()) == (1, 2)
    key = only(redriver(bench).pending(["late"]))
    assert redriver(bench).redrive(key) == {APPLIED: 1}
    assert (bench.count(), bench.entry().profile.late) == (3, 1)


def test_a_late_copy_of_what_was_applied_is_never_guessed_to_be_missing() -> None:
    bench = Bench()
    for sequence, number in enumerate((0, 600, 0), start=1):
        bench.run(record(document(number), sequence))
    key = only(redriver(bench).pending(["late"]))
    assert redriver(bench).judge(key) == {UNDETERMINED: 1}
    assert redriver(bench).redrive(key) == {UNDETERMINED: 1}
    assert (bench.count(), key in bench.objects.bodies) == (2, True)


def test_a_late_event_with_an_id_is_applied_once_on_the_operators_word() -> None:
    bench = Bench()
    bench.run(record(document(600), 1))
    bench.run(record(document(0), 2))
    bench.run(record(document(0), 3))
    results: Counter[str] = Counter()
    for key in list(redriver(bench).pending(["late"])):
        assert redriver(bench).judge(key, as_missing=True) == {MISSING: 1}
        results += redriver(bench).redrive(key, as_missing=True)
    assert results == {APPLIED: 1, KNOWN: 1}
    assert (bench.count(), list(redriver(bench).pending())) == (2, [])


def test_a_late_event_that_a_redrive_has_brought_back_is_known_by_the_ledger() -> None:
    bench = Bench()
    bench.run(record(document(600), 1), record(document(0), 2))
    key = only(redriver(bench).pending(["late"]))
    kept = bench.objects.bodies[key]
    bench.run(record(document(0, metric="much"), 3))
    poison = only(redriver(bench).pending(["quarantine"]))
    assert redriver(bench).redrive(poison, {"metric": 1}) == {APPLIED: 1}
    assert kept == bench.objects.bodies[key]
    assert redriver(bench).redrive(key, as_missing=True) == {KNOWN: 1}
    assert bench.count() == 2


def test_a_late_event_counts_only_once_it_is_kept() -> None:
    bench = Bench()
    bench.objects.down = True
    batch = [record(document(600), 1), record(document(0), 2)]
    assert bench.run(*batch).failed == ["1"]
    assert bench.store.items == {}
    bench.objects.down = False
    assert bench.run(*batch).late == 1
    assert bench.entry().profile.late == 1


# Batches that Lambda gave up on.


def test_a_failed_batch_above_the_watermark_is_missing() -> None:
    bench = Bench()
    bench.run(record(document(1), 1))
    key = failed_batch(bench, *[record(document(n), n) for n in (2, 3)])
    kept = bench.objects.bodies[key]
    assert redriver(bench).redrive(key) == {APPLIED: 2}
    bench.objects.bodies[key] = kept
    assert redriver(bench).redrive(key) == {KNOWN: 2}
    assert bench.count() == 3


def test_below_the_watermark_only_an_id_within_memory_proves_anything() -> None:
    bench = Bench()
    bench.run(record(document(1), 1), record(document(600), 10))
    key = failed_batch(
        bench,
        record(document(2), 2),  # long before what is remembered
        record(document(590), 3),  # within it, and not among the remembered
        record(document(600), 4),  # remembered
        record(document(595, eventId=None), 5),  # no id at all
    )
    expected = {UNDETERMINED: 2, MISSING: 1, KNOWN: 1}
    assert redriver(bench).judge(key) == expected
    for _ in range(2):
        redriver(bench).redrive(key)
        assert bench.count() == 3
    assert redriver(bench).judge(key) == {UNDETERMINED: 2, KNOWN: 2}
    assert key in bench.objects.bodies, "what is undetermined stays listed"


def test_a_failed_batch_inside_a_hole_is_left_to_the_hole() -> None:
    bench = stuck()
    key = failed_batch(bench, *[record(document(n), 100 + n) for n in (2, 3)])
    assert redriver(bench).judge(key) == {HOLE: 2}


def test_poison_in_a_failed_batch_goes_to_quarantine() -> None:
    bench = Bench()
    key = failed_batch(bench, record(b"rubbish", 1), record(document(2), 2))
    assert redriver(bench).redrive(key) == {QUARANTINED: 1, APPLIED: 1}
    assert [kept["reason"] for kept in bench.objects.records()] == ["not-json"]
    assert key not in bench.objects.bodies


def test_the_store_may_fail_at_any_moment_of_a_redrive() -> None:
    bench = stuck()
    key = only(redriver(bench).pending())
    bench.store.lose_answers = lambda key: True
    with pytest.raises(Unavailable):
        redriver(bench).redrive(key)
    bench.store.lose_answers = lambda key: False
    assert redriver(bench).redrive(key) == {KNOWN: 2}
    assert bench.count() == 4


@pytest.mark.parametrize("key", ["quarantine/none.json", "elsewhere/x", ""])
def test_an_unknown_key_is_named(key: str) -> None:
    with pytest.raises(QuarantineError, match=key or "''"):
        redriver(Bench()).redrive(key)
