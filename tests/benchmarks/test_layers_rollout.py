"""The rollout's figures count what they say."""

from __future__ import annotations

from benchmarks.layers_rollout import measure_rollout


def test_every_function_gets_it_with_few_requests() -> None:
    figures = {figure.name: figure for figure in measure_rollout(40)}
    assert figures["functions that did not get it"].value == 0
    # Update, look and tag; three in ten publish and move an alias as well.
    assert 3.6 <= figures["requests per function: rollout"].value <= 4
    assert any(name.startswith("plan of a rollout to 40 functions") for name in figures)
