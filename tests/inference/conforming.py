"""Answers held against the OpenAPI document."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from millrace.inference.openapi import document
from openapi_schema_validator import OAS31Validator

_DOCUMENT = document()


def assert_conforms(route: str, answer: dict[str, Any]) -> None:
    """Fail unless an answer is as the document says, for its route and its status.

    A route that there is not may only be answered with an error.
    """
    status = str(answer["statusCode"])
    body = json.loads(answer["body"], parse_constant=_refuse)
    assert answer["headers"]["content-type"] == "application/json"
    method, _, path = route.partition(" ")
    operation = _DOCUMENT["paths"].get(path, {}).get(method.lower())
    if operation is None:
        assert status in ("400", "404", "413", "415")
        _validator("Error").validate(body)
        return
    described = operation["responses"][status]
    schema = described["content"]["application/json"]["schema"]
    name = schema.get("$ref", "").rpartition("/")[2]
    if name:
        _validator(name).validate(body)
    for header, about in described.get("headers", {}).items():
        assert about == {"$ref": "#/components/headers/RetryAfter"}
        assert re.fullmatch("[1-9][0-9]*", answer["headers"][header.lower()])


@cache
def _validator(name: str) -> Any:
    schema = {"$ref": f"#/components/schemas/{name}", "components": _DOCUMENT["components"]}
    return OAS31Validator(schema, format_checker=OAS31Validator.FORMAT_CHECKER)


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")
