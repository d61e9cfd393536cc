"""Figures by hand, slices in order, thresholds where they belong."""

from __future__ import annotations

from array import array

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.errors import ConfigurationError
from millrace.features.definitions import load
from millrace.features.plan import plans_of

from model.baselines import one_feature
from model.matrix import feature_names, matrix, varies
from model.measures import best_threshold, calibration, measured
from model.rows import Row
from model.slices import sliced
from model.target import Target
from tests.features.conftest import SHIPPED

TARGET = Target.parse("buy", "10m")


def test_measures_by_hand() -> None:
    said = np.array([0.9, 0.8, 0.4, 0.2])
    came = np.array([True, False, True, False])
    found = measured(said, came)
    assert found.roc_auc == pytest.approx(3 / 4)
    assert found.pr_auc == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert found.log_loss == pytest.approx(-np.log([0.9, 0.2, 0.4, 0.8]).mean())
    assert found.brier == pytest.approx(np.mean([0.01, 0.64, 0.36, 0.04]))
    assert found.calibration_error == pytest.approx(np.mean([0.1, 0.8, 0.6, 0.2]))


def test_a_constant_is_one_bin_and_no_ranking() -> None:
    found = measured(np.full(100, 0.25), np.arange(100) < 30)
    assert found.roc_auc == 0.5
    assert found.pr_auc == pytest.approx(0.3)
    assert found.calibration_error == pytest.approx(0.05)
    assert len(calibration(np.full(100, 0.25), np.arange(100) < 30)) == 1


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.5, 0.9]), st.booleans()), min_size=1))
def test_bins_hold_every_row_once_and_equal_ones_together(rows: list[tuple[float, bool]]) -> None:
    said = np.array([row[0] for row in rows])
    came = np.array([row[1] for row in rows])
    bins = calibration(said, came)
    assert sum(found.rows for found in bins) == len(rows)
    assert sum(found.rows * found.observed for found in bins) == pytest.approx(came.sum())
    predicted = [found.predicted for found in bins]
    assert predicted == sorted(set(predicted))


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=30))
def test_the_threshold_is_the_best_of_all(rows: list[tuple[int, bool]]) -> None:
    said = np.array([row[0] / 5 for row in rows])
    came = np.array([row[1] for row in rows])

    def f1(threshold: float) -> float:
        yes = said >= threshold
        return 2 * float((yes & came).sum()) / float(yes.sum() + came.sum())

    best = best_threshold(said, came)
    assert best in said
    assert f1(best) == pytest.approx(max(f1(one) for one in said))


def row(at_ms: int, positive: bool, **features: float) -> Row:
    return Row("u", at_ms, tuple(features), array("d", features.values()), 0, positive)


def rows(count: int, step_ms: int = 60_000) -> list[Row]:
    return [row(n * step_ms, n % 2 == 0) for n in range(count)]


def test_slices_are_in_order_and_no_label_looks_into_the_next() -> None:
    everything = rows(500)
    fit, tune, measure = sliced(everything, TARGET)
    # At a row a minute, ten minutes before a slice look into it.
    assert (len(fit), len(tune), len(measure)) == (300 - 10, 100 - 10, 100)
    assert fit[-1].at_ms + TARGET.within_ms < tune[0].at_ms
    assert tune[-1].at_ms + TARGET.within_ms < measure[0].at_ms
    assert measure[-1] == everything[-1]


@pytest.mark.parametrize(
    "everything",
    [
        [row(0, True)],
        rows(120),
        [row(n * 60_000, n > 200) for n in range(500)],
        [row(n * 60_000, False) for n in range(500)],
        [row(n, n % 2 == 0) for n in range(500)],
    ],
    ids=["one", "few", "only later ones", "none", "within the time to look ahead"],
)
def test_too_little_is_refused_with_the_remedy(everything: list[Row]) -> None:
    with pytest.raises(ConfigurationError, match=r"too short for 'buy within 10m'.*--target"):
        sliced(everything, TARGET)


def test_no_rows_at_all_are_too_few() -> None:
    with pytest.raises(ConfigurationError, match="too short"):
        sliced([], TARGET)


def test_columns_are_the_features_by_name_and_what_a_row_lacks_is_missing() -> None:
    found = matrix(
        [
            row(0, True, count_5m=1.0, recency_s=float("nan")),
            row(1, False, **{"recency_s": 3.0, "count_5m.buy": 4.0, "count_5m.odd": 5.0}),
        ],
        ("recency_s", "count_5m.buy", "count_5m"),
    )
    assert found.values == pytest.approx(
        np.array([[np.nan, np.nan, 1.0], [3.0, 4.0, np.nan]]), nan_ok=True
    )
    assert found.labels.tolist() == [True, False]


def test_features_that_never_vary_are_left_out_and_types_are_the_commonest() -> None:
    plan = plans_of(load(SHIPPED))[0]
    names = plan.names(tuple(f"t{n:02d}" for n in range(40)))
    varying = {name: float(n) for n, name in enumerate(names)}
    plain = {name: value + 1 for name, value in varying.items() if ".t0" in name or "." not in name}
    plain["recency_s"] = varying["recency_s"]
    found = feature_names([row(0, True, **varying), row(1, False, **plain)], plan)
    assert "recency_s" not in found
    types = {name.partition(".")[2] for name in found} - {""}
    # Of all 40 types those that vary are t00 to t09; they are the commonest as well.
    assert types == {f"t{n:02d}" for n in range(10)}
    wide = [row(n, True, **{name: value + n for name, value in varying.items()}) for n in (0, 1)]
    kept = {name.partition(".")[2] for name in feature_names(wide, plan)} - {""}
    assert kept == {f"t{n:02d}" for n in range(plan.entity.max_types)}


def test_nothing_that_varies_is_nothing_to_learn_from() -> None:
    plan = plans_of(load(SHIPPED))[0]
    same = dict.fromkeys(plan.names_of_all, 1.0)
    with pytest.raises(ConfigurationError, match="No feature varies"):
        feature_names([row(0, True, **same), row(1, False, **same)], plan)


def test_what_varies() -> None:
    nan = float("nan")
    assert varies(np.array([nan, 1.0, 2.0]))
    assert not varies(np.array([nan, 1.0, 1.0]))
    assert not varies(np.array([nan, nan]))


def test_a_rule_on_one_feature_is_calibrated_and_handles_what_is_missing() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=3_000)
    values[:600] = np.nan
    labels = rng.random(3_000) < np.where(np.isnan(values), 0.9, np.where(values > 0, 0.6, 0.1))
    said = one_feature(values, labels)(np.array([np.nan, 2.0, -2.0]))
    assert said == pytest.approx([0.9, 0.6, 0.1], abs=0.06)
    constant = one_feature(np.full(100, 3.0), np.arange(100) < 25)
    assert constant(np.array([1.0, np.nan])).tolist() == [0.25, 0.25]
