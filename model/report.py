"""What training has found, for people and for machines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from model.measures import Measures
from model.outcomes import OTHER_FEATURES, UNANSWERED
from model.rows import INCOMPLETE, OVERTAKEN, Rows
from model.training import Trained

_REASONS = {
    OVERTAKEN: "because the user's next event came first",
    INCOMPLETE: "whose time to come is not all in the history",
    UNANSWERED: "of which no outcome was reported",
    OTHER_FEATURES: "whose features are of another version",
}
_COLUMNS = ("ROC AUC", "PR AUC", "log loss", "Brier", "calibration error")


def document(trained: Trained, rows: Rows, out: str, size: int) -> dict[str, Any]:
    """Everything, as JSON."""
    contract, summary = trained.contract, rows.summary
    return {
        "out": out,
        "bytes": size,
        "model_version": contract.model_version,
        "features_version": contract.features_version,
        "target": contract.target,
        "threshold": contract.threshold,
        "features": len(contract.features),
        "beats_baselines": trained.beats_baselines,
        "trained_on": contract.trained_on,
        "trained_with": contract.trained_with,
        "history": {
            "records": summary.records,
            "duplicates": summary.duplicates,
            "late": summary.late,
            "without_key": summary.without_key,
            "invalid": dict(summary.invalid.most_common()),
            "given_up": dict(rows.given_up.most_common()),
            "types": dict(rows.types.most_common()),
        },
        "metrics": contract.metrics,
    }


def show(trained: Trained, rows: Rows, console: Console) -> None:
    """The same as tables."""
    for line in _sentences(trained, rows):
        console.print(line, markup=False, soft_wrap=True)
    table = _table("on the newest rows", *_COLUMNS)
    table.add_row(*_cells(f"model: {trained.chosen}", trained.figures), style="bold")
    for name, measures in trained.baselines.items():
        table.add_row(*_cells(name, measures))
    console.print(table)
    table = _table("said, on average", "came", "rows")
    for found in trained.bins:
        table.add_row(f"{found.predicted:.3f}", f"{found.observed:.3f}", f"{found.rows:,}")
    console.print(table)


def warnings(trained: Trained, rows: Rows) -> Iterator[str]:
    """What a person should know before deploying the model."""
    if not trained.beats_baselines:
        yield (
            "The model is not better than every baseline: what it says is worth no more than the"
            " best of them."
        )
    if invalid := rows.summary.invalid:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in invalid.most_common())
        yield f"Records that are no events were passed over: {reasons}."
    if rows.summary.late:
        yield f"{rows.summary.late:,} late events were passed over, as they are live."


def _sentences(trained: Trained, rows: Rows) -> Iterator[str]:
    contract, newest = trained.contract, trained.contract.metrics["measured_on"]
    on = contract.trained_on
    yield f"Target: {contract.target}."
    yield (
        f"{on[rows.of]:,} {rows.of} of {on['users']:,} users, {on['from']} to {on['to']}"
        f" ({on['source']}): {on['rows']:,} moments to ask at."
    )
    if rows.given_up:
        reasons = (f"{count:,} {_REASONS[name]}" for name, count in rows.given_up.most_common())
        yield f"Moments given up: {', '.join(reasons)}."
    fit, tune, _ = trained.slices
    losses = ", ".join(f"{name} {loss:.4f}" for name, loss in trained.candidates.items())
    yield (
        f"Fitted on the oldest {len(fit):,}, calibrated and chosen on the next {len(tune):,}"
        f" (log loss: {losses})."
    )
    yield (
        f"Measured on the newest {newest['rows']:,}, of which {newest['positive']:,} have the"
        f" target ({newest['from']} to {newest['to']})."
    )


def _table(first: str, *columns: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(first)
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _cells(name: str, measures: Measures) -> Sequence[str]:
    return [escape(name), *(f"{figure:.3f}" for figure in asdict(measures).values())]
