"""Plain-data models score as scikit-learn does, and what is damaged is refused."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.errors import ConfigurationError
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from model.candidates import CANDIDATES, Candidate, calibrated
from model.export import Line, check_same, linear_inputs, scores, trees_document
from model.matrix import Floats, Matrix
from model.scoring import scorer

SAME = {"slope": 1, "intercept": 0}
TREE: dict[str, Any] = {
    "kind": "trees",
    "start": 0.5,
    "trees": [
        {
            "feature": [0, None, 1, None, None],
            "threshold": [2.0, None, None, None, None],
            "missing_left": [True, None, False, None, None],
            "left": [1, None, 3, None, None],
            "right": [2, None, 4, None, None],
            "value": [0, 1.0, 0, 2.0, 3.0],
        }
    ],
    "calibration": SAME,
}
LINEAR: dict[str, Any] = {
    "kind": "linear",
    "start": -1.0,
    "weights": [2.0, 0.0],
    "missing": [0.25, 5.0],
    "calibration": SAME,
}


def made(rows: int, seed: int) -> Matrix:
    """Rows with gaps, of which the second feature is told by being there at all."""
    rng = np.random.default_rng(seed)
    values = np.exp(rng.normal(size=(rows, 5))) * rng.choice([1, 1000], size=(1, 5))
    values[rng.random((rows, 5)) < 0.2] = np.nan
    odds = np.nan_to_num(values[:, 0]) / 500 + 2.0 * np.isnan(values[:, 1]) - 1.5
    return Matrix(values, rng.random(rows) < 1 / (1 + np.exp(-odds)))


def boosted(rows: Matrix, trees: int) -> Any:
    with threadpool_limits(1):
        return HistGradientBoostingClassifier(max_iter=trees, random_state=0).fit(*rows)


def log_odds(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


@pytest.mark.parametrize(
    ("values", "margin"),
    [
        ([2.0, 0.0], 1.5),
        ([None, 0.0], 1.5),
        ([2.1, 1e300], 2.5),
        ([2.1, None], 3.5),
    ],
)
def test_a_tree_is_followed(values: list[float | None], margin: float) -> None:
    assert log_odds(scorer(TREE, 2).score(values)) == pytest.approx(margin)


def test_a_linear_model_adds_up_logarithms() -> None:
    model = scorer(LINEAR, 2)
    assert log_odds(model.score([np.e - 1, 7.0])) == pytest.approx(1.0)
    assert log_odds(model.score([1 - np.e, None])) == pytest.approx(2.0)
    assert log_odds(model.score([None, None])) == pytest.approx(4.25)


def test_calibration_moves_the_log_odds() -> None:
    model = scorer({**LINEAR, "calibration": {"slope": 0.5, "intercept": 3}}, 2)
    assert log_odds(model.score([0.0, 0.0])) == pytest.approx(2.5)


@given(
    st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=2),
    st.floats(-1e6, 1e6),
)
def test_a_score_is_a_probability_whatever_comes(values: list[float | None], slope: float) -> None:
    for document in (TREE, LINEAR):
        model = scorer({**document, "calibration": {"slope": slope, "intercept": 0}}, 2)
        assert 0 <= model.score(values) <= 1


@pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda candidate: candidate.name)
def test_every_candidate_is_calibrated_and_scores_as_scikit_learn_does(
    candidate: Candidate,
) -> None:
    """`calibrated` itself compares; here with the figures read back from JSON, on other rows."""
    fit, tune, other = (made(900, seed) for seed in range(3))
    document, said = calibrated(candidate, fit, tune)
    again = json.loads(json.dumps(document, allow_nan=False))
    with threadpool_limits(1):
        fitted = candidate.fit(fit)
    platt = LogisticRegression(C=np.inf).fit(
        fitted.margins(tune.values).reshape(-1, 1), tune.labels
    )
    expected = platt.predict_proba(fitted.margins(other.values).reshape(-1, 1))[:, 1]
    assert np.abs(scores(again, other.values) - expected).max() < 1e-12
    # Platt's line makes the mean of what is said that of what came.
    assert said.mean() == pytest.approx(tune.labels.mean(), abs=1e-4)
    assert scores(again, other.values)[other.labels].mean() > other.labels.mean() + 0.02


def test_a_split_on_nothing_but_being_missing_is_kept() -> None:
    """scikit-learn writes its threshold as infinity, which JSON has not."""
    values = np.array([[1.0], [np.nan]] * 200)
    values[::4] = 2.0
    labels = np.isnan(values[:, 0])
    fitted = boosted(Matrix(values, labels), trees=1)
    document = trees_document(fitted, Line(1, 0))
    assert None in [
        threshold
        for tree in document["trees"]
        for threshold, feature in zip(tree["threshold"], tree["feature"], strict=True)
        if feature is not None
    ]
    expected = fitted.predict_proba(values)[:, 1]
    check_same(document, values, expected)
    json.dumps(document, allow_nan=False)


def test_an_export_that_scores_otherwise_is_refused() -> None:
    fit = made(400, 0)
    fitted = boosted(fit, trees=5)
    document = trees_document(fitted, Line(1, 0))
    expected = fitted.predict_proba(fit.values)[:, 1]
    check_same(document, fit.values, expected)
    document["trees"][2]["value"] = [value * 1.01 for value in document["trees"][2]["value"]]
    with pytest.raises(ConfigurationError, match=r"scores are up to .* off: scikit-learn"):
        check_same(document, fit.values, expected)


def test_inputs_of_the_linear_model_are_logarithms_and_what_is_missing() -> None:
    values: Floats = np.array([[np.e - 1, np.nan], [0.0, 1 - np.e]])
    assert linear_inputs(values).tolist() == [[1.0, 0.0, 0.0, 1.0], [0.0, -1.0, 0.0, 0.0]]


def broken(document: dict[str, Any], **changes: Any) -> dict[str, Any]:
    found = copy.deepcopy(document)
    for path, value in changes.items():
        *folders, name = path.split("__")
        place: Any = found
        for folder in folders:
            place = place[int(folder) if folder.isdigit() else folder]
        place[name] = value
    return found


@pytest.mark.parametrize(
    "document",
    [
        broken(TREE, trees__0__feature=[2, None, 1, None, None]),
        broken(TREE, trees__0__feature=[-1, None, 1, None, None]),
        broken(TREE, trees__0__feature=[True, None, 1, None, None]),
        broken(TREE, trees__0__left=[0, None, 3, None, None]),
        broken(TREE, trees__0__right=[9, None, 4, None, None]),
        broken(TREE, trees__0__right=[-1, None, 4, None, None]),
        broken(TREE, trees__0__value=[0, 1.0, 0, float("nan"), 3.0]),
        broken(TREE, trees__0__threshold=["2", None, None, None, None]),
        broken(TREE, trees=None),
        broken(TREE, start="0"),
        broken(TREE, calibration={"slope": 1}),
        broken(LINEAR, weights=[1.0]),
        broken(LINEAR, missing=[1.0, None]),
        broken(LINEAR, start=float("inf")),
        broken(LINEAR, start=True),
    ],
)
def test_a_damaged_model_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="is damaged"):
        scorer(document, 2)


@pytest.mark.parametrize("kind", [None, "pickle", ["trees"]])
def test_another_kind_of_model_is_named(kind: object) -> None:
    with pytest.raises(ConfigurationError, match=r"of kind .*; this server knows linear, trees"):
        scorer({"kind": kind}, 2)
