"""The Rules of a template: which parameters go together, checked before anything is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from millrace.errors import ConfigurationError

from localcloud.stack.intrinsics import Resolver, function_of
from localcloud.stack.parameters import scalar_text

_COMBINED: Final = {"Fn::And": all, "Fn::Or": any}
_LISTS: Final = frozenset({"Fn::Contains", "Fn::EachMemberEquals", "Fn::EachMemberIn"})


def check_rules(rules: Mapping[str, Any], resolver: Resolver) -> None:
    """Raise ConfigurationError for the first assertion that does not hold, with its description."""
    for name, rule in rules.items():
        where = f"Rules.{name}"
        condition = rule.get("RuleCondition")
        if condition is not None and not _holds(condition, resolver, where):
            continue
        for assertion in rule["Assertions"]:
            if not _holds(assertion["Assert"], resolver, where):
                said = assertion.get("AssertDescription", "an assertion does not hold.")
                raise ConfigurationError(f"{where}: {said}")


def _holds(node: object, resolver: Resolver, where: str) -> bool:
    """A condition as rules know it: those of Conditions, and three more over lists."""
    name, argument = function_of(node) or ("", None)
    if name in _COMBINED and isinstance(argument, list):
        return _COMBINED[name](_holds(item, resolver, where) for item in argument)
    if name == "Fn::Not" and isinstance(argument, list) and len(argument) == 1:
        return not _holds(argument[0], resolver, where)
    if name not in _LISTS:
        return resolver.truth(node, where)
    if not isinstance(argument, list) or len(argument) != 2:
        raise ConfigurationError(f"{where}: {name} takes a list of two, not {argument!r}.")
    left, right = (resolver.value(item, where) for item in argument)
    if name == "Fn::Contains":
        return scalar_text(right) in _texts(left)
    if name == "Fn::EachMemberEquals":
        return all(item == scalar_text(right) for item in _texts(left))
    return set(_texts(left)) <= set(_texts(right))


def _texts(value: object) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [scalar_text(item) for item in items]
