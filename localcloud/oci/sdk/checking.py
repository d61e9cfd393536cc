"""Documents held against the SDK's models: unknown fields, types, enumerations, what is missing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from localcloud.oci.errors import BadAnswer, InvalidParameter, MissingParameter, OciError
from localcloud.oci.sdk.catalogue import Catalogue, Field, Model, Operation

_LIST = re.compile(r"list\[(.+)\]")
_MAP = re.compile(r"dict\(str, (.+)\)")
_PLAIN: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "bytearray": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "object": (object,),
}
_SHOWN = {"str": "a text", "int": "a whole number", "float": "a number", "bool": "true or false"}


@dataclass(frozen=True, slots=True)
class Checker:
    """Of one catalogue. Null is the same as absent, except where a service answers with it."""

    catalogue: Catalogue
    null_counts: bool = False

    def query(self, operation: Operation, given: Mapping[str, str]) -> None:
        """Raise InvalidParameter, MissingParameter unless the parameters are the operation's."""
        for name in given.keys() - operation.query.keys():
            raise InvalidParameter(f"{operation.name} takes no parameter {name!r:.80}")
        for name, required in operation.query.items():
            if required and not given.get(name):
                raise MissingParameter(f"{operation.name} needs the parameter {name}")

    def request(self, operation: Operation, document: object) -> None:
        """Raise InvalidParameter, MissingParameter unless a body is of the operation's model."""
        assert operation.body is not None
        if document is None:
            raise MissingParameter(f"{operation.name} needs a body, a {operation.body}")
        self._check(operation.service, operation.body, document, "")

    def document(self, service: str, model: str, document: object) -> None:
        """Raise InvalidParameter, MissingParameter unless a document is of the model."""
        self._check(service, model, document, "")

    def answer(self, operation: Operation, document: object) -> None:
        """Raise BadAnswer where the local cloud would answer what the service never does."""
        if operation.response in (None, "stream"):
            return
        try:
            # A message without a key has a null there, although the model says that it must be.
            strict = replace(self, null_counts=True)
            strict._check(operation.service, operation.response or "", document, "")
        except OciError as error:
            raise BadAnswer(f"The answer of {operation.name} is none: {error}") from error

    def _check(self, service: str, kind: str, value: object, at: str) -> None:
        if found := _LIST.fullmatch(kind):
            for index, one in enumerate(_list(value, at)):
                self._check(service, found[1], one, f"{at}[{index}]")
        elif found := _MAP.fullmatch(kind):
            for name, one in _object(value, "an object", at).items():
                self._check(service, found[1], one, f"{at}.{name:.80}")
        elif kind in ("datetime", "date"):
            _check_time(value, at)
        elif kind in _PLAIN:
            wrong = isinstance(value, bool) and kind in ("int", "float")
            if value is not None and (wrong or not isinstance(value, _PLAIN[kind])):
                raise _mistyped(value, _SHOWN.get(kind, kind), at)
        elif value is not None:
            self._check_object(service, kind, value, at)

    def _check_object(self, service: str, kind: str, value: object, at: str) -> None:
        told = _object(value, f"an object ({kind})", at)
        model = self._narrowed(service, self.catalogue.models[service, kind], told, at)
        for name in told.keys() - model.fields.keys():
            raise InvalidParameter(f"{model.name} has no field {name!r:.80}")
        for name, field in model.fields.items():
            where, one = f"{at}.{name}".lstrip("."), told.get(name)
            if one is None:
                if field.required and not (self.null_counts and name in told):
                    raise MissingParameter(f"{where} must be there, by {model.name}")
                continue
            self._check(service, field.type, one, where)
            _check_values(field, one, where)

    def _narrowed(self, service: str, model: Model, told: Mapping[str, object], at: str) -> Model:
        if model.subtypes is None:
            return model
        field, names = model.subtypes
        chosen = told.get(field)
        if chosen is None:
            raise MissingParameter(f"{at}.{field} must say which {model.name} it is".lstrip("."))
        if not isinstance(chosen, str) or chosen not in names:
            known = ", ".join(names)
            raise InvalidParameter(f"{at}.{field} is {chosen!r:.80}; known are {known}".lstrip("."))
        return self.catalogue.models[service, names[chosen]]


def _list(value: object, at: str) -> Sequence[object]:
    if not isinstance(value, list):
        raise _mistyped(value, "a list", at)
    return value


def _object(value: object, shown: str, at: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise _mistyped(value, shown, at)
    return value


def _check_values(field: Field, value: object, at: str) -> None:
    if field.values is None:
        return
    for one in value if isinstance(value, Sequence) and not isinstance(value, str) else [value]:
        if one not in field.values:
            raise InvalidParameter(f"{at} is {one!r:.80}; it may be {', '.join(field.values)}")


def _check_time(value: object, at: str) -> None:
    try:
        if value is None or datetime.fromisoformat(str(value)).tzinfo:
            return
    except ValueError:
        pass
    raise _mistyped(value, "a time as RFC 3339 has it", at)


def _mistyped(value: object, wanted: str, at: str) -> InvalidParameter:
    return InvalidParameter(f"{at or 'The body'} must be {wanted} but is {value!r:.80}")
