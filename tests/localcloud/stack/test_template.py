"""Reading a template: function tags in their long form, mistakes named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from millrace.errors import ConfigurationError, UnsupportedResource

from localcloud.stack.template import load_template

IF = {"Fn::If": ["C", {"Fn::Sub": "${A}"}, {"k": {"Ref": "B"}}]}


def load(folder: Path, text: str) -> dict[str, Any]:
    path = folder / "template.yaml"
    path.write_text(text, encoding="utf-8")
    return load_template(path)


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("!Ref A", {"Ref": "A"}),
        ("!Condition A", {"Condition": "A"}),
        ("!GetAtt A.B", {"Fn::GetAtt": ["A", "B"]}),
        ("!GetAtt A.B.C", {"Fn::GetAtt": ["A", "B.C"]}),
        ("!GetAtt [A, B]", {"Fn::GetAtt": ["A", "B"]}),
        ("!Sub 'x-${A}'", {"Fn::Sub": "x-${A}"}),
        ("!Join ['-', [a, !Ref B]]", {"Fn::Join": ["-", ["a", {"Ref": "B"}]]}),
        ("!If [C, !Sub '${A}', {k: !Ref B}]", IF),
        ("!Transform {Name: X}", {"Fn::Transform": {"Name": "X"}}),
        ("2012-10-17", "2012-10-17"),
        ("'on'", "on"),
    ],
)
def test_values_are_what_cloudformation_reads(tmp_path: Path, short: str, long: object) -> None:
    template = load(tmp_path, f"Resources:\n  X:\n    Type: T\n    Value: {short}\n")
    assert template["Resources"]["X"]["Value"] == long


def test_the_tags_stay_unknown_to_other_users_of_yaml(tmp_path: Path) -> None:
    load(tmp_path, "Resources: {X: !Ref A}")
    with pytest.raises(yaml.constructor.ConstructorError):
        yaml.safe_load("!Ref A")


def test_a_key_that_stands_twice_is_an_error_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"'X' stands here twice\n.*line 3"):
        load(tmp_path, "Resources:\n  X: {Type: T}\n  X: {Type: U}\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Resources: [", "is not a YAML template"),
        ("- a\n", "has no section 'Resources'"),
        ("Description: x\n", "has no section 'Resources'"),
    ],
)
def test_what_is_no_template_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        load(tmp_path, text)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"absent\.yaml cannot be read"):
        load_template(tmp_path / "absent.yaml")


def test_a_section_that_is_not_known_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedResource, match="section 'Hooks'"):
        load(tmp_path, "Hooks: {}\nResources: {}\n")
