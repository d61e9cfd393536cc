"""One layer version in the place of another: a function's other layers stay, in their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from millrace.errors import LayerError
from millrace.lambda_layers.inventory import FunctionVersion

MOST_LAYERS = 5
# The code of what is held because its own alarms or hooks spoke against the version.
UNHEALTHY = "unhealthy"


class Held(LayerError):
    """A function is left as it is, or was put back, and the rollout goes on; `code` says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def swap(
    layers: Sequence[str], to: str, replaces: str = "", *, add: bool = False
) -> tuple[str, ...]:
    """The layers with the new version in the place of the one it replaces. Raises Held.

    >>> to = "arn:aws:lambda:eu-west-1:123456789012:layer:deps:8"
    >>> swap(["a:1", to.replace(":8", ":7"), "b:2"], to) == ("a:1", to, "b:2")
    True
    """
    own, old = layer_of(to), replaces or layer_of(to)
    places = [place for place, one in enumerate(layers) if layer_of(one) == old]
    if old != own and any(layer_of(one) == own for one in layers):
        if not places:
            return swap(layers, to)
        raise Held("both", f"it has versions of both {old} and {own}; take one away first")
    if places:
        place = places[0]
        return (*layers[:place], to, *layers[place + 1 :])
    if not add:
        raise Held("not-used", f"it does not have {old}")
    if len(layers) >= MOST_LAYERS:
        raise Held(
            "five-layers",
            f"it has {MOST_LAYERS} layers already ({', '.join(map(short, layers))}), and Lambda"
            " takes no more; merge two of them, or exchange one by --replace",
        )
    return (*layers, to)


def unlike(
    latest: FunctionVersion,
    version: FunctionVersion | None,
    after: Sequence[str],
    to: str,
    replaces: str,
    *,
    add: bool,
) -> str:
    """Why an alias that points to a version may not be moved to what `$LATEST` would be."""
    if version is None:
        return "points to a version that is not there"
    names = differing(dict(version.settings), dict(latest.settings))
    # A version may say what it is.
    names = [name for name in names if name != "Description"]
    try:
        layers = swap([one.arn for one in version.layers], to, replaces, add=add)
    except Held:
        layers = ()
    if layers != tuple(after):
        names.append("Layers")
    if not names:
        return ""
    return (
        f"points to version {version.version}, from which $LATEST differs in {', '.join(names)}:"
        " to move it would release that, too. Release it first, or take the alias back to it"
    )


def differing(was: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The names of the settings in which two versions differ."""
    return sorted(name for name in {*was, *now} if was.get(name) != now.get(name))


def short(arn: str) -> str:
    """A layer version as people say it.

    >>> short("arn:aws:lambda:eu-west-1:123456789012:layer:deps:8")
    'deps:8'
    """
    return arn.partition(":layer:")[2] or arn


def layer_of(arn: str) -> str:
    """A layer version's layer; a name without a version is one."""
    head, _, version = arn.rpartition(":")
    return head if version.isdigit() and head else arn
