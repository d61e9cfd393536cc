"""What came of trying a layer: for people, for machines, and as JUnit's XML."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any
from xml.etree import ElementTree as Xml

# What XML 1.0 cannot hold, even escaped.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Status(StrEnum):
    """How a test ended; a warning fails nothing."""

    PASSED = "passed"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Result:
    """One test: its group (imports, cold-start …), and what it measured, in the name's unit."""

    group: str
    name: str
    status: Status
    message: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def document(self) -> dict[str, Any]:
        """The result for machines."""
        return {**asdict(self), "status": str(self.status)}


def held(results: Sequence[Result]) -> bool:
    """Whether nothing failed, and something was tried."""
    return any(one.status is Status.PASSED for one in results) and not any(
        one.status is Status.FAILED for one in results
    )


def junit(results: Sequence[Result], suite: str) -> str:
    """The results as JUnit's XML, a suite a group.

    >>> "tests=\\"1\\"" in junit([Result("imports", "a", Status.PASSED)], "layer")
    True
    """
    root = Xml.Element("testsuites", {"name": _xml(suite), **_counts(results)})
    for group in dict.fromkeys(one.group for one in results):
        of_group = [one for one in results if one.group == group]
        element = Xml.SubElement(root, "testsuite", {"name": _xml(group), **_counts(of_group)})
        for one in of_group:
            _case(element, one, suite)
    Xml.indent(root)
    return f"<?xml version='1.0' encoding='utf-8'?>\n{Xml.tostring(root, encoding='unicode')}\n"


def _counts(results: Sequence[Result]) -> dict[str, str]:
    return {
        "tests": str(len(results)),
        "failures": str(sum(one.status is Status.FAILED for one in results)),
        "errors": "0",
        "skipped": str(sum(one.status is Status.SKIPPED for one in results)),
    }


def _case(parent: Xml.Element, one: Result, suite: str) -> None:
    seconds = next((v / 1000 for name, v in one.figures.items() if name.endswith("_ms")), 0.0)
    case = Xml.SubElement(
        parent,
        "testcase",
        classname=_xml(f"{suite}.{one.group}"),
        name=_xml(one.name),
        time=f"{seconds:.6f}",
    )
    if one.figures:
        properties = Xml.SubElement(case, "properties")
        for name, value in one.figures.items():
            Xml.SubElement(properties, "property", name=_xml(name), value=f"{value:g}")
    message = _xml(one.message)
    if one.status is Status.FAILED:
        Xml.SubElement(case, "failure", message=message.partition("\n")[0]).text = message
    elif one.status is Status.SKIPPED:
        Xml.SubElement(case, "skipped", message=message)
    elif message:
        Xml.SubElement(case, "system-out").text = message


def _xml(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)
