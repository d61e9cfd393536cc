"""Rules over parameters, with the functions that only rules know."""

from __future__ import annotations

from pathlib import Path

import pytest
from millrace.errors import ConfigurationError

from tests.localcloud.stack.fake_aws import FakeAws
from tests.localcloud.stack.templates import up

BUCKET = "Box: {Type: AWS::S3::Bucket}\n"
HEAD = """
Parameters:
  Mode: {Type: String, Default: none}
  Name: {Type: String, Default: ''}
  Subnets: {Type: CommaDelimitedList, Default: ''}
"""
NAMED = """
Rules:
  Existing:
    RuleCondition: !Equals [!Ref Mode, existing]
    Assertions:
      - Assert: !Not [!Equals [!Ref Name, '']]
        AssertDescription: Name the endpoint.
"""


def test_an_assertion_holds_only_under_its_condition(tmp_path: Path) -> None:
    up(tmp_path, BUCKET, rest=HEAD + NAMED)
    up(tmp_path, BUCKET, rest=HEAD + NAMED, overrides={"Mode": "existing", "Name": "scorer"})
    aws = FakeAws()
    with pytest.raises(ConfigurationError, match=r"Rules.Existing: Name the endpoint\."):
        up(tmp_path, BUCKET, aws, rest=HEAD + NAMED, overrides={"Mode": "existing"})
    assert aws.calls == []


@pytest.mark.parametrize(
    ("assertion", "holds"),
    [
        ("{'Fn::Contains': [[none, create], !Ref Mode]}", True),
        ("{'Fn::Contains': [[create], !Ref Mode]}", False),
        ("{'Fn::EachMemberEquals': [[none, none], !Ref Mode]}", True),
        ("{'Fn::EachMemberEquals': [[none, create], !Ref Mode]}", False),
        ("{'Fn::EachMemberIn': [[!Ref Mode], [none, create]]}", True),
        ("{'Fn::EachMemberIn': [[!Ref Mode, other], [none, create]]}", False),
        ("!And [!Equals [a, a], {'Fn::Contains': [[none], !Ref Mode]}]", True),
        ("!Or [!Equals [a, b], {'Fn::Contains': [[other], !Ref Mode]}]", False),
        ("!Not [{'Fn::Contains': [[other], !Ref Mode]}]", True),
    ],
)
def test_what_rules_may_ask(tmp_path: Path, assertion: str, holds: bool) -> None:
    rules = f"Rules:\n  Asked:\n    Assertions: [{{Assert: {assertion}}}]\n"
    if holds:
        up(tmp_path, BUCKET, rest=HEAD + rules)
        return
    with pytest.raises(ConfigurationError, match=r"Rules.Asked: an assertion does not hold"):
        up(tmp_path, BUCKET, rest=HEAD + rules)


def test_a_function_used_wrongly_is_named(tmp_path: Path) -> None:
    rules = "Rules: {Asked: {Assertions: [{Assert: {'Fn::Contains': [[a]]}}]}}\n"
    with pytest.raises(ConfigurationError, match=r"Rules.Asked: Fn::Contains takes a list of two"):
        up(tmp_path, BUCKET, rest=HEAD + rules)
