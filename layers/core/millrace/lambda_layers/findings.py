"""What a scan of a layer finds: how bad it is, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """How bad a finding is, from the worst on."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    def reaches(self, least: Severity) -> bool:
        """Whether it is as bad as `least`, or worse.

        >>> Severity.CRITICAL.reaches(Severity.HIGH), Severity.LOW.reaches(Severity.HIGH)
        (True, False)
        """
        return _ORDER[self] <= _ORDER[least]


_ORDER = {severity: place for place, severity in enumerate(Severity)}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: `rule` names the kind of it, `place` a file or a package."""

    severity: Severity
    rule: str
    place: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Package:
    """A package in a layer; `ecosystem` is pypi or npm, `licence` what it says itself."""

    name: str
    version: str
    ecosystem: str
    licence: str
    place: str


@dataclass(frozen=True, slots=True)
class Scan:
    """What came of scanning a layer.

    Attributes:
        layer: what was named.
        complete: whether everything was looked at; not so where the zip was not to be unpacked.
        advisories: of how many packages it was asked whether vulnerabilities are known; None where
            that was left out.
    """

    layer: str
    architecture: str | None
    files: int
    packages: tuple[Package, ...]
    findings: tuple[Finding, ...]
    complete: bool
    advisories: int | None

    def failing(self, least: Severity) -> list[Finding]:
        """The findings that are as bad as `least`, or worse."""
        return [one for one in self.findings if one.severity.reaches(least)]

    @property
    def counts(self) -> dict[str, int]:
        """How many findings there are of each severity."""
        of_each = [one.severity for one in self.findings]
        return {str(severity): of_each.count(severity) for severity in Severity}

    @property
    def document(self) -> dict[str, Any]:
        """The scan for machines."""
        return {
            "layer": self.layer,
            "architecture": self.architecture,
            "files": self.files,
            "complete": self.complete,
            "advisories": self.advisories,
            "counts": self.counts,
            "packages": [asdict(one) for one in self.packages],
            "findings": [{**asdict(one), "severity": str(one.severity)} for one in self.findings],
        }


def sorted_findings(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The worst first, then by rule and place; each once."""
    return tuple(
        sorted(dict.fromkeys(findings), key=lambda one: (_ORDER[one.severity], one.rule, one.place))
    )
