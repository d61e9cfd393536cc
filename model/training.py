"""From rows to a model, and how good it is: fitted, chosen and measured on times that follow."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

import numpy as np
import sklearn
from millrace.features.definitions import Definitions
from millrace.features.item import iso_ms
from millrace.features.plan import Plan
from millrace.features.version import features_version
from sklearn.metrics import log_loss

from model.baselines import BASE_RATE, TUTORIAL, best_feature, one_feature, rules
from model.candidates import CANDIDATES, calibrated
from model.contract import Contract
from model.export import Document, scores
from model.matrix import Floats, Matrix, feature_names, matrix
from model.measures import Bin, Measures, best_threshold, calibration, measured
from model.packaging import model_bytes
from model.rows import Row, Rows
from model.slices import Slices, sliced
from model.target import Target

# Hears of each step: its name, and how many more steps of the kind there are to come.
OnStep = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Trained:
    """A model and its proof.

    Attributes:
        contract, model: what model.tar.gz holds.
        chosen: the candidate; `candidates` has each one's log loss on the rows it was chosen by.
        figures: the model's figures on the newest rows.
        baselines: those of what it must beat, on the same rows.
        bins: what it said and what came.
        slices: the rows that it was fitted, chosen and measured on.
    """

    contract: Contract
    model: bytes
    chosen: str
    candidates: dict[str, float]
    figures: Measures
    baselines: dict[str, Measures]
    bins: list[Bin]
    slices: Slices

    @property
    def beats_baselines(self) -> bool:
        """Whether its ranking and its probabilities are better than every baseline's."""
        return all(
            self.figures.log_loss < other.log_loss and self.figures.roc_auc > other.roc_auc
            for other in self.baselines.values()
        )


def train(
    rows: Rows,
    definitions: Definitions,
    target: Target,
    source: str,
    on_step: OnStep = lambda name, more: None,
) -> Trained:
    """The best model for the rows. Raises ConfigurationError where there are too few."""
    plan = Plan(definitions, definitions.primary)
    slices = sliced(rows.rows, target)
    names = feature_names(slices.fit, plan)
    fit, tune, measure = (matrix(part, names) for part in slices)
    document, threshold, losses = _chosen(fit, tune, on_step)
    chosen = min(losses, key=losses.__getitem__)
    on_step("baselines", len(names))
    baselines = _baselines(slices, (fit, tune, measure), names, on_step)
    said = scores(document, measure.values)
    figures, bins = measured(said, measure.labels), calibration(said, measure.labels)
    body = model_bytes(document)
    contract = Contract(
        features_version(plan),
        names,
        target.name,
        target.label,
        threshold,
        sha256(body).hexdigest(),
        _trained_on(rows, source),
        _trained_with(),
        _metrics(slices, chosen, losses, figures, baselines, bins),
    )
    return Trained(contract, body, chosen, losses, figures, baselines, bins, slices)


def _chosen(fit: Matrix, tune: Matrix, on_step: OnStep) -> tuple[Document, float, dict[str, float]]:
    """The document of the candidate with the least log loss on later rows, and its threshold."""
    losses: dict[str, float] = {}
    best: tuple[float, Document, Floats] | None = None
    for number, candidate in enumerate(CANDIDATES, 1):
        on_step(candidate.name, len(CANDIDATES) - number)
        document, said = calibrated(candidate, fit, tune)
        loss = losses[candidate.name] = float(log_loss(tune.labels, said))
        if best is None or loss < best[0]:
            best = loss, document, said
    assert best is not None
    _, document, said = best
    return document, best_threshold(said, tune.labels), losses


def _baselines(
    slices: Slices,
    matrices: tuple[Matrix, Matrix, Matrix],
    names: tuple[str, ...],
    on_step: OnStep,
) -> dict[str, Measures]:
    """The baselines' figures on the newest rows; they learn from all that are older."""
    fit, tune, measure = matrices
    older = Matrix(np.vstack([fit.values, tune.values]), np.hstack([fit.labels, tune.labels]))
    found = {BASE_RATE: np.full(len(measure.labels), older.labels.mean())}
    if all(row.tutorial_count is not None for part in slices for row in part):
        counts = [_tutorial_counts(part) for part in slices]
        found[TUTORIAL] = one_feature(np.hstack(counts[:2]), older.labels)(counts[2])
    best = best_feature(fit, tune, names, lambda: on_step("baselines", 0))
    for name in rules(names, best):
        place = names.index(name)
        rule = one_feature(older.values[:, place], older.labels)
        shown = f"{name} alone" + (", the best single feature" if name == best else "")
        found[shown] = rule(measure.values[:, place])
    return {name: measured(said, measure.labels) for name, said in found.items()}


def _tutorial_counts(rows: Sequence[Row]) -> Floats:
    return np.array([row.tutorial_count for row in rows], dtype=np.float64)


def _trained_on(rows: Rows, source: str) -> dict[str, Any]:
    return {
        "source": source,
        rows.of: rows.summary.rows,
        "users": rows.summary.keys,
        "rows": len(rows.rows),
        "from": iso_ms(rows.first_ms),
        "to": iso_ms(rows.last_ms),
    }


def _trained_with() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scikit-learn": sklearn.__version__,
    }


def _metrics(
    slices: Slices,
    chosen: str,
    losses: dict[str, float],
    figures: Measures,
    baselines: dict[str, Measures],
    bins: list[Bin],
) -> dict[str, Any]:
    newest = slices.measure
    return {
        "measured_on": {
            "rows": len(newest),
            "positive": sum(row.positive for row in newest),
            "from": iso_ms(newest[0].at_ms),
            "to": iso_ms(newest[-1].at_ms),
        },
        "chosen": chosen,
        "log_loss_of_candidates": losses,
        "model": asdict(figures),
        "baselines": {name: asdict(other) for name, other in baselines.items()},
        "calibration": [found._asdict() for found in bins],
    }
