"""Scores from a model that is plain data: boosted trees or a linear model, in JSON.

Nothing is unpickled, so an archive can hold no code; and a score takes a tenth of a millisecond,
without numpy or scikit-learn in the container. `export` writes what is read here, and compares.

A document holds `kind` and `calibration` (the probability is the logistic function of
``slope * margin + intercept``), and:

- ``trees``: the margin is `start` plus, of each tree, the `value` of the leaf that is reached. A
  tree is columns of nodes; at a node with children the way is left where the feature's value is at
  most `threshold` (null: any value), or is missing and `missing_left` is true.
- ``linear``: the margin is `start` plus, for each feature, ``weight * sign(x) * log(1 + |x|)``, or
  its `missing` where there is no value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from millrace.errors import ConfigurationError

Value = float | None
# A leaf is its value; a node: feature, threshold, whether missing goes left, left, right.
_Node = float | tuple[int, float, bool, Any, Any]
_DEEPEST = 100


class Scorer(Protocol):
    """Turns the values of the contract's features, in their order, into a probability."""

    def score(self, values: Sequence[Value]) -> float:
        """The probability, from 0 to 1; None is a missing value."""
        ...


def scorer(document: Mapping[str, Any], features: int) -> Scorer:
    """The scorer in a document, for so many features. Raises ConfigurationError."""
    kinds: dict[str, Callable[[Mapping[str, Any], int], Scorer]] = {
        "trees": _trees,
        "linear": _linear,
    }
    kind = document.get("kind")
    if not isinstance(kind, str) or kind not in kinds:
        raise ConfigurationError(
            f"The model is of kind {kind!r}; this server knows {', '.join(sorted(kinds))}."
        )
    try:
        return kinds[kind](document, features)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"The model of kind {kind!r} is damaged: {type(error).__name__}: {error}"
        ) from error


class _Calibration:
    def __init__(self, document: Mapping[str, Any]) -> None:
        self._slope = _number(document["slope"])
        self._intercept = _number(document["intercept"])

    def probability(self, margin: float) -> float:
        """The logistic function, in the form that cannot overflow."""
        odds = self._slope * margin + self._intercept
        if odds >= 0:
            return 1 / (1 + math.exp(-odds))
        small = math.exp(odds)
        return small / (1 + small)


class Trees:
    """The sum of many small trees."""

    def __init__(self, start: float, trees: Sequence[_Node], calibration: _Calibration) -> None:
        self._start = start
        self._trees = trees
        self._calibration = calibration

    def score(self, values: Sequence[Value]) -> float:
        """See Scorer."""
        margin = self._start
        for node in self._trees:
            while type(node) is tuple:
                feature, threshold, missing_left, left, right = node
                value = values[feature]
                if value is None:
                    node = left if missing_left else right
                else:
                    node = left if value <= threshold else right
            margin += node  # type: ignore[operator]  # mypy does not follow type(…) is tuple
        return self._calibration.probability(margin)


class Linear:
    """A weighted sum of logarithms."""

    def __init__(
        self, start: float, weights: Sequence[tuple[float, float]], calibration: _Calibration
    ) -> None:
        self._start = start
        self._weights = weights
        self._calibration = calibration

    def score(self, values: Sequence[Value]) -> float:
        """See Scorer."""
        margin = self._start
        for value, (weight, missing) in zip(values, self._weights, strict=True):
            if value is None:
                margin += missing
            else:
                margin += weight * math.copysign(math.log1p(abs(value)), value)
        return self._calibration.probability(margin)


def _trees(document: Mapping[str, Any], features: int) -> Trees:
    trees = [_tree(tree, features) for tree in document["trees"]]
    return Trees(_number(document["start"]), trees, _Calibration(document["calibration"]))


def _tree(tree: Mapping[str, Any], features: int) -> _Node:
    def node(number: int, depth: int) -> _Node:
        if not 0 <= number < len(tree["feature"]) or depth > _DEEPEST:
            raise ValueError(f"a tree leads to node {number} at depth {depth}")
        feature = tree["feature"][number]
        if feature is None:
            return _number(tree["value"][number])
        if type(feature) is not int or not 0 <= feature < features:
            raise ValueError(f"feature number {feature!r}, where there are {features}")
        threshold = tree["threshold"][number]
        return (
            feature,
            math.inf if threshold is None else _number(threshold),
            bool(tree["missing_left"][number]),
            node(tree["left"][number], depth + 1),
            node(tree["right"][number], depth + 1),
        )

    return node(0, 0)


def _linear(document: Mapping[str, Any], features: int) -> Linear:
    weights = [_number(weight) for weight in document["weights"]]
    missing = [_number(weight) for weight in document["missing"]]
    if not len(weights) == len(missing) == features:
        raise ValueError(f"{len(weights)} weights for {features} features")
    pairs = list(zip(weights, missing, strict=True))
    return Linear(_number(document["start"]), pairs, _Calibration(document["calibration"]))


def _number(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError(f"{value!r} where a finite number must be")
    return float(value)
