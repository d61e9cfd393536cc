"""Template parameters: defaults and overrides, checked as CloudFormation checks them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from millrace.errors import ConfigurationError, UnsupportedResource

ParameterValue = str | list[str]

_LISTS = frozenset({"CommaDelimitedList", "List<Number>"})
_TYPES = frozenset({"String", "Number"}) | _LISTS
# The id of something that is there already. Nobody looks for it here: it is a text, or a list.
_EXISTING = re.compile(r"(List<)?AWS::[A-Za-z0-9:]+(?(1)>)")
_KNOWN = frozenset(
    {
        "AllowedPattern",
        "AllowedValues",
        "ConstraintDescription",
        "Default",
        "Description",
        "MaxLength",
        "MaxValue",
        "MinLength",
        "MinValue",
        "NoEcho",
        "Type",
    }
)


def resolve_parameters(
    declared: Mapping[str, Mapping[str, object]], overrides: Mapping[str, str]
) -> dict[str, ParameterValue]:
    """Every declared parameter's value: its override, else its default.

    As in CloudFormation, a value is a text even where the type is Number; a list type gives a list
    of texts.

    Raises:
        ConfigurationError: an override that is not declared, a parameter without any value, or a
            value that its declaration does not allow.
        UnsupportedResource: a parameter type that the local cloud does not know.
    """
    unknown = sorted(set(overrides) - set(declared))
    if unknown:
        raise ConfigurationError(
            f"The template has no parameter '{unknown[0]}'; "
            f"it has {', '.join(sorted(declared)) or 'none'}."
        )
    return {name: _resolve(name, rules, overrides) for name, rules in declared.items()}


def scalar_text(value: object) -> str:
    """A YAML scalar as CloudFormation writes it: true and false in lower case."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _resolve(
    name: str, rules: Mapping[str, object], overrides: Mapping[str, str]
) -> ParameterValue:
    kind = str(rules.get("Type"))
    existing = _EXISTING.fullmatch(kind)
    if existing is not None and not kind.startswith(("AWS::SSM::", "List<AWS::SSM::")):
        kind = "CommaDelimitedList" if existing[1] else "String"
    if kind not in _TYPES:
        raise UnsupportedResource(
            f"Parameter '{name}' has type '{kind}'; the local cloud knows "
            f"{', '.join(sorted(_TYPES))} and the ids of AWS resources."
        )
    for rule in rules:
        if rule not in _KNOWN:
            raise ConfigurationError(f"Parameter '{name}': '{rule}' is not a rule for parameters.")
    if name in overrides:
        value = overrides[name]
    elif "Default" in rules:
        value = scalar_text(rules["Default"])
    else:
        raise ConfigurationError(f"Parameter '{name}' has no default: give it a value.")
    if kind not in _LISTS:
        _check(name, value, kind, rules)
        return value
    items = [item.strip() for item in value.split(",")] if value else []
    for item in items:
        _check(name, item, "Number" if kind == "List<Number>" else "String", rules)
    return items


def _check(name: str, value: str, kind: str, rules: Mapping[str, object]) -> None:
    problem = _problem(value, kind, rules)
    if problem:
        hint = rules.get("ConstraintDescription")
        raise ConfigurationError(
            f"Parameter '{name}' is '{value}', but {problem}." + (f" It {hint}" if hint else "")
        )


def _problem(value: str, kind: str, rules: Mapping[str, object]) -> str | None:
    """What is wrong with `value`, if anything."""
    allowed = rules.get("AllowedValues")
    if isinstance(allowed, list):
        texts = [scalar_text(item) for item in allowed]
        if value not in texts:
            return f"only {', '.join(texts)} are allowed"
    pattern = rules.get("AllowedPattern")
    if isinstance(pattern, str) and not re.fullmatch(pattern, value):
        return f"it must match {pattern}"
    if kind == "Number":
        return _number_problem(value, rules)
    return _bounds_problem(len(value), rules, "MinLength", "MaxLength", "its length")


def _number_problem(value: str, rules: Mapping[str, object]) -> str | None:
    try:
        number = float(value)
    except ValueError:
        return "a number is expected"
    return _bounds_problem(number, rules, "MinValue", "MaxValue", "it")


def _bounds_problem(
    number: float, rules: Mapping[str, object], low: str, high: str, subject: str
) -> str | None:
    if low in rules and number < float(str(rules[low])):
        return f"{subject} must be at least {rules[low]}"
    if high in rules and number > float(str(rules[high])):
        return f"{subject} must be at most {rules[high]}"
    return None
