"""Known vulnerabilities of a layer's packages, by pip-audit on the layer itself.

pip-audit takes "0 packages" and "all of them were skipped" for success; here both are findings.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from millrace.lambda_layers.contents import python_folders
from millrace.lambda_layers.findings import Finding, Package, Severity

_TIMEOUT_S = 300
_REQUEST_S = 15
_LEFT_OUT = "or leave them out knowingly: --without-advisories"


@dataclass(frozen=True, slots=True)
class Service:
    """Where advisories come from: pypi, or osv with the address of a mirror."""

    name: str = "pypi"
    url: str | None = None

    @property
    def options(self) -> list[str]:
        """For pip-audit."""
        chosen = ["--vulnerability-service", self.name]
        return chosen if self.url is None else [*chosen, "--osv-url", self.url]


def ask(folder: Path, packages: Sequence[Package], service: Service) -> tuple[int, list[Finding]]:
    """Of how many packages was learnt what is known of them, and what is."""
    found: list[Finding] = []
    asked = 0
    python = [one for one in packages if one.ecosystem == "pypi"]
    if not packages or (python_folders(folder) and not python):
        found.append(
            _unknown(
                "python" if packages else "the layer",
                "holds no package's metadata, so that nothing can be asked",
                "Keep the *.dist-info folders (millrace layers build does), " + _LEFT_OUT,
            )
        )
    for place in python_folders(folder):
        if any(one.place == place.relative_to(folder).as_posix() for one in packages):
            here, findings = _asked(place, service)
            asked += here
            found += findings
    found += _of_node(packages)
    return asked, found


def _asked(place: Path, service: Service) -> tuple[int, list[Finding]]:
    # fmt: off
    command = [
        sys.executable, "-m", "pip_audit", "--path", str(place), "--format", "json",
        "--progress-spinner", "off", "--timeout", str(_REQUEST_S), *service.options,
    ]
    # fmt: on
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
        told = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return 0, [_unreachable(service, done.stderr.strip().rpartition("\n")[2])]
    except subprocess.TimeoutExpired:
        return 0, [_unreachable(service, f"no answer within {_TIMEOUT_S} s")]
    skipped = [one for one in told if "skip_reason" in one]
    answered = [one for one in told if "skip_reason" not in one]
    found = [finding for one in answered for finding in _of_package(one)]
    return len(answered), [*_skipped(skipped), *found]


def _skipped(told: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    if told:
        names = ", ".join(str(one["name"]) for one in told)
        yield _unknown(
            names,
            f"could not be asked about: {told[0]['skip_reason']}",
            "Ask another service (--osv-url), " + _LEFT_OUT,
        )


def _unreachable(service: Service, message: str) -> Finding:
    return _unknown(
        "the layer",
        f"could not be held against the advisories of {service.name}: {message[:200]}",
        "Try again where they can be reached, name a mirror with --osv-url, " + _LEFT_OUT,
    )


def _of_package(told: Mapping[str, Any]) -> Iterator[Finding]:
    for one in told["vulns"]:
        fixed = ", ".join(one.get("fix_versions") or ())
        names = ", ".join(dict.fromkeys([one["id"], *one.get("aliases", ())]))
        yield Finding(
            Severity.HIGH,
            "vulnerability",
            f"{told['name']} {told['version']}",
            f"{names}: {_first_line(one.get('description') or 'no description')}",
            f"Take {told['name']} {fixed}." if fixed else "There is no fix yet: take it out.",
        )


def _first_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 160 else line[:159] + "…"


def _of_node(packages: Sequence[Package]) -> Iterator[Finding]:
    count = sum(one.ecosystem == "npm" for one in packages)
    if count:
        yield Finding(
            Severity.MEDIUM,
            "not-audited",
            "nodejs",
            f"{count} packages of Node.js, which pip-audit does not know",
            "Run npm audit where their package-lock.json stands.",
        )


def _unknown(place: str, message: str, remedy: str) -> Finding:
    return Finding(Severity.HIGH, "not-audited", place, message, remedy)
