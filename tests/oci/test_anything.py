"""Whatever comes, in whatever pieces: no crash, no lost row, and nothing counted twice."""

from __future__ import annotations

import json
import math
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from millrace.anomaly.metrics import LARGEST

from tests.oci.making import NOW_MS, STEP_S, Kept, event, payload, record

numbers = st.floats(-LARGEST, LARGEST, exclude_min=True, exclude_max=True) | st.integers(-10, 10)
anything = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=5,
)
fields = st.sampled_from(["id", "time", "metric", "series"])
events = st.dictionaries(fields, anything | st.sampled_from([1, "a", "2026-01-01T00:00:00Z"]))


@settings(max_examples=100, deadline=None)
@given(st.lists(events | anything, max_size=12))
def test_every_record_is_stored_kept_or_a_repetition(documents: list[Any]) -> None:
    kept = Kept()
    records = [record(json.dumps(one).encode(), i) for i, one in enumerate(documents)]
    answer = kept.handle(records)
    stored, duplicates = answer["stored"], answer.get("duplicates", 0)
    assert isinstance(stored, int)
    assert isinstance(duplicates, int)
    ((poison,),) = kept.rows("SELECT COUNT(*) FROM quarantine")
    assert stored + duplicates + poison == len(documents) == answer["events"]
    before = kept.results()
    kept.handle(records)
    assert kept.results() == before


@settings(max_examples=20, deadline=None)
@given(st.lists(numbers, min_size=1, max_size=40), st.integers(0, 1000))
def test_no_magnitude_breaks_a_series(extremes: list[float], seed: int) -> None:
    rng = random.Random(seed)
    values = [rng.gauss(50, 1) for _ in range(150)] + extremes
    kept = Kept()
    answer = kept.handle([record(event(i, v), i) for i, v in enumerate(values)])
    assert answer["stored"] == len(values)
    for score, first, second in kept.rows("SELECT score, feature1, feature2 FROM raw_events"):
        assert all(n is None or (math.isfinite(n) and abs(n) < 1e126) for n in (first, second))
        assert score is None or math.isfinite(score)
    digest = kept.store.claim_digest(NOW_MS)
    if digest is not None:
        json.loads(digest.body, parse_constant=_refused)


def _refused(name: str) -> float:
    raise AssertionError(f"{name} is no JSON")


def test_a_gap_of_years_and_one_time_again_and_again() -> None:
    kept = Kept()
    documents = [event(i, 50 + i % 5) for i in range(200)]
    documents += [event(10_000_000 // STEP_S, 50) | {"id": f"same-{i}"} for i in range(50)]
    assert kept.pipeline.handle(
        payload([record(one, i) for i, one in enumerate(documents)]), NOW_MS
    ).stored == len(documents)
