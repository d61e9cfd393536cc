"""The policy of the key: this account decides, and services may use it for this stack alone."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from tests.template.reading import EVERYTHING, present


def key_policy() -> dict[str, dict[str, Any]]:
    properties = present(EVERYTHING)["Key"]["Properties"]
    return {statement["Sid"]: statement for statement in properties["KeyPolicy"]["Statement"]}


def test_the_key_rotates_and_serves_this_account_its_logs_and_its_alarms() -> None:
    assert present(EVERYTHING)["Key"]["Properties"]["EnableKeyRotation"] is True
    policy = key_policy()
    assert {sid: statement["Principal"] for sid, statement in policy.items()} == {
        "LetIamOfThisAccountDecide": {"AWS": "arn:aws:iam::1:root"},
        "LogsOfThisStack": {"Service": "logs.r.amazonaws.com"},
        "AlarmsToAnEncryptedTopic": {"Service": "cloudwatch.amazonaws.com"},
    }
    for statement in policy.values():
        assert all("*" not in action for action in statement["Action"])
    assert policy["AlarmsToAnEncryptedTopic"]["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]


def test_no_service_but_this_account_may_administer_the_key() -> None:
    uses = {"Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey"}
    uses |= {"GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo"}
    for sid, statement in key_policy().items():
        if sid != "LetIamOfThisAccountDecide":
            assert set(statement["Action"]) <= {f"kms:{use}" for use in uses}
    # Who made a key must be able to change its policy, or nobody ever can.
    assert "kms:PutKeyPolicy" in key_policy()["LetIamOfThisAccountDecide"]["Action"]


def test_the_logs_that_may_use_the_key_are_those_of_this_stack() -> None:
    arns = key_policy()["LogsOfThisStack"]["Condition"]["ArnLike"][
        "kms:EncryptionContext:aws:logs:arn"
    ]
    for name, body in present(EVERYTHING).items():
        if body["Type"] == "AWS::Logs::LogGroup":
            # CloudFormation's own names begin with the stack's.
            group = body["Properties"].get("LogGroupName", f"s-{name}-SUFFIX")
            arn = f"arn:aws:logs:r:1:log-group:{group}"
            assert any(fnmatchcase(arn, pattern) for pattern in arns), name
    assert not any(fnmatchcase("arn:aws:logs:r:1:log-group:another", pattern) for pattern in arns)
