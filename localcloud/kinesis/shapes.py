"""Decoders made from the shapes of a botocore service model.

A decoder takes one JSON value, checks it (type, length, range, pattern, allowed values, required
and unknown members) and returns it as Python has it: blobs as bytes, timestamps as milliseconds
since the epoch. The first fault is raised; its path is put together on the way up, so that a valid
request pays nothing for it.
"""

from __future__ import annotations

import binascii
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

Decoder = Callable[[object], Any]


class FaultError(Exception):
    """A value that does not fit its shape. `malformed` says that its very type is wrong."""

    def __init__(self, value: object, constraint: str, *, malformed: bool = False) -> None:
        super().__init__(constraint)
        self.value = value
        self.constraint = constraint
        self.malformed = malformed
        self._path: list[str] = []

    def at(self, step: str) -> FaultError:
        """Add the member that the faulty value is in."""
        self._path.insert(0, step)
        return self

    @property
    def path(self) -> str:
        """Where the value stands, as AWS writes it: `records.1.member.partitionKey`."""
        return ".".join(step[:1].lower() + step[1:] for step in self._path)


def decoder_of(shape: Shape) -> Decoder:
    """The decoder of a shape; raises FaultError for values that do not fit."""
    if isinstance(shape, StructureShape):
        members = {name: decoder_of(member) for name, member in shape.members.items()}
        return structure(members, frozenset(shape.required_members))
    if isinstance(shape, ListShape):
        return _list(decoder_of(shape.member), _length(shape))
    if isinstance(shape, MapShape):
        return _map(decoder_of(shape.key), decoder_of(shape.value), _length(shape))
    if isinstance(shape, StringShape):
        return _string(shape)
    return _SCALARS[shape.type_name](shape)


def structure(members: Mapping[str, Decoder], required: frozenset[str]) -> Decoder:
    """A decoder of objects with these members; null is as good as absent."""

    def decode(value: object) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise FaultError(value, "an object", malformed=True)
        decoded: dict[str, Any] = {}
        for name, item in value.items():
            decoder = members.get(name)
            if decoder is None:
                raise FaultError(item, f"Member must be one of {sorted(members)}").at(name)
            if item is not None:
                try:
                    decoded[name] = decoder(item)
                except FaultError as fault:
                    raise fault.at(name) from None
        if not required <= decoded.keys():
            raise FaultError(None, "Member must not be null").at(min(required - decoded.keys()))
        return decoded

    return decode


def _list(member: Decoder, check: Callable[[Any], None]) -> Decoder:
    def decode(value: object) -> list[Any]:
        if not isinstance(value, list):
            raise FaultError(value, "a list", malformed=True)
        check(value)
        decoded = []
        for item in value:
            try:
                decoded.append(member(item))
            except FaultError as fault:
                raise fault.at("member").at(str(len(decoded) + 1)) from None
        return decoded

    return decode


def _map(key: Decoder, member: Decoder, check: Callable[[Any], None]) -> Decoder:
    def decode(value: object) -> dict[Any, Any]:
        if not isinstance(value, dict):
            raise FaultError(value, "an object", malformed=True)
        check(value)
        decoded = {}
        for name, item in value.items():
            try:
                decoded[key(name)] = member(item)
            except FaultError as fault:
                raise fault.at("member").at(name) from None
        return decoded

    return decode


def _string(shape: StringShape) -> Decoder:
    check = _length(shape)
    allowed = frozenset(shape.enum)
    pattern = (
        re.compile(_python(shape.metadata["pattern"])) if "pattern" in shape.metadata else None
    )

    def decode(value: object) -> str:
        if not isinstance(value, str):
            raise FaultError(value, "text", malformed=True)
        check(value)
        if allowed and value not in allowed:
            listed = ", ".join(sorted(allowed))
            raise FaultError(value, f"Member must satisfy enum value set: [{listed}]")
        if pattern is not None and not pattern.fullmatch(value):
            constraint = f"Member must satisfy regular expression pattern: {pattern.pattern}"
            raise FaultError(value, constraint)
        return value

    return decode


def _python(pattern: str) -> str:
    """A pattern of the model as Python has it, which knows no classes of Unicode by name."""
    for name, ours in (("L", r"\w"), ("N", r"\d"), ("Z", r"\s")):
        pattern = pattern.replace(rf"\p{{{name}}}", ours)
    return pattern


def _blob(shape: Shape) -> Decoder:
    check = _length(shape)

    def decode(value: object) -> bytes:
        if not isinstance(value, str):
            raise FaultError(value, "base64 text", malformed=True)
        try:
            decoded = binascii.a2b_base64(value, strict_mode=True)
        except ValueError:
            raise FaultError(value, "base64 text", malformed=True) from None
        check(decoded)
        return decoded

    return decode


def _integer(shape: Shape) -> Decoder:
    bits = 63 if shape.type_name == "long" else 31
    lowest = shape.metadata.get("min", -(1 << bits))
    highest = shape.metadata.get("max", (1 << bits) - 1)

    def decode(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise FaultError(value, "a whole number", malformed=True)
        if value < lowest:
            raise FaultError(value, f"Member must have value greater than or equal to {lowest}")
        if value > highest:
            raise FaultError(value, f"Member must have value less than or equal to {highest}")
        return value

    return decode


def _number(shape: Shape) -> Decoder:
    lowest, highest = shape.metadata.get("min", -math.inf), shape.metadata.get("max", math.inf)

    def decode(value: object) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise FaultError(value, "a number", malformed=True)
        if not lowest <= value <= highest:
            raise FaultError(value, f"Member must have a value from {lowest} to {highest}")
        return float(value)

    return decode


def _boolean(_: Shape) -> Decoder:
    def decode(value: object) -> bool:
        if not isinstance(value, bool):
            raise FaultError(value, "true or false", malformed=True)
        return value

    return decode


def _timestamp(_: Shape) -> Decoder:
    def decode(value: object) -> int:
        if (
            not isinstance(value, int | float)
            or isinstance(value, bool)
            or not math.isfinite(value)
        ):
            raise FaultError(value, "a number of seconds since 1970", malformed=True)
        return round(value * 1000)

    return decode


def _length(shape: Shape) -> Callable[[Any], None]:
    shortest, longest = shape.metadata.get("min", 0), shape.metadata.get("max")

    def check(value: Any) -> None:  # noqa: ANN401 - whatever has a length
        if len(value) < shortest:
            constraint = f"Member must have length greater than or equal to {shortest}"
            raise FaultError(value, constraint)
        if longest is not None and len(value) > longest:
            raise FaultError(value, f"Member must have length less than or equal to {longest}")

    return check


_SCALARS: Mapping[str, Callable[[Shape], Decoder]] = {
    "blob": _blob,
    "boolean": _boolean,
    "double": _number,
    "integer": _integer,
    "long": _integer,
    "timestamp": _timestamp,
}
