"""Where things are: on a deployed stack, in the local cloud, or as the environment says.

A stack's outputs and parameters come from CloudFormation, the local cloud's places from the file
that ``scripts/demo --keep`` writes. Each single place can be overridden by an environment variable
(`VARIABLES`); where all of them are given, nobody is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from millrace.errors import ConfigurationError

DEFAULT_STACK = "millrace"
LOCAL_FILE = ".local/cloud.json"
FEATURES_FILE = "features.toml"

# Each place: its variable, its output of template.yaml.
VARIABLES = {
    "stream": ("MILLRACE_STREAM", "StreamName"),
    "features_table": ("MILLRACE_FEATURES_TABLE", "FeaturesTableName"),
    "ledger_table": ("MILLRACE_LEDGER_TABLE", "RedriveLedgerTableName"),
    "quarantine_bucket": ("MILLRACE_QUARANTINE_BUCKET", "QuarantineBucketName"),
}
_ARCHIVE = ("MILLRACE_ARCHIVE_BUCKET", "ArchiveBucketName")
_GROUP = ("MILLRACE_FEATURE_GROUP", "FeatureGroupName")
_FEATURES = "MILLRACE_FEATURES"
# What template.yaml gives these parameters when nobody does.
_PARAMETERS = {"RetentionHours": "72", "ParallelizationFactor": "1", "FeatureStore": "dynamodb"}


class Places(NamedTuple):
    """What every command may need, by name; a field each of `VARIABLES`."""

    stream: str
    features_table: str
    ledger_table: str
    quarantine_bucket: str


@dataclass(frozen=True, slots=True)
class StackDescription:
    """A deployed stack's outputs and parameters by name."""

    outputs: Mapping[str, str]
    parameters: Mapping[str, str]


# Describes the stack of a name. Raises ConfigurationError where there is none.
Describe = Callable[[str], StackDescription]


@dataclass(frozen=True, slots=True)
class Target:
    """One place to work on.

    Attributes:
        where: what it is, for people: "stack millrace".
        places: the names of stream, tables and bucket.
        archive_bucket, feature_group: names, or None where the stack has none.
        features_toml: the definitions that it was deployed with.
        endpoint_url, region: None is what boto3 finds by itself; local: no credentials are needed.
        retention_hours, parallelization_factor, feature_store: as the stack's parameters.
    """

    where: str
    places: Places
    features_toml: Path
    archive_bucket: str | None = None
    feature_group: str | None = None
    endpoint_url: str | None = None
    region: str | None = None
    local: bool = False
    retention_hours: int = int(_PARAMETERS["RetentionHours"])
    parallelization_factor: int = int(_PARAMETERS["ParallelizationFactor"])
    feature_store: str = _PARAMETERS["FeatureStore"]


def find(
    stack: str | None, local: str | None, environment: Mapping[str, str], describe: Describe
) -> Target:
    """The target that options (before the environment) choose; the stack millrace by default.

    Raises ConfigurationError.
    """
    if stack is not None and local is not None:
        raise ConfigurationError(
            f"Both --stack {stack} and --local={local} are given; name one of them."
        )
    if stack is None and local is None:
        stack, local = environment.get("MILLRACE_STACK"), environment.get("MILLRACE_LOCAL")
        if stack and local:
            raise ConfigurationError(
                f"Both MILLRACE_STACK={stack} and MILLRACE_LOCAL={local} are set; unset one, or"
                " choose with --stack or --local."
            )
    if local:
        return _local(Path(local), environment)
    return _deployed(stack or DEFAULT_STACK, environment, describe)


def features_file(environment: Mapping[str, str]) -> Path:
    """The features.toml to use where no target says more."""
    return Path(environment.get(_FEATURES) or FEATURES_FILE)


def _deployed(name: str, environment: Mapping[str, str], describe: Describe) -> Target:
    given = {
        place: environment[variable]
        for place, (variable, _) in VARIABLES.items()
        if environment.get(variable)
    }
    if len(given) == len(VARIABLES):
        described = StackDescription({}, {})
        where = "the places that the environment names"
    else:
        described = describe(name)
        where = f"stack {name}"
    places = Places(
        **{
            place: given.get(place) or _output(described, output, variable, name)
            for place, (variable, output) in VARIABLES.items()
        }
    )
    return _with_parameters(
        Target(
            where,
            places,
            features_file(environment),
            archive_bucket=_optional(_ARCHIVE, environment, described.outputs),
            feature_group=_optional(_GROUP, environment, described.outputs),
        ),
        described.parameters,
    )


def _with_parameters(target: Target, given: Mapping[str, str]) -> Target:
    parameters = {**_PARAMETERS, **given}
    return replace(
        target,
        retention_hours=int(parameters["RetentionHours"]),
        parallelization_factor=int(parameters["ParallelizationFactor"]),
        feature_store=parameters["FeatureStore"],
    )


def _output(described: StackDescription, output: str, variable: str, stack: str) -> str:
    if output not in described.outputs:
        known = ", ".join(sorted(described.outputs)) or "none"
        raise ConfigurationError(
            f"Stack {stack} has no output {output}; it has: {known}. Is it a stack of this"
            f" template.yaml? {variable} can name the place instead."
        )
    return described.outputs[output]


def _optional(
    names: tuple[str, str], environment: Mapping[str, str], outputs: Mapping[str, str]
) -> str | None:
    variable, output = names
    return environment.get(variable) or outputs.get(output)


def _local(path: Path, environment: Mapping[str, str]) -> Target:
    content = _local_file(path)

    def text(name: str) -> str:
        value = content.get(name)
        if not isinstance(value, str) or not value:
            raise ConfigurationError(
                f"{path}: {name} must be a text but is {value!r}; scripts/demo --keep writes it."
            )
        return value

    places = Places(
        **{
            place: environment.get(variable) or text(place)
            for place, (variable, _) in VARIABLES.items()
        }
    )
    target = Target(
        f"the local cloud of {path}",
        places,
        Path(environment.get(_FEATURES) or text("features_toml")),
        archive_bucket=_optional(_ARCHIVE, environment, {}) or content.get("archive_bucket"),
        feature_group=_optional(_GROUP, environment, {}) or content.get("feature_group"),
        endpoint_url=text("endpoint_url"),
        region=text("region"),
        local=True,
    )
    return _with_parameters(target, content.get("parameters") or {})


def _local_file(path: Path) -> Mapping[str, Any]:
    try:
        content = orjson.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"No local cloud: {path} is not there. Start one with scripts/demo --keep, and run this"
            " in the same checkout, or name its file with --local=FILE."
        ) from error
    except (OSError, orjson.JSONDecodeError) as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error}; scripts/demo --keep writes it."
        ) from error
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path} holds no JSON object; scripts/demo --keep writes it.")
    return content
