"""What a resource type is to the local cloud."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.stack.aws import Aws
from localcloud.stack.model import Detail, Resource
from localcloud.stack.place import Place
from localcloud.stack.properties import Properties
from localcloud.stack.sam import SOURCE_ID


@dataclass(frozen=True, slots=True)
class Creation:
    """One resource about to be made; `built` holds those made before it."""

    logical_id: str
    properties: Properties
    metadata: Mapping[str, Any]
    place: Place
    aws: Aws
    built: Mapping[str, Resource]

    @property
    def source_id(self) -> str:
        """The resource's name in the SAM template, where SAM has renamed it."""
        return str(self.metadata.get(SOURCE_ID, self.logical_id))

    def name(self, property_name: str, limit: int = 64) -> str:
        """The physical name: the property if the template sets it, else one of the stack's own."""
        return self.properties.optional_text(property_name) or self.place.name(
            self.logical_id, limit
        )


@dataclass(frozen=True, slots=True)
class Made:
    """A resource that was made; `undo` removes it again, with all that it holds."""

    ref: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    detail: Detail | None = None
    undo: Callable[[Aws], object] | None = None


@dataclass(frozen=True, slots=True)
class ResourceType:
    """How to make a resource.

    `becomes` says for people what it is here. `ignored` names properties without local meaning,
    with the reason.
    """

    make: Callable[[Creation], Made]
    becomes: str
    ignored: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NoOp:
    """A type that is accepted and not made: why, and the attributes that others may ask for."""

    why: str
    attributes: Callable[[str, Place], Mapping[str, str]] = lambda name, place: {}


TAGS = {"Tags": "nothing here is found or billed by tag"}
"""For the `ignored` of types that can be tagged."""
