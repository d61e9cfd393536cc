"""Requests to a rest-json service, read and checked against botocore's own model of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson
from botocore.model import ListShape, OperationModel, ServiceModel, Shape, StructureShape
from botocore.session import Session
from botocore.validate import ParamValidator

from localcloud.feature_store.errors import invalid

SERVICE = "sagemaker-featurestore-runtime"


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation: its name, method and path (with `{Name}` for a label), and its errors."""

    name: str
    method: str
    path: str
    errors: frozenset[str]
    model: OperationModel

    def parameters(
        self, labels: Mapping[str, str], query: Mapping[str, Sequence[str]], body: bytes
    ) -> dict[str, Any]:
        """The parameters in a request, by their names in the model.

        Raises FeatureStoreError for what the model does not allow; members that it does not know
        are ignored, as AWS ignores them.
        """
        shape = self.model.input_shape
        assert isinstance(shape, StructureShape), f"{self.name} takes no parameters"
        content = _json_object(body)
        found: dict[str, Any] = {}
        for name, member in shape.members.items():
            wire = member.serialization.get("name", name)
            location = member.serialization.get("location")
            if location == "uri":
                found[name] = labels.get(wire)
            elif location == "querystring":
                values = list(query.get(wire, ())) or None
                found[name] = values if member.type_name == "list" or not values else values[0]
            else:
                found[name] = content.get(wire)
        parameters = {
            name: _known(value, shape.members[name])
            for name, value in found.items()
            if value is not None
        }
        _check(parameters, shape)
        return parameters


@cache
def operations() -> tuple[Operation, ...]:
    """The operations of the feature store's runtime, longer paths first."""
    model: ServiceModel = Session().get_service_model(SERVICE)
    found = [_operation(model.operation_model(name)) for name in model.operation_names]
    return tuple(sorted(found, key=lambda each: len(each.path), reverse=True))


def _operation(model: OperationModel) -> Operation:
    errors = frozenset(shape.name for shape in model.error_shapes)
    return Operation(model.name, model.http["method"], model.http["requestUri"], errors, model)


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        content = orjson.loads(body) if body else {}
    except ValueError as error:
        raise invalid(f"The body is not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise invalid("The body must be a JSON object")
    return content


def _check(parameters: Mapping[str, Any], shape: Shape) -> None:
    report = ParamValidator().validate(parameters, shape)
    if report.has_errors():
        raise invalid(f"1 validation error detected: {report.generate_report()}")
    for problem in _constraints(parameters, shape, ""):
        raise invalid(f"1 validation error detected: {problem}")


def _known(value: object, shape: Shape) -> object:
    """`value` without members that the model does not know."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        members = shape.members
        return {
            name: _known(each, members[name]) for name, each in value.items() if name in members
        }
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_known(each, shape.member) for each in value]
    return value


def _constraints(value: object, shape: Shape, path: str) -> Iterator[str]:
    """What botocore leaves to the service: largest sizes, patterns and enumerations."""
    rule = _broken_rule(value, shape)
    if rule is not None:
        yield f"Value {str(value)[:80]!r} at '{path}' failed to satisfy constraint: {rule}"
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        for name, each in value.items():
            yield from _constraints(each, shape.members[name], f"{path}.{name}".lstrip("."))
    elif isinstance(shape, ListShape) and isinstance(value, list):
        for number, each in enumerate(value, 1):
            yield from _constraints(each, shape.member, f"{path}.{number}.member")


def _broken_rule(value: object, shape: Shape) -> str | None:
    most, pattern, enum = (shape.metadata.get(key) for key in ("max", "pattern", "enum"))
    if most is not None and isinstance(value, int) and value > most:
        return f"Member must have value less than or equal to {most}"
    if most is not None and isinstance(value, str | list) and len(value) > most:
        return f"Member must have length less than or equal to {most}"
    if isinstance(value, str):
        if pattern is not None and re.fullmatch(pattern, value, re.DOTALL) is None:
            return f"Member must satisfy regular expression pattern: {pattern}"
        if enum and value not in enum:
            return f"Member must satisfy enum value set: [{', '.join(enum)}]"
    return None
