"""Every operation by its name, with its request and its answer held against botocore's model."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote

import botocore.session
import orjson
from botocore.model import OperationModel, Shape, StructureShape

from localcloud.gateway.routes import operation_of
from localcloud.kinesis.shapes import Decoder, FaultError, decoder_of, structure
from localcloud.lambda_control import aliases, functions, layers
from localcloud.lambda_control.errors import LambdaError, UnknownOperation, ValidationFailed
from localcloud.lambda_control.names import Where
from localcloud.lambda_control.state import World

Members = Mapping[str, Any]
Handler = Callable[[World, Where, Members], "Mapping[str, Any] | None"]

HANDLERS: Mapping[str, Handler] = {
    "AddLayerVersionPermission": layers.add_permission,
    "CreateAlias": aliases.create,
    "CreateFunction": functions.create,
    "DeleteAlias": aliases.delete,
    "DeleteFunction": functions.delete,
    "DeleteLayerVersion": layers.delete,
    "GetAlias": aliases.get,
    "GetFunction": functions.get,
    "GetFunctionConfiguration": functions.get_configuration,
    "GetLayerVersion": layers.get,
    "GetLayerVersionByArn": layers.get_by_arn,
    "GetLayerVersionPolicy": layers.get_policy,
    "ListAliases": aliases.list_aliases,
    "ListFunctions": functions.list_functions,
    "ListLayers": layers.list_layers,
    "ListLayerVersions": layers.list_versions,
    "ListTags": aliases.list_tags,
    "ListVersionsByFunction": functions.list_versions,
    "PublishLayerVersion": layers.publish,
    "PublishVersion": functions.publish,
    "RemoveLayerVersionPermission": layers.remove_permission,
    "TagResource": aliases.tag,
    "UntagResource": aliases.untag,
    "UpdateAlias": aliases.update,
    "UpdateFunctionCode": functions.update_code,
    "UpdateFunctionConfiguration": functions.update_configuration,
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: how its request is read and its answer checked."""

    model: OperationModel
    path: re.Pattern[str]
    request: Decoder
    answer: Decoder
    bound: Mapping[str, tuple[str, str, Shape]]

    @property
    def status(self) -> int:
        """The HTTP status of its answer."""
        return int(self.model.http.get("responseCode", 200))

    def members(self, path: str, query: str, body: bytes) -> Members:
        """The members of a request. Raises ValidationFailed."""
        given: dict[str, Any] = {}
        if body:
            try:
                given = orjson.loads(body)
            except orjson.JSONDecodeError as error:
                raise ValidationFailed(f"Could not parse request body into json: {error}") from None
        found = self.path.fullmatch(path)
        parameters = parse_qs(query, keep_blank_values=True)
        for name, (location, wire, shape) in self.bound.items():
            if location == "uri" and found is not None:
                given[name] = _typed(unquote(found[name]), shape)
            elif location == "querystring" and wire in parameters:
                values = parameters[wire]
                given[name] = values if shape.type_name == "list" else _typed(values[0], shape)
        try:
            decoded: Members = self.request(given)
        except FaultError as fault:
            raise ValidationFailed(
                f"1 validation error detected: Value {fault.value!r:.60} at '{fault.path}' failed "
                f"to satisfy constraint: {fault.constraint}"
            ) from None
        return decoded

    def body(self, answer: Mapping[str, Any] | None) -> bytes:
        """The body of an answer. Raises LambdaError for one that Lambda could not give."""
        if answer is None:
            return b""
        body = orjson.dumps(answer)
        try:
            self.answer(orjson.loads(body))
        except FaultError as fault:
            raise LambdaError(
                f"The answer to {self.model.name} does not fit the service's model: {fault.path} "
                f"is {fault.value!r:.60}; {fault.constraint}."
            ) from None
        return body


def operation(method: str, path: str, query: str) -> Operation:
    """The operation that a request calls. Raises UnknownOperation."""
    name = operation_of("lambda", method, path, query, ())
    if name is None or name not in HANDLERS:
        raise UnknownOperation(
            f"{name or f'{method} {path}'} is not emulated here; there are: "
            f"{', '.join(sorted(HANDLERS))}."
        )
    return _operation(name)


@cache
def _operation(name: str) -> Operation:
    model = _service().operation_model(name)
    uri = model.http["requestUri"].partition("?")[0]
    pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(uri)) + "/?"
    shape = model.input_shape
    members = shape.members if isinstance(shape, StructureShape) else {}
    bound = {
        one: (at, part.serialization.get("name", one), part)
        for one, part in members.items()
        if (at := part.serialization.get("location"))
    }
    return Operation(
        model, re.compile(pattern), _decoder(model.input_shape), _decoder(model.output_shape), bound
    )


def _decoder(shape: Shape | None) -> Decoder:
    return structure({}, frozenset()) if shape is None else decoder_of(shape)


@cache
def _service() -> Any:  # noqa: ANN401  a ServiceModel, which botocore's stubs do not say
    return botocore.session.Session().get_service_model("lambda")


def _typed(text: str, shape: Shape) -> object:
    if shape.type_name in ("integer", "long"):
        try:
            return int(text)
        except ValueError:
            return text
    return text == "true" if shape.type_name == "boolean" else text
