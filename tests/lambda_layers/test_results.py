"""Results as JUnit's XML, which other programs read."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.lambda_layers.results import Result, Status, held, junit

RESULTS = [
    Result("imports", "boto3", Status.PASSED, "Python 3.13.1", {"total_ms": 120.5}),
    Result("imports", "absent", Status.FAILED, "ModuleNotFoundError: absent\nat <app>"),
    Result("shadowing", "files", Status.WARNING, "one & two"),
    Result("handlers", "later", Status.SKIPPED, "not today"),
]


def test_a_suite_for_each_group_and_a_case_for_each_test() -> None:
    root = ElementTree.fromstring(junit(RESULTS, "deps"))
    assert root.attrib == {
        "name": "deps",
        "tests": "4",
        "failures": "1",
        "errors": "0",
        "skipped": "1",
    }
    assert [(suite.get("name"), len(suite)) for suite in root] == [
        ("imports", 2),
        ("shadowing", 1),
        ("handlers", 1),
    ]
    boto3, absent = root[0]
    assert boto3.get("classname") == "deps.imports"
    assert boto3.get("time") == "0.120500"
    assert [one.attrib for one in boto3.iter("property")] == [
        {"name": "total_ms", "value": "120.5"}
    ]
    failure = absent.find("failure")
    assert failure is not None
    assert failure.get("message") == "ModuleNotFoundError: absent"
    assert failure.text == "ModuleNotFoundError: absent\nat <app>"
    assert root[1][0].findtext("system-out") == "one & two"
    assert root[2][0].find("skipped") is not None


@given(st.lists(st.builds(Result, st.text(), st.text(), st.sampled_from(Status), st.text())))
def test_whatever_a_program_says_it_stays_xml(results: list[Result]) -> None:
    root = ElementTree.fromstring(junit(results, "s"))
    assert root.get("tests") == str(len(results)) == str(len(list(root.iter("testcase"))))


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([Status.PASSED, Status.WARNING], True),
        ([Status.PASSED, Status.FAILED], False),
        ([Status.SKIPPED], False),
        ([], False),
    ],
)
def test_nothing_tried_is_nothing_proven(statuses: list[Status], expected: bool) -> None:
    assert held([Result("g", "n", one) for one in statuses]) is expected
