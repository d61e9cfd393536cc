"""The exception tree is one tree, and the drawing of it in errors.py is true."""

from __future__ import annotations

import inspect

from millrace import errors


def test_the_drawing_names_every_exception_below_its_parent() -> None:
    classes = [c for _, c in inspect.getmembers(errors, inspect.isclass)]
    drawn: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        name = line.replace("│", " ").replace("├──", "   ").replace("└──", "   ")
        if name.strip().split(" ")[0] in {c.__name__ for c in classes}:
            drawn.append((len(name) - len(name.lstrip()), name.split()[0]))
    parents = {}
    for index, (depth, name) in enumerate(drawn):
        nearest = [n for d, n in drawn[:index] if d == depth - 4]
        parents[name] = nearest[-1] if nearest else "Exception"
    assert parents == {c.__name__: c.__mro__[1].__name__ for c in classes}
