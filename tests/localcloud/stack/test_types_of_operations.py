"""What becomes of metric math alarms, dashboards, keys, networks and DAX."""

from __future__ import annotations

from pathlib import Path

import pytest
from millrace.errors import ConfigurationError

from tests.localcloud.stack.fake_aws import FakeAws
from tests.localcloud.stack.templates import up


def test_a_metric_math_alarm_is_sent_with_numbers_as_numbers(tmp_path: Path) -> None:
    aws = FakeAws()
    stack = up(
        tmp_path,
        """
        Share:
          Type: AWS::CloudWatch::Alarm
          Properties:
            ComparisonOperator: GreaterThanThreshold
            EvaluationPeriods: '2'
            Threshold: '5'
            TreatMissingData: notBreaching
            ActionsEnabled: 'true'
            Metrics:
              - {Id: share, Expression: 100 * errors / calls, Label: errors in percent}
              - Id: errors
                ReturnData: 'false'
                MetricStat:
                  Metric: {Namespace: AWS/Lambda, MetricName: Errors}
                  Period: '60'
                  Stat: Sum
        """,
        aws,
    )
    (alarm,) = stack.alarms
    assert alarm.request == aws.sent("put_metric_alarm")
    assert alarm.request["Threshold"] == 5.0
    assert alarm.request["EvaluationPeriods"] == 2
    assert alarm.request["Metrics"] == [
        {
            "Id": "share",
            "Expression": "100 * errors / calls",
            "Label": "errors in percent",
            "ReturnData": True,
        },
        {
            "Id": "errors",
            "ReturnData": False,
            "MetricStat": {
                "Metric": {"Namespace": "AWS/Lambda", "MetricName": "Errors"},
                "Period": 60,
                "Stat": "Sum",
            },
        },
    ]
    stack.down(aws)
    assert not aws.alive


def test_a_dashboard(tmp_path: Path) -> None:
    aws = FakeAws()
    dashboard = "Board: {Type: AWS::CloudWatch::Dashboard, Properties: {DashboardBody: '%s'}}\n"
    stack = up(tmp_path, dashboard % '{"widgets": []}', aws)
    assert aws.sent("put_dashboard")["DashboardBody"] == '{"widgets": []}'
    stack.down(aws)
    assert not aws.alive
    with pytest.raises(ConfigurationError, match="DashboardBody is not JSON"):
        up(tmp_path, dashboard % "{", FakeAws())


def test_a_key_and_its_alias(tmp_path: Path) -> None:
    aws = FakeAws()
    stack = up(
        tmp_path,
        """
        Key:
          Type: AWS::KMS::Key
          Properties: {Description: data, EnableKeyRotation: true, KeyPolicy: {Statement: []}}
        Name:
          Type: AWS::KMS::Alias
          Properties: {AliasName: alias/data, TargetKeyId: !Ref Key}
        """,
        aws,
    )
    assert stack.resources["Key"].attributes["Arn"].endswith(f":key/{stack.resources['Key'].ref}")
    assert aws.sent("create_alias")["TargetKeyId"] == stack.resources["Key"].ref
    stack.down(aws)
    assert not aws.alive


def test_without_dax_its_address_is_empty(tmp_path: Path) -> None:
    stack = up(tmp_path, "Cache: {Type: AWS::DAX::Cluster, Properties: {NodeType: dax.t3.small}}")
    assert stack.resources["Cache"].attributes["ClusterDiscoveryEndpointURL"] == ""
    assert "functions go to DynamoDB" in str(stack.resources["Cache"].no_op)


def test_networks_have_ids_that_others_may_ask_for(tmp_path: Path) -> None:
    stack = up(
        tmp_path,
        """
        Net: {Type: AWS::EC2::VPC}
        Guard:
          Type: AWS::EC2::SecurityGroup
          Properties: {GroupDescription: x, VpcId: !GetAtt Net.VpcId}
        """,
        rest="Outputs: {Guard: {Value: !GetAtt Guard.GroupId}}",
    )
    assert stack.outputs["Guard"].startswith("sg-")
