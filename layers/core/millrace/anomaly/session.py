"""What the stores' statements run on: a connection with the differences between the databases."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

Binds = Mapping[str, object]
# How many rows a purge deletes in one transaction.
PURGED_AT_ONCE = 10_000


class Session(Protocol):
    """One connection in a transaction. Marks in the statements are filled in here."""

    def run(self, statement: str, binds: Binds) -> int:
        """Run a statement; how many rows it changed."""
        ...

    def many(self, statement: str, binds: Sequence[Binds]) -> None:
        """Run a statement once for each set of binds; for none, not at all."""
        ...

    def rows(self, statement: str, binds: Binds, most: int | None = None) -> list[tuple[Any, ...]]:
        """The rows of a query, or the first ones."""
        ...

    def moment(self, time_ms: int | None) -> object:
        """A time as a TIMESTAMP column takes it."""
        ...

    def ms(self, moment: Any) -> int | None:  # noqa: ANN401  as the driver gives it
        """A time as a TIMESTAMP column gives it; None where it is none."""
        ...


def listed(names: Iterable[str]) -> dict[str, object]:
    """The binds of a statement with the mark `$listed`."""
    return {"listed": json.dumps(sorted(set(names)), ensure_ascii=False)}
