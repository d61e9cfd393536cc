"""The names that Lambda takes for one and the same thing: bare, partial ARN, ARN, qualified."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache

from botocore.session import Session

from localcloud.lambda_control.errors import InvalidValue, UnknownRegion

_LAYER = re.compile(r"arn:aws[\w-]*:lambda:([a-z0-9-]+):(\d{12}):layer:([\w-]+)(?::(\d+))?")
_FUNCTION = re.compile(
    r"(?:arn:aws[\w-]*:lambda:([a-z0-9-]+):)?(?:(\d{12}):)?(?:function:)?"
    r"([\w-]+)(?::(\$LATEST|[\w-]+))?"
)


@dataclass(frozen=True, slots=True, order=True)
class Where:
    """A caller, or the home of a resource."""

    account: str
    region: str

    def arn(self, kind: str, name: str) -> str:
        """The ARN of a thing of Lambda that lives here."""
        return f"arn:aws:lambda:{self.region}:{self.account}:{kind}:{name}"


@dataclass(frozen=True, slots=True)
class LayerName:
    """A layer, and one of its versions where the name says which."""

    where: Where
    name: str
    version: int | None = None


def layer_name(text: str, caller: Where) -> LayerName:
    """What a layer's name or ARN means to the caller."""
    found = _LAYER.fullmatch(text)
    if found is None:
        return LayerName(caller, text)
    version = int(found[4]) if found[4] else None
    return LayerName(Where(found[2], found[1]), found[3], version)


@cache
def regions() -> frozenset[str]:
    """All regions in which AWS has Lambda, of every partition."""
    session = Session()
    found = (
        session.get_available_regions("lambda", partition)
        for partition in session.get_available_partitions()
    )
    return frozenset(name for some in found for name in some)


def require_region(name: str) -> None:
    """Raises UnknownRegion, which names one that is written like it."""
    if name not in regions():
        near = get_close_matches(name, sorted(regions()), 1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise UnknownRegion(f"There is no region {name!r}.{hint}")


def function_name(text: str, qualifier: str | None = None) -> tuple[str, str | None]:
    """Name and qualifier of a function, however it is written."""
    found = _FUNCTION.fullmatch(text)
    if found is None:
        raise InvalidValue(f"{text!r} is no name of a function.")
    if qualifier and found[4] and qualifier != found[4]:
        raise InvalidValue("The derived qualifier from the function name does not match.")
    return found[3], qualifier or found[4]
