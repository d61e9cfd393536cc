"""What DynamoDB refuses and moto accepts; a test against moto alone would hide such bugs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

MAX_DIGITS = 38

# not the placeholders #add and :set, nor a nested attribute of such a name
_CLAUSES = re.compile(r"(?<![#:.\w])(SET|REMOVE|ADD|DELETE)\b", re.IGNORECASE)


def violation(request: object) -> str | None:
    """The message with which DynamoDB would refuse `request` (a parsed body), or None.

    >>> violation({"Item": {"n": {"N": "1" * 39}}})
    'Attempting to store more than 38 significant digits in a Number'
    >>> violation({"UpdateExpression": "SET a = :a ADD b.c :n"})[:26]
    'Invalid UpdateExpression: '
    """
    for node in _objects(request):
        if len(node) == 1 and any(_digits(number) > MAX_DIGITS for number in _numbers(node)):
            return f"Attempting to store more than {MAX_DIGITS} significant digits in a Number"
        expression = node.get("UpdateExpression")
        if isinstance(expression, str) and _adds_to_nested(expression):
            return (
                "Invalid UpdateExpression: ADD can only be used on top-level attributes; "
                f"use SET in {expression!r}"
            )
    return None


def _objects(node: object) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from _objects(value)
    elif isinstance(node, list):
        for value in node:
            yield from _objects(value)


def _numbers(value: dict[str, Any]) -> list[str]:
    numbers = [value["N"]] if "N" in value else value.get("NS", ())
    return [number for number in numbers if isinstance(number, str)]


def _digits(number: str) -> int:
    mantissa = number.lower().partition("e")[0].lstrip("+-").replace(".", "")
    return len(mantissa.strip("0"))


def _adds_to_nested(expression: str) -> bool:
    parts = _CLAUSES.split(expression)
    for keyword, actions in zip(parts[1::2], parts[2::2], strict=True):
        if keyword.upper() == "ADD":
            paths = (action.split()[0] for action in actions.split(",") if action.strip())
            if any("." in path or "[" in path for path in paths):
                return True
    return False
