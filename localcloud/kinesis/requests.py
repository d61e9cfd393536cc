"""From the body of a request to its members, checked against botocore's model of the service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import botocore.session
import orjson
from botocore.model import ServiceModel

from localcloud.kinesis.errors import (
    InvalidArgument,
    KinesisError,
    MalformedRequest,
    ValidationFailed,
)
from localcloud.kinesis.shapes import Decoder, FaultError, decoder_of, structure

Members = Mapping[str, Any]

# Members that the model has and this Kinesis does not honour, with the values that ask for nothing.
_NOT_HONOURED: Mapping[str, tuple[object, ...]] = {
    "DryRun": (False,),
    "RecordDistributionStrategy": ("USER_PARTITION_KEY",),
    "StreamId": (),
    "WarmThroughputMiBps": (0,),
}
_SHOWN = 60


class RequestDecoder:
    """Decodes the requests of one service; every operation's decoder is made at its first use."""

    def __init__(self, model: ServiceModel) -> None:
        self._model = model
        self._decoders: dict[str, Decoder] = {}

    @property
    def operations(self) -> frozenset[str]:
        """The names of all operations of the service."""
        return frozenset(self._model.operation_names)

    def decode(self, operation: str, body: bytes) -> Members:
        """The members of a request: blobs are bytes, timestamps milliseconds since the epoch.

        Raises MalformedRequest for what is not JSON or of another type, ValidationFailed for what
        the model does not allow, InvalidArgument for what it allows and this Kinesis does not do.
        """
        try:
            content: object = orjson.loads(body or b"{}")
        except orjson.JSONDecodeError as error:
            raise MalformedRequest(f"The body is not JSON: {error}.") from error
        try:
            members = cast(Members, self._decoder(operation)(content))
        except FaultError as fault:
            raise _refusal(fault) from None
        _require_honoured(operation, members)
        return members

    def _decoder(self, operation: str) -> Decoder:
        if operation not in self._decoders:
            shape = self._model.operation_model(operation).input_shape
            decoder = structure({}, frozenset()) if shape is None else decoder_of(shape)
            self._decoders[operation] = decoder
        return self._decoders[operation]


def kinesis_requests() -> RequestDecoder:
    """The decoder for Kinesis; reads the model, which takes some 50 ms."""
    return RequestDecoder(botocore.session.Session().get_service_model("kinesis"))


def _refusal(fault: FaultError) -> KinesisError:
    shown = "null" if fault.value is None else repr(fault.value)
    shown = shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "…"
    if fault.malformed:
        return MalformedRequest(
            f"{fault.path or 'The body'} is {shown}; expected {fault.constraint}."
        )
    return ValidationFailed(
        f"1 validation error detected: Value {shown} at '{fault.path}' failed to satisfy "
        f"constraint: {fault.constraint}"
    )


def _require_honoured(operation: str, members: Members) -> None:
    for name, harmless in _NOT_HONOURED.items():
        if name in members and members[name] not in harmless:
            raise InvalidArgument(
                f"{operation}: {name} = {members[name]!r} is not emulated by the local Kinesis; "
                "leave it out."
            )
