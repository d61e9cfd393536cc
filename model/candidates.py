"""The models that are tried. Each is fitted, calibrated on later rows, and exported.

Whatever the number of cores, they are fitted in one thread: sums in another order have other last
digits, and the same history must give the same model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from model.export import (
    Document,
    Line,
    check_same,
    linear_document,
    linear_inputs,
    scores,
    trees_document,
)
from model.matrix import Floats, Matrix


@dataclass(frozen=True, slots=True)
class Candidate:
    """A way to fit: `fit` gives the margins of any rows, and the document at a calibration."""

    name: str
    fit: Callable[[Matrix], Fitted]


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model before it is calibrated."""

    margins: Callable[[Floats], Floats]
    document: Callable[[Line], Document]


def calibrated(candidate: Candidate, fit: Matrix, tune: Matrix) -> tuple[Document, Floats]:
    """The model's document, fitted and then calibrated, and its probabilities on `tune`."""
    with threadpool_limits(1):
        fitted = candidate.fit(fit)
        margins = fitted.margins(tune.values)
        platt = LogisticRegression(C=np.inf).fit(margins.reshape(-1, 1), tune.labels)
        line = Line(float(platt.coef_[0, 0]), float(platt.intercept_[0]))
        document = fitted.document(line)
        expected = platt.predict_proba(margins.reshape(-1, 1))[:, 1]
    check_same(document, tune.values, expected)
    return document, scores(document, tune.values)


def _boosting(**settings: Any) -> Callable[[Matrix], Fitted]:  # noqa: ANN401  scikit-learn's
    def fit(rows: Matrix) -> Fitted:
        model = HistGradientBoostingClassifier(early_stopping=False, random_state=0, **settings)
        model.fit(rows.values, rows.labels)
        return Fitted(model.decision_function, lambda line: trees_document(model, line))

    return fit


def _logistic(strength: float) -> Callable[[Matrix], Fitted]:
    def fit(rows: Matrix) -> Fitted:
        scaler = StandardScaler()
        inputs = scaler.fit_transform(linear_inputs(rows.values))
        model = LogisticRegression(C=strength, max_iter=2000).fit(inputs, rows.labels)
        return Fitted(
            lambda values: model.decision_function(scaler.transform(linear_inputs(values))),
            lambda line: linear_document(model, scaler.mean_, scaler.scale_, line),
        )

    return fit


CANDIDATES = (
    Candidate("logistic regression", _logistic(0.1)),
    Candidate(
        "boosted trees, shallow",
        _boosting(max_iter=120, learning_rate=0.05, max_leaf_nodes=4, min_samples_leaf=60),
    ),
    Candidate(
        "boosted trees, medium",
        _boosting(max_iter=150, learning_rate=0.05, max_leaf_nodes=8, min_samples_leaf=40),
    ),
    Candidate(
        "boosted trees, deep",
        _boosting(max_iter=250, learning_rate=0.05, max_leaf_nodes=24, min_samples_leaf=30),
    ),
)
