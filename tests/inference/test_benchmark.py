"""What `scripts/bench predict` measures is a prediction: ours and the tutorial's, both at work."""

from __future__ import annotations

import json

from benchmarks.predict import (
    FEATURES,
    FreeDynamoDB,
    FreeRuntime,
    FreeTable,
    measure,
    ours,
    plan_of,
    stored,
    tutorial,
)


def test_both_sides_predict() -> None:
    plan = plan_of(FEATURES)
    item = stored(plan, 30, 86_400_000)
    answer = ours(plan, FreeDynamoDB(item), FreeRuntime())()
    assert isinstance(answer, dict)
    body = json.loads(answer["body"])
    assert body["prediction"] == tutorial(FreeTable(item), FreeRuntime())() == {"score": 0.42}
    assert body["features"]["count_24h"] >= 29


def test_every_figure_is_beside_its_rival() -> None:
    measured = measure(calls=10)
    assert [figure.target for figure in measured.figures] == [1.0, 1.0, None]
    for figure in measured.figures:
        assert figure.value > 0
        assert figure.rival_value is not None
        assert figure.rival_value > 0
