"""CloudFormation's functions and conditions: a template's expressions become values.

Supported: Ref, Fn::GetAtt, Fn::Sub, Fn::Join, Fn::Select, Fn::Split, Fn::If, Fn::Equals, Fn::And,
Fn::Or, Fn::Not, Fn::FindInMap, Fn::Base64, and from the LanguageExtensions transform Fn::Length and
Fn::ToJsonString. Any other function is an error, above all Fn::ImportValue: nothing else is
deployed on this machine.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from millrace.errors import ConfigurationError, UnsupportedResource

from localcloud.stack.parameters import scalar_text


class _NoValue:
    """What AWS::NoValue refers to; whatever holds it leaves it out."""

    def __repr__(self) -> str:
        return "AWS::NoValue"


NO_VALUE: Final = _NoValue()
VARIABLE: Final = re.compile(r"\$\{([^}]*)\}")
_LOGIC = frozenset({"Fn::Equals", "Fn::And", "Fn::Or", "Fn::Not"})


class Lookup(Protocol):
    """What the names in a template refer to."""

    def ref(self, name: str) -> object:
        """The value of `Ref name`; KeyError when there is no such name."""
        ...

    def attribute(self, logical_id: str, name: str) -> object:
        """The value of `Fn::GetAtt`; KeyError when there is no such resource or attribute."""
        ...


def function_of(node: object) -> tuple[str, object] | None:
    """The function's name and argument if `node` is a function call, else None."""
    if isinstance(node, Mapping) and len(node) == 1:
        ((name, argument),) = node.items()
        if isinstance(name, str) and (name == "Ref" or name.startswith("Fn::")):
            return name, argument
    return None


@dataclass(slots=True)
class Conditions:
    """A template's named conditions, each worked out once, from parameters and mappings only."""

    declared: Mapping[str, object]
    lookup: Lookup
    mappings: Mapping[str, object] = field(default_factory=dict)
    _known: dict[str, bool] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)

    def holds(self, name: str) -> bool:
        """Whether condition `name` is true.

        Raises:
            ConfigurationError: it does not exist, refers to itself, or is no condition.
        """
        if name in self._known:
            return self._known[name]
        if name not in self.declared:
            raise ConfigurationError(
                f"There is no condition '{name}'; the template has "
                f"{', '.join(sorted(self.declared)) or 'none'}."
            )
        if name in self._open:
            raise ConfigurationError(f"Conditions form a circle: {' → '.join([*self._open, name])}")
        self._open.append(name)
        resolver = Resolver(self.lookup, self, self.mappings)
        self._known[name] = resolver.truth(self.declared[name], f"Conditions.{name}")
        self._open.pop()
        return self._known[name]


@dataclass(frozen=True, slots=True)
class Resolver:
    """Replaces every function in a part of a template by its value.

    `where` in its methods is the place in the template, for messages.
    """

    lookup: Lookup
    conditions: Conditions
    mappings: Mapping[str, object] = field(default_factory=dict)

    def value(self, node: object, where: str) -> object:
        """`node` with all functions worked out; NO_VALUE if it comes to nothing.

        Raises:
            ConfigurationError: a function is used wrongly, or a name does not exist.
            UnsupportedResource: a function that the local cloud does not know.
        """
        call = function_of(node)
        if call is not None:
            name, argument = call
            return self._call(name, argument, f"{where}: {name}")
        if isinstance(node, Mapping):
            items = ((key, self.value(item, f"{where}.{key}")) for key, item in node.items())
            return {key: item for key, item in items if item is not NO_VALUE}
        if isinstance(node, list):
            values = [self.value(item, f"{where}[{i}]") for i, item in enumerate(node)]
            return [value for value in values if value is not NO_VALUE]
        return node

    def truth(self, node: object, where: str) -> bool:
        """The condition `node`: a logical function, or a reference to a named condition."""
        if isinstance(node, Mapping) and len(node) == 1:
            ((name, argument),) = node.items()
            if name == "Condition":
                return self.conditions.holds(str(argument))
            if name in _LOGIC:
                return self._logic(str(name), argument, f"{where}: {name}")
        raise ConfigurationError(
            f"{where}: {node!r} is no condition; expected Fn::Equals, Fn::And, Fn::Or, Fn::Not "
            "or {Condition: name}."
        )

    def branch(self, argument: object, where: str) -> object:
        """The chosen branch of an Fn::If, still as it stands in the template."""
        name, when_true, when_false = _arguments(argument, 3, where)
        return when_true if self.conditions.holds(str(name)) else when_false

    def _call(self, name: str, argument: object, where: str) -> object:
        if name in _LOGIC:
            raise ConfigurationError(f"{where} may stand under Conditions only.")
        if name == "Fn::If":
            return self.value(self.branch(argument, where), where)
        function = _FUNCTIONS.get(name)
        if function is None:
            raise UnsupportedResource(
                f"{where} is not supported; the local cloud knows "
                f"{', '.join(sorted({'Fn::If', *_FUNCTIONS}))}."
            )
        return function(self, argument, where)

    def _logic(self, name: str, argument: object, where: str) -> bool:
        if name == "Fn::Equals":
            left, right = (self.value(item, where) for item in _arguments(argument, 2, where))
            return _comparable(left) == _comparable(right)
        if name == "Fn::Not":
            return not self.truth(_arguments(argument, 1, where)[0], where)
        if not isinstance(argument, list) or not 2 <= len(argument) <= 10:
            raise ConfigurationError(f"{where} takes a list of 2 to 10 conditions.")
        truths = [self.truth(item, where) for item in argument]
        return all(truths) if name == "Fn::And" else any(truths)

    def _text(self, node: object, where: str) -> str:
        value = self.value(node, where)
        if value is NO_VALUE or isinstance(value, Mapping | list) or value is None:
            raise ConfigurationError(f"{where} needs a text here, not {value!r}.")
        return scalar_text(value)

    def _texts(self, node: object, where: str) -> list[str]:
        values = self.value(node, where)
        if not isinstance(values, list):
            raise ConfigurationError(f"{where} needs a list here, not {values!r}.")
        return [self._text(value, where) for value in values]

    def ref(self, argument: object, where: str) -> object:
        name = str(argument)
        if name == "AWS::NoValue":
            return NO_VALUE
        try:
            return self.lookup.ref(name)
        except KeyError:
            raise ConfigurationError(
                f"{where} {name}: no such parameter or resource in this stack."
            ) from None

    def get_att(self, argument: object, where: str) -> object:
        if isinstance(argument, str):
            argument = argument.split(".", 1)
        logical_id, name = _arguments(argument, 2, where)
        attribute = self._text(name, where)
        try:
            return self.lookup.attribute(str(logical_id), attribute)
        except KeyError:
            raise ConfigurationError(
                f"{where} {logical_id}.{attribute}: no such resource or attribute in this stack."
            ) from None

    def sub(self, argument: object, where: str) -> str:
        variables: Mapping[str, object] = {}
        text = argument
        if isinstance(argument, list):
            text, given = _arguments(argument, 2, where)
            if not isinstance(given, Mapping):
                raise ConfigurationError(f"{where} takes a text and a mapping of variables.")
            variables = given
        if not isinstance(text, str):
            raise ConfigurationError(f"{where} takes a text, not {text!r}.")
        return VARIABLE.sub(lambda found: self._variable(found[1], variables, where), text)

    def _variable(self, name: str, variables: Mapping[str, object], where: str) -> str:
        name = name.strip()
        if name.startswith("!"):  # ${!Name} writes ${Name}
            return "${" + name[1:] + "}"
        if name in variables:
            return self._text(variables[name], where)
        return self._text({"Fn::GetAtt": name} if "." in name else {"Ref": name}, where)

    def join(self, argument: object, where: str) -> str:
        delimiter, items = _arguments(argument, 2, where)
        return str(delimiter).join(self._texts(items, where))

    def split(self, argument: object, where: str) -> list[str]:
        delimiter, text = _arguments(argument, 2, where)
        if not isinstance(delimiter, str) or not delimiter:
            raise ConfigurationError(f"{where} takes a text that is not empty as its delimiter.")
        return self._text(text, where).split(delimiter)

    def select(self, argument: object, where: str) -> object:
        index, items = _arguments(argument, 2, where)
        values = self.value(items, where)
        position = self._text(index, where)
        if not isinstance(values, list):
            raise ConfigurationError(f"{where} takes an index and a list, not {values!r}.")
        if not position.isdecimal() or int(position) >= len(values):
            raise ConfigurationError(
                f"{where}: the index is {position}, but the list has {len(values)} items."
            )
        return values[int(position)]

    def find_in_map(self, argument: object, where: str) -> object:
        if not isinstance(argument, list) or len(argument) not in (3, 4):
            raise ConfigurationError(f"{where} takes the names of a map and of two keys.")
        found: object = self.mappings
        for key in [self._text(item, where) for item in argument[:3]]:
            if not isinstance(found, Mapping) or key not in found:
                if len(argument) == 4 and isinstance(argument[3], Mapping):
                    return self.value(argument[3].get("DefaultValue"), where)
                raise ConfigurationError(f"{where}: there is no key '{key}' in the mapping.")
            found = found[key]
        return found

    def base64(self, argument: object, where: str) -> str:
        return base64.b64encode(self._text(argument, where).encode()).decode()

    def length(self, argument: object, where: str) -> int:
        value = self.value(argument, where)
        if not isinstance(value, list):
            raise ConfigurationError(f"{where} takes a list, not {value!r}.")
        return len(value)

    def to_json(self, argument: object, where: str) -> str:
        return json.dumps(self.value(argument, where), separators=(",", ":"))


_FUNCTIONS: Mapping[str, Callable[[Resolver, object, str], object]] = {
    "Ref": Resolver.ref,
    "Fn::GetAtt": Resolver.get_att,
    "Fn::Sub": Resolver.sub,
    "Fn::Join": Resolver.join,
    "Fn::Split": Resolver.split,
    "Fn::Select": Resolver.select,
    "Fn::FindInMap": Resolver.find_in_map,
    "Fn::Base64": Resolver.base64,
    "Fn::Length": Resolver.length,
    "Fn::ToJsonString": Resolver.to_json,
}


def _arguments(argument: object, count: int, where: str) -> list[object]:
    if not isinstance(argument, list) or len(argument) != count:
        raise ConfigurationError(f"{where} takes a list of {count}, not {argument!r}.")
    return argument


def _comparable(value: object) -> object:
    """CloudFormation compares scalars as texts: 1 equals '1', true equals 'true'."""
    return value if isinstance(value, Mapping | list) else scalar_text(value)
