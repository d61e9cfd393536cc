"""A model that has learnt something, the same every time; and the truth where it has not."""

from __future__ import annotations

import random
from array import array
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest
from millrace.errors import ConfigurationError
from millrace.features.definitions import load
from millrace.features.plan import plans_of
from millrace.features.replay import Record
from millrace.features.sinks import Archive
from millrace.features.version import features_version
from millrace.folder import FolderObjects
from millrace.kinesis import Delivery

from model.baselines import BASE_RATE, TUTORIAL
from model.packaging import archive
from model.report import warnings
from model.rows import Rows, labelled
from model.sources import opened
from model.training import Trained, train
from tests.features.conftest import SHIPPED
from tests.features.streaming import ARN
from tests.model.shop import PURCHASE, events


def test_the_model_is_better_than_every_baseline_on_newer_rows(trained: Trained) -> None:
    assert trained.beats_baselines
    assert list(warnings(trained, no_rows())) == []
    assert {BASE_RATE, TUTORIAL} < trained.baselines.keys()
    assert any(name.startswith("count_5m alone") for name in trained.baselines)
    assert any(name.startswith("recency_s alone") for name in trained.baselines)
    assert any(name.endswith("the best single feature") for name in trained.baselines)
    assert trained.baselines[BASE_RATE].roc_auc == 0.5
    assert trained.figures.roc_auc > 0.6
    assert trained.figures.calibration_error < 0.08


def no_rows() -> Rows:
    return labelled([], load(SHIPPED), PURCHASE)


def test_the_chosen_one_is_the_best_on_the_rows_before(trained: Trained) -> None:
    assert trained.chosen == min(trained.candidates, key=trained.candidates.__getitem__)
    assert len(trained.candidates) == 4


def test_the_contract_says_what_the_model_is(trained: Trained, rows: Rows) -> None:
    contract = trained.contract
    plan = plans_of(load(SHIPPED))[0]
    assert contract.features_version == features_version(plan)
    assert (contract.target, contract.label) == ("purchase within 10m", "purchase")
    assert {"count_5m", "recency_s", "count_5m.cart"} <= set(contract.features)
    assert contract.trained_on["rows"] == len(rows.rows)
    assert contract.trained_on["users"] == rows.summary.keys
    metrics = contract.metrics
    newest = trained.slices.measure
    assert metrics["measured_on"]["rows"] == len(newest)
    assert metrics["measured_on"]["positive"] == sum(row.positive for row in newest)
    assert metrics["model"]["roc_auc"] == trained.figures.roc_auc
    assert metrics["baselines"].keys() == trained.baselines.keys()
    assert sum(one["rows"] for one in metrics["calibration"]) == len(newest)


def test_the_figures_are_those_of_the_served_model(trained: Trained) -> None:
    """Asked row by row, as the container is, and measured anew by hand."""
    from model.scoring import scorer

    contract = trained.contract
    model = scorer(orjson.loads(trained.model), len(contract.features))
    newest = trained.slices.measure
    said = [model.score([row.features.get(name) for name in contract.features]) for row in newest]
    brier = np.mean([(p - row.positive) ** 2 for p, row in zip(said, newest, strict=True)])
    assert trained.figures.brier == pytest.approx(brier)
    pairs = [
        (high > low) + (high == low) / 2
        for high, one in zip(said, newest, strict=True)
        if one.positive
        for low, other in zip(said, newest, strict=True)
        if not other.positive
    ]
    assert trained.figures.roc_auc == pytest.approx(np.mean(pairs))


def test_an_archive_of_the_same_events_gives_the_same_model(
    trained: Trained, tmp_path: Path
) -> None:
    """And so training is the same every time: rows and model are made anew here."""
    archive_to(tmp_path)
    with opened(str(tmp_path), load(SHIPPED)) as history:
        rows = labelled(history.records, load(SHIPPED), PURCHASE)
        again = train(rows, load(SHIPPED), PURCHASE, "a test's shop")
    assert again.model == trained.model
    assert again.contract == trained.contract
    assert archive(again.contract, again.model) == archive(trained.contract, trained.model)


def archive_to(folder: Path) -> None:
    """The shop's events as enrich archives them: two shards, batches that overlap."""
    shards: list[list[Delivery]] = [[], []]
    for number, event in enumerate(events()):
        data = orjson.dumps(event)
        shard = sum(event["userId"].encode()) % 2
        arrival_ms = 1_767_225_600_000 + number * 10 + 200_000_000
        one = Delivery(
            1, shard, number, 0, str(number), event["userId"], data, arrival_ms, False, ARN
        )
        shards[shard].append(one)
    kept = Archive(FolderObjects(folder))
    for deliveries in shards:
        for start in range(0, len(deliveries), 700):
            kept.take(deliveries[start : start + 800])


def test_where_there_is_nothing_to_learn_it_says_so(rows: Rows) -> None:
    rng = random.Random(3)
    guessed = [row._replace(positive=rng.random() < 0.3) for row in rows.rows]
    noise = replace(rows, rows=guessed)
    trained = train(noise, load(SHIPPED), PURCHASE, "noise")
    assert abs(trained.figures.roc_auc - 0.5) < 0.08
    assert not trained.beats_baselines
    (line,) = warnings(trained, no_rows())
    assert "not better than every baseline" in line


def test_a_type_that_comes_up_later_is_no_feature(rows: Rows) -> None:
    """Nor one that only the newest rows have: nothing could have been learnt of it."""
    late = [
        row._replace(
            names=(*row.names, "count_5m.new"), values=array("d", [*row.values, row.positive])
        )
        if number > len(rows.rows) * 0.6
        else row
        for number, row in enumerate(rows.rows)
    ]
    trained = train(replace(rows, rows=late), load(SHIPPED), PURCHASE, "new type")
    assert "count_5m.new" not in trained.contract.features
    assert trained.figures.roc_auc < 0.9


def test_too_short_a_history_is_refused() -> None:
    few = labelled((Record(event) for event in events(days=1, a_day=150)), load(SHIPPED), PURCHASE)
    with pytest.raises(ConfigurationError, match="too short"):
        train(few, load(SHIPPED), PURCHASE, "few")


def test_steps_are_told(rows: Rows) -> None:
    """A bar that moves: each candidate, then each rule."""
    heard: list[tuple[str, int]] = []
    few = replace(rows, rows=rows.rows[:1200])
    trained = train(
        few, load(SHIPPED), PURCHASE, "x", lambda name, more: heard.append((name, more))
    )
    names = [name for name, _ in heard]
    assert names[:4] == list(trained.candidates)
    assert names[4:] == ["baselines"] * (len(trained.contract.features) + 1)
