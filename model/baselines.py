"""What a model must beat: the base rate, and rules that look at one feature alone.

A rule is as good as one feature allows: boosted stumps, fitted and calibrated as the model is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss
from threadpoolctl import threadpool_limits

from model.matrix import Floats, Labels, Matrix, varies

BASE_RATE = "base rate"
TUTORIAL = "count5min by the tutorials' rule, alone"
# Those of the usual windows, where the features have them.
_RULES = ("count_5m", "recency_s")


def one_feature(fit: Floats, labels: Labels) -> Callable[[Floats], Floats]:
    """The best rule that looks at one feature: its probabilities for values of that feature."""
    if not varies(fit):
        rate = float(labels.mean())
        return lambda values: np.full(len(values), rate)
    with threadpool_limits(1):
        stumps = HistGradientBoostingClassifier(
            max_iter=40, learning_rate=0.15, max_leaf_nodes=4, early_stopping=False, random_state=0
        ).fit(fit.reshape(-1, 1), labels)

    def probabilities(values: Floats) -> Floats:
        with threadpool_limits(1):
            found: Floats = stumps.predict_proba(values.reshape(-1, 1))[:, 1]
            return found

    return probabilities


def best_feature(
    fit: Matrix, tune: Matrix, names: Sequence[str], on_feature: Callable[[], None]
) -> str:
    """The one feature whose rule is best on later rows."""
    losses = []
    for place in range(len(names)):
        rule = one_feature(fit.values[:, place], fit.labels)
        losses.append(log_loss(tune.labels, rule(tune.values[:, place])))
        on_feature()
    return names[int(np.argmin(losses))]


def rules(names: Sequence[str], best: str) -> list[str]:
    """The features whose rules are shown, the best one last."""
    found = [name for name in _RULES if name in names and name != best]
    return [*found, best]
