"""Which packages a layer holds, and what they say of their licences."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib.metadata import Distribution, distributions
from pathlib import Path

from millrace.lambda_layers.findings import Finding, Package, Severity

_UNKNOWN = ("", "unknown", "other", "dual license")
# Whoever passes such a layer on has to give its source away, or cannot at all.
_COPYLEFT = re.compile(r"\b(a?gpl|sspl|gnu (affero )?general public|osl|eupl)", re.IGNORECASE)
_LESSER = re.compile(r"\b(lgpl|lesser general public|library general public)", re.IGNORECASE)
_LONG = 60


def packages(folder: Path) -> tuple[Package, ...]:
    """The packages of Python and Node.js in a layer's folder, by name."""
    return tuple(sorted([*_python(folder), *_node(folder)], key=lambda one: (one.name, one.place)))


def python_folders(folder: Path) -> list[Path]:
    """Where a function looks for packages of Python in the layer."""
    return [path for path in (folder / "python", *_sites(folder)) if path.is_dir()]


def _sites(folder: Path) -> list[Path]:
    return sorted((folder / "python" / "lib").glob("python3.*/site-packages"))


def _python(folder: Path) -> Iterator[Package]:
    for place in python_folders(folder):
        for one in distributions(path=[str(place)]):
            if one.metadata["Name"]:
                name, licence = str(one.metadata["Name"]), _licence(one)
                where = place.relative_to(folder).as_posix()
                yield Package(name, one.version, "pypi", licence, where)


def _licence(one: Distribution) -> str:
    metadata = one.metadata
    if "License-Expression" in metadata:
        return metadata["License-Expression"]
    classified = [
        text.rpartition(" :: ")[2]
        for text in metadata.get_all("Classifier") or ()
        if text.startswith("License :: ") and not text.endswith("OSI Approved")
    ]
    told = metadata["License"].strip().partition("\n")[0] if "License" in metadata else ""
    # Some put the whole text there; its name stands in the classifier.
    if told and len(told) <= _LONG and not classified:
        return told
    return " OR ".join(classified) or told[:_LONG]


def _node(folder: Path) -> Iterator[Package]:
    for path in sorted((folder / "nodejs").rglob("node_modules/**/package.json")):
        if path.parent.parent.name != "node_modules" and not path.parent.parent.name.startswith(
            "@"
        ):
            continue  # a package's own test or template
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            continue
        if isinstance(told, Mapping) and told.get("name") and told.get("version"):
            licence = told.get("license", "")
            licence = licence.get("type", "") if isinstance(licence, Mapping) else licence
            where = path.parent.relative_to(folder).as_posix()
            yield Package(str(told["name"]), str(told["version"]), "npm", str(licence), where)


def licence_findings(found: Sequence[Package], allowed: Collection[str]) -> list[Finding]:
    """Licences that somebody should look at, less those that are `allowed` by package or name."""
    return [
        finding
        for one in found
        if one.name not in allowed and one.licence not in allowed
        for finding in _of_licence(one)
    ]


def _of_licence(one: Package) -> Iterator[Finding]:
    place = f"{one.name} {one.version}"
    if one.licence.strip().lower() in _UNKNOWN:
        yield Finding(
            Severity.LOW,
            "licence-unknown",
            place,
            "says no licence that its metadata tells",
            f"Read its licence file, then --allow-licence {one.name}",
        )
    # A choice such as "GPL OR MIT" is none that binds.
    elif " or " not in one.licence.lower() and _COPYLEFT.search(_LESSER.sub("", one.licence)):
        yield Finding(
            Severity.MEDIUM,
            "licence-copyleft",
            place,
            f"is under {one.licence}, which binds whoever passes the layer on",
            f"Take another package, or have it approved: --allow-licence {one.name}",
        )
