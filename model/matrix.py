"""Rows as a matrix, whose columns are the features that the model takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from millrace.errors import ConfigurationError
from millrace.features.plan import Plan
from numpy.typing import NDArray

from model.rows import Row

Floats = NDArray[np.float64]
Labels = NDArray[np.bool_]


class Matrix(NamedTuple):
    """Values by row and feature (NaN: missing), and the labels."""

    values: Floats
    labels: Labels


def feature_names(rows: Sequence[Row], plan: Plan) -> tuple[str, ...]:
    """The features to train on: those that vary, over all types and for the commonest types.

    As many types as a profile keeps apart. Types come from outside, so there may be any number.
    Raises ConfigurationError where no feature varies.
    """
    names = plan.names(_common_types(rows, plan.entity.max_types))
    values = matrix(rows, names).values
    varying = tuple(name for name, column in zip(names, values.T, strict=True) if varies(column))
    if not varying:
        raise ConfigurationError("No feature varies in this history: there is nothing to learn.")
    return varying


def varies(column: Floats) -> bool:
    """Whether a column holds two different values, beside missing ones."""
    present = column[~np.isnan(column)]
    return bool(len(present)) and bool((present != present[0]).any())


def _common_types(rows: Sequence[Row], most: int) -> tuple[str, ...]:
    counted: Counter[str] = Counter()
    of_names: dict[tuple[str, ...], frozenset[str]] = {}
    for row in rows:
        types = of_names.get(row.names)
        if types is None:
            found = (name.partition(".")[2] for name in row.names)
            types = of_names[row.names] = frozenset(name for name in found if name)
        counted.update(types)
    # Of equally common ones those that come first in the alphabet: never by chance.
    return tuple(sorted(sorted(counted, key=lambda name: (-counted[name], name))[:most]))


def matrix(rows: Sequence[Row], names: Sequence[str]) -> Matrix:
    """The rows' values of the named features; those that a row does not have are missing."""
    places = {name: place for place, name in enumerate(names)}
    values = np.full((len(rows), len(names)), np.nan)
    chosen: dict[tuple[str, ...], tuple[NDArray[np.intp], NDArray[np.intp]]] = {}
    for number, row in enumerate(rows):
        if row.names not in chosen:
            pairs = [(places[name], n) for n, name in enumerate(row.names) if name in places]
            to, of = np.array(pairs, dtype=np.intp).reshape(-1, 2).T
            chosen[row.names] = to, of
        to, of = chosen[row.names]
        values[number, to] = np.frombuffer(row.values)[of]
    return Matrix(values, np.array([row.positive for row in rows], dtype=np.bool_))
