"""The fleet's figures count what they say."""

from __future__ import annotations

from benchmarks.layers_fleet import REGIONS, measure_fleet
from localcloud.lambda_control.seeding import Fleet


def test_a_fleet_is_planned_for_with_a_page_of_requests_for_fifty_versions() -> None:
    wanted = Fleet(functions=50, layers=2, versions=8, published=1)
    figures = {figure.name: figure for figure in measure_fleet(wanted)}
    (plan,) = (figure for name, figure in figures.items() if name.startswith("plan for"))
    assert plan.name == "plan for 100 functions, 200 versions of them"
    assert plan.holds is not None
    deletions = figures["layer versions that the plan deletes"].value
    listings = len(REGIONS) * (2 + 1 + 2)  # functions, layers, versions of each layer
    assert figures["requests"].value == 1 + listings + deletions  # a policy for each, and STS
    each = figures["requests per function"]
    assert each.value == figures["requests"].value / 100
    assert each.rival_value == 1.02
