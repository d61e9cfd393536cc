"""Two layers side by side: bytes, packages, times, and the money that the times cost."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from millrace.lambda_layers.tree import Entry

# Lambda's price of a GB-second in most regions, first tier. INIT is billed like all else, for zip
# functions too, since August 2025.
PRICES_USD = {"x86_64": Decimal("0.0000166667"), "arm64": Decimal("0.0000133334")}
_MB_PER_GB = 1024
_INFO = re.compile(r"python/([^/]+)-([^/-]+)\.dist-info/METADATA")
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Side:
    """A layer: bytes, package → version, and what a cold start of it took, where that was tried.

    `figures` are the least of several processes: import_ms, total_ms (with the first client),
    peak_mb.
    """

    name: str
    unzipped: int
    zipped: int
    files: int
    packages: Mapping[str, str]
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Price:
    """What cold starts cost: how many there are a month, and the function's memory."""

    memory_mb: int
    cold_starts: int
    usd_per_gb_s: Decimal

    def usd(self, milliseconds: float) -> Decimal:
        """A month's cold starts of so many milliseconds of INIT.

        >>> Price(1024, 1_000_000, Decimal("0.0000166667")).usd(500.0)
        Decimal('8.33')
        """
        seconds = Decimal(str(milliseconds)) / 1000
        memory_gb = Decimal(self.memory_mb) / _MB_PER_GB
        whole = seconds * memory_gb * self.usd_per_gb_s * self.cold_starts
        return whole.quantize(_CENT, ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Change:
    """A package that is in one of them alone, or in two versions; None where it is not."""

    package: str
    a: str | None
    b: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two layers, what differs in their packages, and what a month's cold starts cost."""

    a: Side
    b: Side
    changes: tuple[Change, ...]
    price: Price

    @property
    def costs_usd(self) -> tuple[Decimal, Decimal] | None:
        """Of the imports and the first client; None where nothing was tried."""
        if "total_ms" not in self.a.figures or "total_ms" not in self.b.figures:
            return None
        usd = self.price.usd
        return usd(self.a.figures["total_ms"]), usd(self.b.figures["total_ms"])

    @property
    def document(self) -> dict[str, Any]:
        """For machines: money as texts, which lose no cent."""
        costs = self.costs_usd
        return {
            "a": asdict(self.a),
            "b": asdict(self.b),
            "changes": [asdict(one) for one in self.changes],
            "memory_mb": self.price.memory_mb,
            "cold_starts": self.price.cold_starts,
            "usd_per_gb_s": str(self.price.usd_per_gb_s),
            "cost_usd": None if costs is None else [str(costs[0]), str(costs[1])],
            "saved_usd": None if costs is None else str(costs[0] - costs[1]),
        }


def versions(entries: Iterable[Entry]) -> dict[str, str]:
    """Package → version, from the metadata in a layer.

    >>> versions([Entry("python/a_b-1.0.dist-info/METADATA", 0o644, 1, "")])
    {'a-b': '1.0'}
    """
    matches = (_INFO.fullmatch(one.path) for one in entries)
    return {match[1].replace("_", "-").lower(): match[2] for match in matches if match}


def compare(a: Side, b: Side, price: Price) -> Comparison:
    """Put them side by side."""
    names = sorted({*a.packages, *b.packages})
    changes = (Change(name, a.packages.get(name), b.packages.get(name)) for name in names)
    return Comparison(a, b, tuple(one for one in changes if one.a != one.b), price)


def ratio(a: float, b: float) -> str:
    """How b stands to a.

    >>> ratio(200, 150), ratio(0, 5), ratio(3, 3)
    ('−25 %', 'new', 'same')
    """
    if a == b:
        return "same"
    if not a:
        return "new"
    percent = (b - a) / a * 100
    return f"{'−' if percent < 0 else '+'}{abs(percent):,.0f} %"
