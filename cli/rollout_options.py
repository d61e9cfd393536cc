"""The options of `millrace layers rollout`, and what they mean together."""

from __future__ import annotations

import re
from typing import Annotated

import typer
from millrace.errors import ConfigurationError
from millrace.lambda_layers import waves
from millrace.lambda_layers.gate import Rules

_WHICH = "Which functions"
_HOW = "How"
_GATE = "Health gate"
_DURATION = re.compile(r"(\d+)([smhd]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}

LayerArgument = Annotated[
    str,
    typer.Argument(
        metavar="LAYER", help="The version: NAME:VERSION, its ARN, or NAME for the newest."
    ),
]
NameOption = Annotated[
    list[str] | None,
    typer.Option(
        "--name",
        metavar="PATTERN",
        help="Functions named like this (api-*); may be repeated.",
        rich_help_panel=_WHICH,
    ),
]
TagOption = Annotated[
    list[str] | None,
    typer.Option(
        "--tag",
        metavar="KEY=VALUE",
        help="Functions with this tag; of several, with all of them.",
        rich_help_panel=_WHICH,
    ),
]
UsingOption = Annotated[
    list[int] | None,
    typer.Option(
        "--using",
        metavar="VERSION",
        help="Functions that have this version of the layer now; may be repeated.",
        rich_help_panel=_WHICH,
    ),
]
ReplaceOption = Annotated[
    str,
    typer.Option(
        "--replace",
        metavar="LAYER",
        help="Functions that have this layer; it goes, and the version takes its place.",
        rich_help_panel=_WHICH,
    ),
]
AddOption = Annotated[
    bool,
    typer.Option(
        "--add",
        help="Functions that have no version of the layer get it, too, after their others.",
        rich_help_panel=_WHICH,
    ),
]
WavesOption = Annotated[
    str,
    typer.Option(
        "--waves",
        metavar="SHARES",
        help="How many have it after each wave, of all: numbers and percentages, up to 100%.",
        rich_help_panel=_HOW,
    ),
]
FirstOption = Annotated[
    list[str] | None,
    typer.Option(
        "--first",
        metavar="PATTERN",
        help="Functions named like this are changed before all others.",
        rich_help_panel=_HOW,
    ),
]
AliasOption = Annotated[
    list[str] | None,
    typer.Option(
        "--alias",
        metavar="NAME",
        help="Aliases to move; by default all that point to what $LATEST does.",
        rich_help_panel=_HOW,
    ),
]
ParallelOption = Annotated[
    int,
    typer.Option(
        "--parallel",
        metavar="N",
        help="How many functions are changed at a time.",
        rich_help_panel=_HOW,
    ),
]
StopOption = Annotated[
    str,
    typer.Option(
        "--stop-parameter",
        metavar="NAME",
        help="An SSM parameter that stops the rollout when it says stop.",
        rich_help_panel=_HOW,
    ),
]
BakeOption = Annotated[
    str,
    typer.Option(
        "--bake",
        metavar="TIME",
        help="How long each wave is watched: 15m, 2h.",
        rich_help_panel=_GATE,
    ),
]
PatienceOption = Annotated[
    str,
    typer.Option(
        "--patience",
        metavar="TIME",
        help="How much longer it is waited for data, before the rollout is held.",
        rich_help_panel=_GATE,
    ),
]
BaselineOption = Annotated[
    str,
    typer.Option(
        "--baseline",
        metavar="TIME",
        help="How far back a wave's health before it reaches.",
        rich_help_panel=_GATE,
    ),
]
InvocationsOption = Annotated[
    int,
    typer.Option(
        "--min-invocations",
        metavar="N",
        help="Of a wave, before and after; with fewer the rollout is held.",
        rich_help_panel=_GATE,
    ),
]
InitsOption = Annotated[
    int,
    typer.Option(
        "--min-inits",
        metavar="N",
        help="Cold starts of a wave, likewise; 0: they are not judged.",
        rich_help_panel=_GATE,
    ),
]
ErrorOption = Annotated[
    float,
    typer.Option(
        "--max-error-rise",
        metavar="POINTS",
        help="By how many percentage points the error rate may rise.",
        rich_help_panel=_GATE,
    ),
]
InitRiseOption = Annotated[
    int,
    typer.Option(
        "--max-init-rise",
        metavar="PERCENT",
        help="By how much the p95 of cold starts may rise.",
        rich_help_panel=_GATE,
    ),
]

DEFAULT_WAVES = waves.DEFAULT


def seconds(option: str, text: str) -> int:
    """A duration in seconds. Raises ConfigurationError.

    >>> seconds("--bake", "15m"), seconds("--bake", "90")
    (900, 90)
    """
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise ConfigurationError(f"{option} {text!r} is no time; 90s, 15m, 2h and 1d are.")
    return int(found[1]) * _SECONDS[found[2]]


def rules(
    bake: str,
    patience: str,
    baseline: str,
    min_invocations: int,
    min_inits: int,
    error_rise: float,
    init_rise: int,
) -> Rules:
    """The gate that the options describe. Raises ConfigurationError."""
    bake_s = seconds("--bake", bake)
    if not 0 <= error_rise <= 100 or not (error_rise * 10).is_integer():
        raise ConfigurationError(
            f"--max-error-rise {error_rise:g} is no rise of a rate; one is from 0 to 100 percentage"
            " points, in tenths: 0.5."
        )
    return Rules(
        bake_s=bake_s,
        patience_s=seconds("--patience", patience),
        baseline_s=seconds("--baseline", baseline),
        min_invocations=min_invocations,
        min_inits=min_inits,
        error_permille=round(error_rise * 10),
        init_percent=init_rise,
        poll_s=max(1, min(60, bake_s // 5)),
    )


def tags(texts: list[str] | None) -> dict[str, str]:
    """Tags by key. Raises ConfigurationError.

    >>> tags(["team=data"])
    {'team': 'data'}
    """
    found: dict[str, str] = {}
    for text in texts or ():
        key, equals, value = text.partition("=")
        if not key or not equals or found.setdefault(key, value) != value:
            raise ConfigurationError(
                f"--tag {text} is no tag, or a second value of one; write --tag KEY=VALUE."
            )
    return found
