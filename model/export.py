"""scikit-learn's models as the plain data that `scoring` reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from millrace.errors import ConfigurationError
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from model.matrix import Floats
from model.scoring import Value, scorer

Document = dict[str, Any]
_SAME = 1e-9


class Line(NamedTuple):
    """Calibration: the log odds are ``slope * margin + intercept``."""

    slope: float
    intercept: float


def trees_document(fitted: HistGradientBoostingClassifier, line: Line) -> Document:
    """Boosted trees."""
    # scikit-learn offers no other way to its trees; `check_same` notices when they change.
    trees = [_tree(predictors[0].nodes) for predictors in fitted._predictors]
    start = float(np.ravel(fitted._baseline_prediction)[0])
    return {"kind": "trees", "start": start, "trees": trees, "calibration": line._asdict()}


def _tree(nodes: Any) -> Document:  # noqa: ANN401  a structured array
    leaf = nodes["is_leaf"].astype(bool)
    if nodes["is_categorical"].any():
        raise ConfigurationError("Trees that split by category cannot be exported.")

    def column(name: str, convert: type) -> list[Any]:
        pairs = zip(leaf, nodes[name], strict=True)
        return [None if end else convert(value) for end, value in pairs]

    thresholds = column("num_threshold", float)
    return {
        "feature": column("feature_idx", int),
        "threshold": [None if value == np.inf else value for value in thresholds],
        "missing_left": column("missing_go_to_left", bool),
        "left": column("left", int),
        "right": column("right", int),
        "value": np.where(leaf, nodes["value"], 0.0).tolist(),
    }


def linear_document(
    fitted: LogisticRegression, means: Floats, scales: Floats, line: Line
) -> Document:
    """Logistic regression on `linear_inputs` that were standardised by these means and scales."""
    weights = fitted.coef_[0] / scales
    start = float(fitted.intercept_[0] - weights @ means)
    present, missing = np.split(weights, 2)
    return {
        "kind": "linear",
        "start": start,
        "weights": present.tolist(),
        "missing": missing.tolist(),
        "calibration": line._asdict(),
    }


def linear_inputs(values: Floats) -> Floats:
    """Per feature its signed logarithm, 0 where it is missing; then whether it is missing."""
    missing = np.isnan(values)
    logarithms = np.sign(values) * np.log1p(np.abs(values))
    return np.hstack([np.where(missing, 0.0, logarithms), missing.astype(np.float64)])


def check_same(document: Mapping[str, Any], values: Floats, expected: Floats) -> None:
    """Refuse a document that does not score as the model does that it was made from."""
    found = scores(document, values)
    worst = float(np.abs(found - expected).max())
    if not worst <= _SAME:
        import sklearn

        raise ConfigurationError(
            f"The exported model's scores are up to {worst:g} off: scikit-learn"
            f" {sklearn.__version__} keeps its models otherwise than model/export.py knows. Use the"
            " version in requirements.lock."
        )


def scores(document: Mapping[str, Any], values: Floats) -> Floats:
    """What the served model says to each row."""
    served = scorer(document, values.shape[1])
    return np.array([served.score(row) for row in _rows(values)])


def _rows(values: Floats) -> list[list[Value]]:
    return [[None if value != value else value for value in row] for row in values.tolist()]
