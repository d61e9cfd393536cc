"""What a part of the demo ends with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from rich.console import RenderableType


class Summary(Protocol):
    """What came of a part."""

    @property
    def exact(self) -> bool:
        """Whether everything is as it must be."""
        ...

    @property
    def document(self) -> dict[str, object]:
        """For a machine."""
        ...

    def rendered(self) -> RenderableType:
        """For a terminal."""
        ...


@dataclass(frozen=True, slots=True)
class Ending:
    """Its summary, and lines that say what to do with it while it stays up."""

    summary: Summary
    hints: Sequence[str]
