"""Reading a function's environment; what is wrong is named with its variable."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from millrace.errors import ConfigurationError
from millrace.features.definitions import Definitions, load


def definitions_of(environment: Mapping[str, str]) -> Definitions:
    """The definitions that a function was deployed with. Raises ConfigurationError."""
    path = environment.get("MILLRACE_FEATURES")
    if not path:
        path = f"{environment.get('LAMBDA_TASK_ROOT', '.')}/features.toml"
    return load(Path(path))


def required(environment: Mapping[str, str], name: str) -> str:
    """A variable that must be set. Raises ConfigurationError."""
    value = environment.get(name)
    if not value:
        raise ConfigurationError(f"{name} is not set; template.yaml sets it for its functions.")
    return value


def number(environment: Mapping[str, str], name: str, least: int, most: int) -> int:
    """A whole number; `least` where it is not set. Raises ConfigurationError."""
    text = environment.get(name) or str(least)
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise ConfigurationError(f"{name} must be a number from {least} to {most}, not {text!r}.")
    return int(text)


def one_of(environment: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    """One of some words; the first where it is not set. Raises ConfigurationError."""
    value = environment.get(name) or allowed[0]
    if value not in allowed:
        raise ConfigurationError(f"{name} must be one of {', '.join(allowed)}, not {value!r}.")
    return value
