"""What an endpoint is, as far as running it goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from millrace.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """The model server: its command, the folder in which it is started, and its variables."""

    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantSpec:
    """A production variant.

    `package` is its model.tar.gz (None: an empty MODEL_DIR), `environment` what its model adds to
    the program's variables. With `max_concurrency` it is serverless: further calls are refused.
    """

    name: str
    package: bytes | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    weight: float = 1.0
    max_concurrency: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSpec:
    """An endpoint. Raises ConfigurationError for variants that SageMaker would refuse too."""

    name: str
    variants: tuple[VariantSpec, ...]

    def __post_init__(self) -> None:
        names = [variant.name for variant in self.variants]
        if not names or len(set(names)) < len(names):
            raise ConfigurationError(
                f"Endpoint {self.name} needs variants with different names; it has {names}."
            )
        if not any(variant.weight > 0 for variant in self.variants):
            raise ConfigurationError(
                f"Endpoint {self.name}: at least one variant needs a weight above 0."
            )
