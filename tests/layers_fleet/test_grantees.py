"""Whom a statement of a policy names, and the policy that guards functions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.errors import ConfigurationError
from millrace.lambda_layers import guard, policies, sharing

from tests.architecture.source import ROOT
from tests.layers_fleet.typing_commands import Commands

OTHER = "210987654321"
ORGANIZATION = "o-a1b2c3d4e5"


def statement(principal: Any, **more: object) -> str:
    one = {"Sid": "s", "Effect": "Allow", "Principal": principal, "Action": "lambda:*", **more}
    return json.dumps({"Statement": [one]})


ORG_ONLY = {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}}


@pytest.mark.parametrize(
    ("policy", "grantee"),
    [
        (statement("*"), "everyone"),
        (statement({"AWS": "*"}), "everyone"),
        (statement({"AWS": OTHER}), f"account {OTHER}"),
        (statement({"AWS": [f"arn:aws:iam::{OTHER}:root"]}), f"account {OTHER}"),
        (statement({"AWS": f"arn:aws-cn:iam::{OTHER}:root"}), f"account {OTHER}"),
        (statement("*", Condition=ORG_ONLY), f"organization {ORGANIZATION}"),
        (statement({"AWS": OTHER}, Condition=ORG_ONLY), "None"),
        (statement("*", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}), "None"),
        (statement({"AWS": [OTHER, "333333333333"]}), "None"),
        (statement("*", Effect="Deny"), "None"),
        (statement({"Service": "x.amazonaws.com"}), "None"),
    ],
)
def test_whom_a_statement_names(policy: str, grantee: str) -> None:
    (found,) = policies.shares(policy)
    assert str(found.grantee) == grantee


@given(st.sets(st.sampled_from(["1" * 12, "2" * 12, "3" * 12]), min_size=1))
def test_grantees_come_once_each(accounts: set[str]) -> None:
    found = sharing.grantees([*accounts, *accounts], [], False)
    assert {one.name for one in found} == accounts
    assert len(found) == len(accounts)


def test_the_shipped_policy_is_what_the_command_prints(millrace: Commands) -> None:
    shipped = json.loads((ROOT / "layers/policies/only-our-layers.json").read_text("utf-8"))
    pattern = "arn:aws:lambda:*:123456789012:layer:*"
    assert millrace("layers", "guard", pattern).document == shipped
    (denied,) = shipped["Statement"]
    assert denied["Condition"] == {"ForAnyValue:StringNotLike": {"lambda:Layer": [f"{pattern}:*"]}}
    for wrong in (["deps"], ["arn:aws:s3:::bucket"], []):
        with pytest.raises(ConfigurationError):
            guard.policy(wrong)
