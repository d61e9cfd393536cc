"""How good probabilities are, on rows that no part of a model has seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from model.matrix import Floats, Labels

_BINS = 10


@dataclass(frozen=True, slots=True)
class Measures:
    """Figures of one way to predict.

    Attributes:
        roc_auc: how often a row that has the target is ranked above one that has not; chance: 0.5.
        pr_auc: average precision; chance: the base rate.
        log_loss, brier: how far the probabilities are off; less is better.
        calibration_error: mean distance of what is said from what comes, over ten bins of equally
            many rows.
    """

    roc_auc: float
    pr_auc: float
    log_loss: float
    brier: float
    calibration_error: float


class Bin(NamedTuple):
    """Rows that were told about the same probability: what was said, and what came of it."""

    rows: int
    predicted: float
    observed: float


def measured(probabilities: Floats, labels: Labels) -> Measures:
    """The figures of these probabilities."""
    bins = calibration(probabilities, labels)
    off = sum(found.rows * abs(found.predicted - found.observed) for found in bins)
    return Measures(
        float(roc_auc_score(labels, probabilities)),
        float(average_precision_score(labels, probabilities)),
        float(log_loss(labels, probabilities)),
        float(brier_score_loss(labels, probabilities)),
        off / len(labels),
    )


def calibration(probabilities: Floats, labels: Labels) -> list[Bin]:
    """Ten bins of equally many rows, in order of what was said; equal ones stay together."""
    order = np.argsort(probabilities, kind="stable")
    said, came = probabilities[order], labels[order]
    # A bin never ends between rows that were told the same.
    ends = {int(np.searchsorted(said, said[len(said) * n // _BINS])) for n in range(1, _BINS)}
    parts = np.split(np.arange(len(said)), sorted(ends))
    return [
        Bin(len(part), float(said[part].mean()), float(came[part].mean()))
        for part in parts
        if len(part)
    ]


def best_threshold(probabilities: Floats, labels: Labels) -> float:
    """The probability from which on a yes gives the best F1, the mean of precision and recall."""
    order = np.argsort(-probabilities, kind="stable")
    hits = np.cumsum(labels[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + labels.sum())
    # Only where the next row was told less can a threshold part the two.
    last = np.append(np.diff(probabilities[order]) != 0, True)
    return float(probabilities[order][np.argmax(np.where(last, f1, 0))])
