"""The calls of every type that is made by call, against an emulator that checks them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from moto.server import ThreadedMotoServer

from localcloud.stack import Boto3Aws, deploy
from tests.localcloud.stack.templates import place, write

RESOURCES = """
Stream:
  Type: AWS::Kinesis::Stream
  Properties: {ShardCount: 2, RetentionPeriodHours: 48}
Lane:
  Type: AWS::Kinesis::StreamConsumer
  Properties: {ConsumerName: lane, StreamARN: !GetAtt Stream.Arn}
Table:
  Type: AWS::DynamoDB::Table
  Properties:
    BillingMode: PAY_PER_REQUEST
    AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
    KeySchema: [{AttributeName: id, KeyType: HASH}]
    TimeToLiveSpecification: {AttributeName: expiresAt, Enabled: true}
Box:
  Type: AWS::S3::Bucket
  Properties: {VersioningConfiguration: {Status: Enabled}}
Work:
  Type: AWS::SQS::Queue
  Properties: {RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}}
Dead: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 40}}
Alerts:
  Type: AWS::SNS::Topic
  Properties: {Subscription: [{Protocol: sqs, Endpoint: !GetAtt Dead.Arn}]}
Listen:
  Type: AWS::SNS::Subscription
  Properties: {TopicArn: !Ref Alerts, Protocol: sqs, Endpoint: !GetAtt Work.Arn}
Late:
  Type: AWS::CloudWatch::Alarm
  Properties:
    Namespace: AWS/Lambda
    MetricName: IteratorAge
    Statistic: Maximum
    Period: 60
    EvaluationPeriods: 3
    Threshold: 1000
    ComparisonOperator: GreaterThanThreshold
    AlarmActions: [!Ref Alerts]
Share:
  Type: AWS::CloudWatch::Alarm
  Properties:
    ComparisonOperator: GreaterThanThreshold
    EvaluationPeriods: 2
    Threshold: 5
    TreatMissingData: notBreaching
    Metrics:
      - {Id: share, Expression: 100 * errors / calls}
      - Id: errors
        ReturnData: false
        MetricStat: {Metric: {Namespace: X, MetricName: Errors}, Period: 60, Stat: Sum}
      - Id: calls
        ReturnData: false
        MetricStat: {Metric: {Namespace: X, MetricName: Calls}, Period: 60, Stat: Sum}
Board:
  Type: AWS::CloudWatch::Dashboard
  Properties: {DashboardBody: '{"widgets": []}'}
Key: {Type: AWS::KMS::Key, Properties: {EnableKeyRotation: true}}
KeyName: {Type: AWS::KMS::Alias, Properties: {AliasName: alias/x, TargetKeyId: !Ref Key}}
"""


@pytest.fixture(scope="module")
def aws() -> Iterator[Boto3Aws]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    # moto keeps its state in the process, where another test may have left some.
    httpx.post(f"http://{host}:{port}/moto-api/reset").raise_for_status()
    client = Boto3Aws(f"http://{host}:{port}", "us-east-1")
    yield client
    client.close()
    server.stop()


def test_everything_is_made_and_removed(aws: Boto3Aws, tmp_path: Path) -> None:
    stack = deploy(write(tmp_path, RESOURCES), place(tmp_path), aws)
    made = {name: resource.ref for name, resource in stack.resources.items()}
    attributes = {name: resource.attributes for name, resource in stack.resources.items()}

    summary = aws.call("kinesis", "describe_stream_summary", StreamName=made["Stream"])
    assert summary["StreamDescriptionSummary"]["OpenShardCount"] == 2
    assert summary["StreamDescriptionSummary"]["RetentionPeriodHours"] == 48
    assert summary["StreamDescriptionSummary"]["StreamARN"] == attributes["Stream"]["Arn"]
    consumer = aws.call("kinesis", "describe_stream_consumer", ConsumerARN=made["Lane"])
    assert consumer["ConsumerDescription"]["ConsumerName"] == "lane"
    expiry = aws.call("dynamodb", "describe_time_to_live", TableName=made["Table"])
    assert expiry["TimeToLiveDescription"]["AttributeName"] == "expiresAt"
    subscriptions = aws.call("sns", "list_subscriptions_by_topic", TopicArn=made["Alerts"])
    assert {item["Endpoint"] for item in subscriptions["Subscriptions"]} == {
        attributes["Work"]["Arn"],
        attributes["Dead"]["Arn"],
    }
    alarms = aws.call("cloudwatch", "describe_alarms")["MetricAlarms"]
    assert {(alarm["AlarmName"], alarm["AlarmArn"]) for alarm in alarms} == {
        (made[name], attributes[name]["Arn"]) for name in ("Late", "Share")
    }
    board = aws.call("cloudwatch", "get_dashboard", DashboardName=made["Board"])
    assert board["DashboardBody"] == '{"widgets": []}'
    key = aws.call("kms", "describe_key", KeyId="alias/x")["KeyMetadata"]
    assert (key["KeyId"], key["Arn"]) == (made["Key"], attributes["Key"]["Arn"])
    for text in (b"old", b"new"):
        aws.call("s3", "put_object", Bucket=made["Box"], Key="k", Body=text)
    aws.call("s3", "delete_object", Bucket=made["Box"], Key="k")

    stack.down(aws)
    assert aws.call("kinesis", "list_streams")["StreamNames"] == []
    assert aws.call("dynamodb", "list_tables")["TableNames"] == []
    assert aws.call("s3", "list_buckets")["Buckets"] == []
    assert aws.call("sqs", "list_queues").get("QueueUrls", []) == []
    assert aws.call("sns", "list_topics")["Topics"] == []
    assert aws.call("cloudwatch", "describe_alarms")["MetricAlarms"] == []
    assert aws.call("cloudwatch", "list_dashboards")["DashboardEntries"] == []
    states = [aws.call("kms", "describe_key", KeyId=made["Key"])["KeyMetadata"]["KeyState"]]
    assert states == ["PendingDeletion"]
