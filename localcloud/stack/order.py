"""What depends on what in a template, and so the order in which resources are made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from millrace.errors import ConfigurationError

from localcloud.stack.intrinsics import VARIABLE, Resolver, function_of


def creation_order(
    resources: Mapping[str, Mapping[str, object]], resolver: Resolver
) -> tuple[str, ...]:
    """The logical ids of the resources whose conditions hold, each after all that it needs.

    Raises:
        ConfigurationError: resources need each other in a circle, or one needs a resource whose
            condition does not hold.
    """
    present = [name for name, body in resources.items() if _holds(body, resolver)]
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for name in present:
        sorter.add(name, *_needs(name, resources, resolver))
    try:
        return tuple(sorter.static_order())
    except CycleError as error:
        circle = " → ".join(reversed(error.args[1]))
        raise ConfigurationError(f"Resources need each other in a circle: {circle}") from error


def _holds(body: Mapping[str, object], resolver: Resolver) -> bool:
    condition = body.get("Condition")
    return condition is None or resolver.conditions.holds(str(condition))


def _needs(
    name: str, resources: Mapping[str, Mapping[str, object]], resolver: Resolver
) -> list[str]:
    body = resources[name]
    found: list[str] = []
    for other in references(body.get("Properties"), resolver, name):
        if other not in resources:
            continue  # a parameter, or a mistake that the resolver names
        if not _holds(resources[other], resolver):
            raise ConfigurationError(
                f"{name} refers to {other}, whose condition "
                f"'{resources[other]['Condition']}' does not hold."
            )
        found.append(other)
    return found + [
        other for other in _depends_on(name, resources) if _holds(resources[other], resolver)
    ]


def _depends_on(name: str, resources: Mapping[str, Mapping[str, object]]) -> list[str]:
    declared = resources[name].get("DependsOn", [])
    others = [str(item) for item in declared] if isinstance(declared, list) else [str(declared)]
    for other in others:
        if other not in resources:
            raise ConfigurationError(f"{name} depends on {other}, which is not in the template.")
    return others


def references(node: object, resolver: Resolver, where: str) -> Iterator[str]:
    """The names, parameters included, that `node` refers to; of an Fn::If in its chosen branch."""
    call = function_of(node)
    if call is None:
        items: Sequence[object] = ()
        if isinstance(node, Mapping):
            items = list(node.values())
        elif isinstance(node, list):
            items = node
        for item in items:
            yield from references(item, resolver, where)
        return
    name, argument = call
    if name == "Ref":
        yield str(argument)
    elif name == "Fn::GetAtt":
        yield str(argument[0]) if isinstance(argument, list) else str(argument).split(".", 1)[0]
    elif name == "Fn::If":
        yield from references(resolver.branch(argument, where), resolver, where)
    else:
        if name == "Fn::Sub":
            yield from _variables(argument)
        yield from references(argument, resolver, where)


def _variables(argument: object) -> Iterator[str]:
    """The names in an Fn::Sub's text that are not variables of its own."""
    text, own = argument, {}
    if isinstance(argument, list) and len(argument) == 2:
        text, own = argument
    for name in VARIABLE.findall(str(text)):
        if not name.strip().startswith("!") and name.strip() not in own:
            yield name.strip().split(".", 1)[0]
