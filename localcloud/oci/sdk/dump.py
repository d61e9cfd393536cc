"""Print what the installed SDK knows of some services, as JSON. Run by the SDK's own Python.

Operations are read out of the clients' sources, for nothing else tells path, parameters and models
of a call; types, required fields and values of an enumeration come from the models.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import os
import re
import sys
import textwrap
from typing import Any

os.environ.setdefault("OCI_PYTHON_SDK_NO_SERVICE_IMPORTS", "1")

_REQUIRED = "**[Required]**"


def operations(service: str) -> dict[str, Any]:
    """The operations of a service's clients, by name."""
    module = importlib.import_module(f"oci.{service}")
    found: dict[str, Any] = {}
    for name in dir(module):
        if name.endswith("Client") and not name.startswith("Base"):
            source = inspect.getsource(getattr(module, name))
            base = re.search(r"'base_path': '([^']*)'", source)
            (tree,) = ast.parse(source).body
            assert isinstance(tree, ast.ClassDef)
            for part in tree.body:
                if isinstance(part, ast.FunctionDef) and base is not None:
                    told = _operation(part, base[1].rstrip("/"))
                    found.update({} if told is None else {part.name: told})
    return found


def _operation(function: ast.FunctionDef, base: str) -> dict[str, Any] | None:
    values = {
        part.targets[0].id: part.value
        for part in reversed(function.body)
        if isinstance(part, ast.Assign) and isinstance(part.targets[0], ast.Name)
    }
    if "resource_path" not in values:
        return None
    call = next(
        part
        for part in ast.walk(function)
        if isinstance(part, ast.Call) and any(one.arg == "resource_path" for one in part.keywords)
    )
    arguments = {one.arg: one.value for one in call.keywords}
    response = arguments.get("response_type")
    signs = arguments.get("enforce_content_headers")
    return {
        "method": ast.literal_eval(values["method"]),
        "path": base + ast.literal_eval(values["resource_path"]),
        "query": _parameters(values.get("query_params")),
        "headers": _parameters(values.get("header_params")),
        "body": _body(arguments.get("body"), ast.get_docstring(function) or ""),
        "body_signed": not (isinstance(signs, ast.Constant) and signs.value is False),
        "response": None if response is None else ast.literal_eval(response),
    }


def _parameters(told: ast.expr | None) -> dict[str, bool]:
    """Names on the wire, and whether each must be there."""
    if not isinstance(told, ast.Dict):
        return {}
    return {
        ast.literal_eval(key): "kwargs" not in ast.unparse(value)
        for key, value in zip(told.keys, told.values, strict=True)
        if key is not None and not isinstance(value, ast.Constant)
    }


def _body(told: ast.expr | None, documentation: str) -> str | None:
    """The model of a body; `stream` is one of plain bytes."""
    if told is None:
        return None
    named = re.search(r"kwargs\.get\('(\w+)'", ast.unparse(told))
    name = named[1] if named else ast.unparse(told)
    kind = re.search(rf":param\s+(\S+)\s+{re.escape(name)}:", documentation)
    return kind[1].rsplit(".", 1)[-1] if kind and kind[1].startswith("oci.") else "stream"


def models(service: str) -> dict[str, Any]:
    """The models of a service, by name."""
    module = importlib.import_module(f"oci.{service}.models")
    kinds = {name: kind for name, kind in vars(module).items() if inspect.isclass(kind)}
    return {name: _model(kind) for name, kind in kinds.items()}


def _model(kind: Any) -> dict[str, Any]:  # noqa: ANN401  a class of the SDK
    plain = kind()
    fields = {
        wire: {
            "type": plain.swagger_types[name],
            "required": _REQUIRED in (getattr(kind, name).__doc__ or ""),
            "values": _values(getattr(kind, name)),
        }
        for name, wire in plain.attribute_map.items()
    }
    return {"fields": fields, "subtypes": _subtypes(kind)}


def _values(member: Any) -> list[str] | None:  # noqa: ANN401  a property
    """What an enumeration's setter allows."""
    told = re.search(r"allowed_values = (\[[^\]]*\])", inspect.getsource(member.fset))
    return None if told is None else list(ast.literal_eval(told[1]))


def _subtypes(kind: Any) -> dict[str, Any] | None:  # noqa: ANN401  a class of the SDK
    """By which field, and which of its values, a model is a narrower one."""
    if "get_subtype" not in vars(kind):
        return None
    source = textwrap.dedent(inspect.getsource(kind.get_subtype))
    field = re.search(r"object_dictionary\['(\w+)'\]", source)
    pairs = re.findall(r"if type == '(\w+)':\s+return '(\w+)'", source)
    return None if field is None else {"field": field[1], "models": dict(pairs)}


def main(services: list[str]) -> None:
    """Print all of them."""
    told = {
        name: {"operations": operations(name), "models": models(name)} for name in sorted(services)
    }
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
