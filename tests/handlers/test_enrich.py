"""The enrich function as it is deployed: whatever comes, it answers, and nothing is lost."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from millrace.features.plan import Plan

from tests.features.services import failing
from tests.handlers.malformed import PLANS, deep, delivered, event, raw_json
from tests.handlers.malformed import Plan as Wrong
from tests.handlers.running_handlers import ARN, ROOT, SHARED, Handlers

_users = itertools.count()


def new_user() -> str:
    return f"tester-{next(_users)}"


# What is no batch at all.


@pytest.mark.parametrize(
    "event_",
    [None, 5, "text", [], {}, {"Records": None}, {"Records": {}}, {"Records": 5}, {"Records": []}],
)
def test_what_is_no_batch_is_answered(handlers: Handlers, event_: object) -> None:
    assert handlers.call("enrich", event_) == (None, {"batchItemFailures": []})


@pytest.mark.parametrize(
    "path", sorted((ROOT / "events/enrich").glob("*.json")), ids=lambda p: p.stem
)
def test_every_sample_event_is_taken(handlers: Handlers, plan: Plan, path: Path) -> None:
    before = handlers.kept()
    sample = json.loads(path.read_text())
    for one in sample["Records"]:
        one["eventSourceARN"] = ARN
    assert handlers.enrich(sample["Records"]) == []
    assert handlers.kept() == before


# One thing wrong at a time.

BROKEN: list[tuple[bytes, str]] = [
    (b"{not json", "not-json"),
    (b"[1]", "not-an-object"),
    (b"\xff\xfe{}", "not-json"),
    (raw_json(event("x", 1, metric=float("nan"))), "not-json"),
    (raw_json(event("x", 1, metric=float("inf"))), "not-json"),
    (raw_json(event("x", 1, metric="much")), "invalid-metric"),
    (raw_json(event("x", 1, timestamp="1969-12-31T00:00:00Z")), "invalid-timestamp"),
    (raw_json(event("x", 1, timestamp=4e12)), "from-the-future"),
    (raw_json(event("x", 1, timestamp=1e300)), "invalid-timestamp"),
    (raw_json({"userId": "x", "eventId": "1"}), "invalid-timestamp"),
    (raw_json(event("", 1)), "invalid-userId"),
    (raw_json({**event("x", 1), "userId": "\ud800"}), "not-json"),
    (raw_json(event("x", 1, eventType="\0")), "invalid-eventType"),
    (deep(3000), "not-json"),
    (b'{"a":"' + b"x" * 1_000_000 + b'"}', "invalid-timestamp"),
]


@pytest.mark.parametrize(("data", "reason"), BROKEN, ids=[reason for _, reason in BROKEN])
def test_poison_is_kept_whole_and_the_others_go_on(
    handlers: Handlers, plan: Plan, data: bytes, reason: str
) -> None:
    user, before = new_user(), handlers.kept()
    numbers = [next(handlers.numbers) for _ in range(3)]
    batch = [
        delivered(event(user, 1), numbers[0], user),
        delivered(data, numbers[1], user),
        delivered(event(user, 2), numbers[2], user),
    ]
    assert handlers.enrich(batch) == []
    assert handlers.accepted(plan, user) == {user: 2}
    (key,) = handlers.kept() - before
    kept = handlers.object(key)
    assert (kept["reason"], kept["sequenceNumber"]) == (reason, str(numbers[1]))
    assert kept["data"] == batch[1]["kinesis"]["data"]
    assert f"{numbers[1]:056d}" in key
    assert handlers.enrich(batch) == [], "and again, to no effect"
    assert handlers.accepted(plan, user) == {user: 2}
    assert len(handlers.kept()) == len(before) + 1


# Everything wrong at once.


@settings(max_examples=50, suppress_health_check=SHARED)
@given(st.lists(st.tuples(st.sampled_from("abc"), PLANS), max_size=7))
def test_every_record_of_any_batch_is_accounted_for(
    handlers: Handlers, plan: Plan, story: list[tuple[str, Wrong]]
) -> None:
    names = {letter: new_user() for letter in "abc"}
    first = next(handlers.numbers)
    batch = []
    for number, (letter, wrong) in enumerate(story):
        sequence = first if number == 0 else next(handlers.numbers)
        batch.append(wrong.record(names[letter], number, sequence))
    before = handlers.kept()
    assert handlers.enrich(batch) == []
    good = Counter(names[letter] for letter, wrong in story if wrong.is_applied)
    assert handlers.accepted(plan, *names.values()) == {name: good[name] for name in names.values()}
    added = handlers.kept() - before
    placed = {int(Path(key).name[:56]) for key in added if "/unplaced/" not in key}
    assert placed >= {first + number for number, (_, w) in enumerate(story) if w.is_placed}
    # What has no place goes by its content: what is the same twice is there once.
    assert len(added) <= len(story) - good.total()
    if any(wrong.kind == "none" for _, wrong in story):
        assert any("/unplaced/" in key for key in handlers.kept())


# Services that fail: no partial write, and what was not done is named.


def test_a_table_that_refuses_brings_its_users_again(handlers: Handlers, plan: Plan) -> None:
    users = [new_user() for _ in range(3)]
    numbers = [next(handlers.numbers) for _ in users]
    batch = [delivered(event(u, 1), n, u) for u, n in zip(users, numbers, strict=True)]
    handlers.services.fail("dynamodb", "PutItem", failing("ProvisionedThroughputExceededException"))
    assert handlers.enrich(batch) == [str(numbers[0])]
    assert handlers.accepted(plan, *users) == dict.fromkeys(users, 0)
    handlers.services.fail("dynamodb", "BatchGetItem", failing("InternalServerError"))
    assert handlers.enrich(batch) == [str(numbers[0])]
    handlers.services.heal()
    assert handlers.enrich(batch) == []
    assert handlers.accepted(plan, *users) == dict.fromkeys(users, 1)


def test_a_bucket_that_refuses_holds_poison_back(handlers: Handlers, plan: Plan) -> None:
    user = new_user()
    numbers = [next(handlers.numbers) for _ in range(2)]
    batch = [delivered(event(user, 1), numbers[0], user), delivered(b"{", numbers[1], user)]
    before = handlers.kept()
    handlers.services.fail("s3", "PutObject", failing("SlowDown"))
    assert handlers.enrich(batch) == [str(numbers[1])]
    assert handlers.accepted(plan, user) == {user: 1}
    # What has no number cannot be named, so the whole batch must fail, and nothing is written.
    other = new_user()
    unnamed = [delivered(event(other, 1), next(handlers.numbers), other), {"no": "record"}]
    error, _ = handlers.call("enrich", {"Records": unnamed})
    assert error == "Throttled"
    assert handlers.accepted(plan, other) == {other: 0}
    handlers.services.heal()
    assert handlers.kept() == before
    assert handlers.enrich(batch) == []
    assert handlers.enrich(unnamed) == []
    assert handlers.accepted(plan, user, other) == {user: 1, other: 1}
    assert len(handlers.kept()) == len(before) + 2


def test_a_megabyte_of_an_event_is_an_event(handlers: Handlers, plan: Plan) -> None:
    user = new_user()
    large = event(user, 1, note="x" * 1_040_000)
    batch = [
        delivered(large, next(handlers.numbers), user),
        delivered(event(user, 2, note={"list": [1] * 100_000}), next(handlers.numbers), user),
    ]
    assert handlers.enrich(batch) == []
    assert handlers.accepted(plan, user) == {user: 2}
    (entry,) = handlers.entries(plan, user).values()
    assert entry is not None
    assert entry.profile.late == 0


def test_a_late_event_is_kept_and_a_repetition_is_not(handlers: Handlers, plan: Plan) -> None:
    user, before = new_user(), handlers.kept()
    late = event(user, 9, timestamp=event(user, 1)["timestamp"] - 3600)
    batch = [
        delivered(one, next(handlers.numbers), user)
        for one in (event(user, 1), event(user, 2), event(user, 1), late)
    ]
    assert handlers.enrich(batch) == []
    (entry,) = handlers.entries(plan, user).values()
    assert entry is not None
    profile = entry.profile
    assert (profile.accepted, profile.duplicates, profile.late) == (2, 1, 1)
    (key,) = handlers.kept() - before
    assert key.startswith("late/user/events/")
