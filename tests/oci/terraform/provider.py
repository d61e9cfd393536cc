"""A provider for Terraform that knows schema.py and nothing else: `terraform` starts it."""

from __future__ import annotations

import sys
from typing import Any

from tf.blocks import SetNestedBlock
from tf.iface import Provider
from tf.runner import run_provider
from tf.schema import Attribute, Block, Schema
from tf.types import Bool, List, Number, String, TfType

from tests.oci.terraform.schema import RESOURCES


class Plain(TfType):  # type: ignore[misc]
    """A type in Terraform's own words, for which this version of the package has no class."""

    def __init__(self, words: bytes) -> None:
        self.words = words

    def encode(self, value: Any) -> Any:
        return value

    def decode(self, value: Any) -> Any:
        return value

    def tf_type(self) -> bytes:
        return self.words


_CONNECTIONS = b'["list",["object",{"all_connection_strings":["map","string"]}]]'
_KINDS = {
    "s": String(),
    "n": Number(),
    "b": Bool(),
    "l": List(String()),
    "m": Plain(b'["map","string"]'),
    "c": Plain(_CONNECTIONS),
}


class ListBlock(SetNestedBlock):  # type: ignore[misc]
    """A list of blocks, as the provider has them everywhere."""

    def to_pb(self) -> Any:
        made = super().to_pb()
        made.nesting = type(made).NestingMode.LIST
        return made


def attributes(named: dict[str, Any]) -> list[Attribute]:
    return [
        Attribute(
            name,
            _KINDS[kind[-1]],
            required=kind[0] == "!",
            optional=len(kind) == 1,
            computed=kind[0] == "=",
        )
        for name, kind in named.items()
        if isinstance(kind, str)
    ]


def blocks(named: dict[str, Any]) -> list[ListBlock]:
    return [
        ListBlock(name, Block(attributes=attributes(inner), block_types=blocks(inner)))
        for name, inner in named.items()
        if isinstance(inner, dict)
    ]


def resource(name: str, named: dict[str, Any]) -> type:
    """A resource type; plans and applies are mocked by `terraform test`."""
    schema = Schema(attributes=attributes(named), block_types=blocks(named))

    class Resource:
        def __init__(self, provider: object) -> None: ...

        @classmethod
        def get_name(cls) -> str:
            return name

        @classmethod
        def get_schema(cls) -> Schema:
            return schema

        def validate(self, *_: object) -> None: ...

        def plan(self, context: object, current: object, planned: Any) -> Any:
            return planned

        def create(self, context: object, planned: Any) -> Any:
            return planned

        def read(self, context: object, current: Any) -> Any:
            return current

        def update(self, context: object, current: object, planned: Any) -> Any:
            return planned

        def delete(self, context: object, current: object) -> None: ...

        def upgrade(self, context: object, version: int, old: Any) -> Any:
            return old

        def import_(self, context: object, name: str) -> None: ...

    return Resource


class Oci(Provider):  # type: ignore[misc]
    """The provider `oracle/oci`, as far as schema.py goes."""

    def get_model_prefix(self) -> str:
        return "oci_"

    def full_name(self) -> str:
        return "registry.terraform.io/oracle/oci"

    def get_provider_schema(self, diagnostics: object) -> Schema:
        return Schema(attributes=[Attribute("region", String(), optional=True)])

    def validate_config(self, *_: object) -> None: ...

    def configure_provider(self, *_: object) -> None: ...

    def get_data_sources(self) -> list[type]:
        return []

    def get_resources(self) -> list[type]:
        return [resource(name, named) for name, named in RESOURCES.items()]

    def get_functions(self) -> list[type]:
        return []

    def new_resource(self, kind: Any) -> Any:
        return kind(self)

    def new_data_source(self, kind: Any) -> Any:
        return kind(self)

    def new_function(self, kind: Any) -> Any:
        return kind(self)


if __name__ == "__main__":
    run_provider(Oci(), sys.argv)
