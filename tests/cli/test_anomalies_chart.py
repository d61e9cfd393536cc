"""Charts in a terminal: they fit, they are bounded, and signs stand where things are."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from cli.anomaly_chart import Dab, Sketch, dab, draw, legend


@given(
    st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=300),
    st.integers(17, 200),
    st.integers(2, 30),
    st.booleans(),
)
def test_a_chart_fits_whatever_it_draws(
    drawn: list[float], width: int, height: int, ascii_only: bool
) -> None:
    dabs = [dab(v, v - 1, v + 1, score=1, strange=n % 7 == 0) for n, v in enumerate(drawn)]
    lines = draw(dabs, width=width, height=height, ascii_only=ascii_only)
    assert len(lines) == height + 1
    assert all(len(line) <= width for line in lines)
    assert "".join(lines).isascii() == ascii_only


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=500), st.integers(1, 20))
def test_a_sketch_is_bounded_and_keeps_the_extremes(drawn: list[float], room: int) -> None:
    sketch = Sketch(room)
    for n, value in enumerate(drawn):
        sketch.add(dab(value, strange=n == 0, score=5.0, alert=n == 0))
    dabs = sketch.dabs()
    assert len(dabs) <= 2 * room
    assert min(one.least for one in dabs) == min(drawn)
    assert max(one.most for one in dabs) == max(drawn)
    assert sum(one.alert for one in dabs) == 1
    assert [one.strange for one in dabs if one.strange is not None] == [drawn[0]]


def test_signs_stand_where_things_are() -> None:
    dabs = [dab(1.0, 0.0, 2.0) for _ in range(8)]
    dabs[4] = dab(9.0, 0.0, 2.0, score=3.0, strange=True, alert=True)
    lines = draw(dabs, width=20, height=4, ascii_only=True)
    assert [line.find("O") for line in lines if "O" in line] == [lines[-1].find("^")]
    assert lines[0].split("|")[1].strip() == "O"
    assert draw([], width=20) == []
    assert draw([Dab(math.inf, math.inf)], width=20) == []
    assert legend(ascii_only=True).isascii()
