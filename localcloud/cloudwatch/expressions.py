"""Metric math, as far as alarms of one value a period need it.

Numbers, the ids of metrics, + - * / ^, comparisons, AND and OR, and the functions FILL, IF, ABS,
CEIL, FLOOR, MAX, MIN, SUM and AVG. A missing value makes whatever is computed from it missing;
FILL gives it a value, and functions over a list leave it out. So does what cannot be divided.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from millrace.errors import UnsupportedResource

Value = float | None

_OPERATORS: Final[Mapping[type[ast.AST], Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_OF_ONE: Final[Mapping[str, Callable[[float], float]]] = {
    "ABS": abs,
    "CEIL": math.ceil,
    "FLOOR": math.floor,
}
_OF_LISTS: Final[Mapping[str, Callable[[list[float]], float]]] = {
    "MAX": max,
    "MIN": min,
    "SUM": math.fsum,
    "AVG": lambda values: math.fsum(values) / len(values),
}
# Metric math's spelling as Python's, so that Python's own parser reads it.
_SPELLINGS: Final = (
    (re.compile(r"&&|\bAND\b"), " and "),
    (re.compile(r"\|\||\bOR\b"), " or "),
    (re.compile(r"\^"), "**"),
    (re.compile(r"\bIF\s*\("), "IF_("),
)


@dataclass(frozen=True, slots=True)
class Expression:
    """A formula over metrics."""

    text: str
    tree: ast.expr

    @classmethod
    def parse(cls, text: str) -> Expression:
        """Read an expression. Raises UnsupportedResource, naming what is not known."""
        spelled = text
        for pattern, replacement in _SPELLINGS:
            spelled = pattern.sub(replacement, spelled)
        try:
            tree = ast.parse(spelled.strip(), mode="eval").body
            _check(tree, text)
        except (SyntaxError, ValueError, RecursionError) as error:
            raise _unknown(text, "it cannot be read") from error
        return cls(text, tree)

    @property
    def names(self) -> frozenset[str]:
        """The ids that it refers to."""
        called = {node.func for node in ast.walk(self.tree) if isinstance(node, ast.Call)}
        return frozenset(
            node.id
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Name) and node not in called
        )

    def value(self, values: Mapping[str, Value]) -> Value:
        """Its value, given those of its ids; None where it has none."""
        try:
            found = _value(self.tree, values)
        except (ZeroDivisionError, OverflowError, RecursionError):
            return None
        return found if found is not None and math.isfinite(found) else None


def _check(node: ast.expr, text: str) -> None:
    match node:
        case ast.Constant(value=int() | float()) | ast.Name():
            return
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            _check(operand, text)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            _check(left, text)
            _check(right, text)
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _OPERATORS:
            _check(left, text)
            _check(right, text)
        case ast.BoolOp(values=parts):
            for part in parts:
                _check(part, text)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            for argument in _arguments(name, arguments, text):
                _check(argument, text)
        case _:
            raise _unknown(text, f"{ast.unparse(node)!r} is not known here")


def _arguments(name: str, arguments: list[ast.expr], text: str) -> list[ast.expr]:
    """The arguments of a known function, those of a list taken out of it."""
    if name in _OF_LISTS and len(arguments) == 1:
        return arguments[0].elts if isinstance(arguments[0], ast.List) else arguments
    if (name in _OF_ONE, len(arguments)) == (True, 1):
        return arguments
    if (name, len(arguments)) in (("FILL", 2), ("IF_", 3)):
        return arguments
    raise _unknown(text, f"the function {name.rstrip('_')} is not known here, or not so")


def _value(node: ast.expr, values: Mapping[str, Value]) -> Value:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name):
            return values.get(name)
        case ast.UnaryOp(op=op, operand=operand):
            value = _value(operand, values)
            return -value if value is not None and isinstance(op, ast.USub) else value
        case ast.BinOp(left=left, op=op, right=right):
            return _operation(type(op), left, right, values)
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _operation(type(op), left, right, values)
        case ast.BoolOp(op=op, values=parts):
            return _logic(op, parts, values)
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return _call(name, arguments, values)
    raise AssertionError(f"{ast.unparse(node)} was checked when it was read")


def _operation(
    kind: type[ast.AST], left: ast.expr, right: ast.expr, values: Mapping[str, Value]
) -> Value:
    first, second = _value(left, values), _value(right, values)
    if first is None or second is None:
        return None
    result = _OPERATORS[kind](first, second)
    return float(result) if isinstance(result, int | float) else None  # no complex powers


def _logic(op: ast.boolop, parts: list[ast.expr], values: Mapping[str, Value]) -> Value:
    known = [_value(part, values) for part in parts]
    if None in known:
        return None
    return float(all(known) if isinstance(op, ast.And) else any(known))


def _call(name: str, arguments: list[ast.expr], values: Mapping[str, Value]) -> Value:
    if name == "FILL":
        value = _value(arguments[0], values)
        return _value(arguments[1], values) if value is None else value
    if name == "IF_":
        condition = _value(arguments[0], values)
        if condition is None:
            return None
        return _value(arguments[1] if condition else arguments[2], values)
    if name in _OF_ONE:
        value = _value(arguments[0], values)
        return None if value is None else float(_OF_ONE[name](value))
    listed = arguments[0].elts if isinstance(arguments[0], ast.List) else arguments
    there = [value for value in (_value(item, values) for item in listed) if value is not None]
    return float(_OF_LISTS[name](there)) if there else None


def _unknown(text: str, why: str) -> UnsupportedResource:
    return UnsupportedResource(
        f"The local cloud cannot evaluate the metric math {text!r}: {why}. It knows numbers, ids, "
        f"+ - * / ^, comparisons, AND, OR, FILL(m, value), IF(c, a, b), "
        f"{', '.join((*_OF_ONE, *_OF_LISTS))}."
    )
