"""What benchmarks print: one object for machines, a table for people, and an exit status."""

from __future__ import annotations

import json

import pytest

from benchmarks.__main__ import PARTS, main
from benchmarks.figures import Figure, Measured, at_least, at_most, print_json, print_table

FIGURES = Measured(
    [
        at_most("small", 1.0, "ms", 2.0, ("rival", 3.0)),
        at_least("large", 1.0, "events/s", 2.0),
        at_most("told", 5.0, "bytes"),
    ]
)


def test_figures_know_whether_they_hold() -> None:
    assert [one.holds for one in FIGURES.figures] == [True, False, None]
    assert not FIGURES.held
    assert Measured(FIGURES.figures[:1]).held
    assert Measured(FIGURES.figures[2:]).held


def test_machines_get_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    print_json(FIGURES)
    document = json.loads(capsys.readouterr().out)
    assert [set(one) for one in document["figures"]] == [set(Figure._fields)] * 3
    assert document["figures"][0] == {
        "name": "small",
        "value": 1.0,
        "unit": "ms",
        "rival": "rival",
        "rival_value": 3.0,
        "target": 2.0,
        "holds": True,
    }
    assert document["machine"]["cores"] >= 1
    assert "profile-guided optimisation" in document["machine"]["interpreter"]


def test_people_see_what_misses_its_target(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(FIGURES, "title")
    lines = capsys.readouterr().out.splitlines()
    (small,) = (line for line in lines if line.lstrip().startswith("small"))
    (large,) = (line for line in lines if line.lstrip().startswith("large"))
    assert "holds" in small
    assert "rival" in small
    assert "missed" in large


@pytest.mark.parametrize("arguments", [[], ["nothing"], ["features", "--fast"]])
def test_wrong_options_are_an_error(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: scripts/bench" in capsys.readouterr().err


def test_every_part_is_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    told = capsys.readouterr().out
    assert all(name in told for name in PARTS)
