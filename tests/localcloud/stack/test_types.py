"""What becomes of streams, tables, buckets, messaging, alarms and feature groups."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from millrace.errors import ConfigurationError, UnsupportedResource

from localcloud.stack import deploy
from localcloud.stack.model import FeatureGroupResource
from tests.localcloud.stack.fake_aws import FakeAws
from tests.localcloud.stack.templates import place, up, write

STREAM = "Stream: {Type: AWS::Kinesis::Stream}\n"


def test_a_provisioned_stream(tmp_path: Path) -> None:
    aws = FakeAws()
    stack = up(
        tmp_path,
        """
        Stream:
          Type: AWS::Kinesis::Stream
          Properties:
            ShardCount: '3'
            RetentionPeriodHours: 48
            StreamEncryption: {EncryptionType: KMS, KeyId: alias/aws/kinesis}
        """,
        aws,
    )
    name = stack.resources["Stream"].ref
    assert name.startswith("demo-Stream-")
    assert aws.sent("create_stream") == {
        "StreamName": name,
        "StreamModeDetails": {"StreamMode": "PROVISIONED"},
        "ShardCount": 3,
    }
    assert aws.sent("increase_stream_retention_period")["RetentionPeriodHours"] == 48
    arn = f"arn:aws:kinesis:us-east-1:123456789012:stream/{name}"
    assert stack.resources["Stream"].attributes == {"Arn": arn}


def test_an_on_demand_stream_asks_for_no_shards(tmp_path: Path) -> None:
    aws = FakeAws()
    properties = "{Name: events, StreamModeDetails: {StreamMode: ON_DEMAND}}"
    up(tmp_path, f"Stream: {{Type: AWS::Kinesis::Stream, Properties: {properties}}}", aws)
    assert aws.sent("create_stream") == {
        "StreamName": "events",
        "StreamModeDetails": {"StreamMode": "ON_DEMAND"},
    }
    assert "increase_stream_retention_period" not in aws.operations()


def test_a_consumer_is_known_by_its_arn(tmp_path: Path) -> None:
    aws = FakeAws()
    stack = up(
        tmp_path,
        STREAM
        + """
Lane:
  Type: AWS::Kinesis::StreamConsumer
  Properties: {ConsumerName: lane, StreamARN: !GetAtt Stream.Arn}
""",
        aws,
    )
    stream = stack.resources["Stream"].attributes["Arn"]
    assert aws.sent("register_stream_consumer") == {"ConsumerName": "lane", "StreamARN": stream}
    assert stack.resources["Lane"].ref == f"{stream}/consumer/lane:1700000000"
    stack.down(aws)
    assert not aws.alive


def test_a_table_with_everything(tmp_path: Path) -> None:
    aws = FakeAws()
    stack = up(
        tmp_path,
        """
        Table:
          Type: AWS::DynamoDB::Table
          Properties:
            AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
            KeySchema: [{AttributeName: id, KeyType: HASH}]
            ProvisionedThroughput: {ReadCapacityUnits: '5', WriteCapacityUnits: 6}
            StreamSpecification: {StreamViewType: NEW_IMAGE}
            TimeToLiveSpecification: {AttributeName: expiresAt, Enabled: 'true'}
            PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}
        """,
        aws,
    )
    table = stack.resources["Table"]
    assert aws.sent("create_table") == {
        "TableName": table.ref,
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "BillingMode": "PROVISIONED",
        "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 6},
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    }
    assert aws.sent("update_time_to_live")["TimeToLiveSpecification"] == {
        "AttributeName": "expiresAt",
        "Enabled": True,
    }
    assert table.attributes["StreamArn"].startswith(table.attributes["Arn"])


def test_a_bucket_is_emptied_before_it_goes(tmp_path: Path) -> None:
    aws = FakeAws()
    stack = up(
        tmp_path,
        "Box: {Type: AWS::S3::Bucket, Properties: {VersioningConfiguration: {Status: Enabled}}}",
        aws,
    )
    name = stack.resources["Box"].ref
    assert name == name.lower()
    assert aws.sent("put_bucket_versioning")["VersioningConfiguration"] == {"Status": "Enabled"}
    aws.objects[name] = [(f"key{number}", "v1") for number in range(5)]
    stack.down(aws)
    assert not aws.alive
    assert aws.objects[name] == []


def test_a_bucket_of_another_region_says_where(tmp_path: Path) -> None:
    aws = FakeAws()
    frankfurt = replace(place(tmp_path), region="eu-central-1")
    deploy(write(tmp_path, "Box: {Type: AWS::S3::Bucket}"), frankfurt, aws)
    location = aws.sent("create_bucket")["CreateBucketConfiguration"]
    assert location == {"LocationConstraint": "eu-central-1"}


def test_topics_subscriptions_and_queues(tmp_path: Path) -> None:
    aws = FakeAws()
    stack = up(
        tmp_path,
        """
        Alerts:
          Type: AWS::SNS::Topic
          Properties: {Subscription: [{Protocol: sqs, Endpoint: !GetAtt Work.Arn}]}
        Mail:
          Type: AWS::SNS::Subscription
          Properties: {TopicArn: !Ref Alerts, Protocol: email, Endpoint: a@example.org}
        Work:
          Type: AWS::SQS::Queue
          Properties:
            VisibilityTimeout: 30
            RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}
        Dead: {Type: AWS::SQS::Queue}
        """,
        aws,
    )
    topic, work, dead = (stack.resources[name] for name in ("Alerts", "Work", "Dead"))
    subscribed = [given for _, name, given in aws.calls if name == "subscribe"]
    assert {given["Endpoint"] for given in subscribed} == {work.attributes["Arn"], "a@example.org"}
    assert {given["TopicArn"] for given in subscribed} == {topic.ref}
    created = {given["QueueName"]: given for _, op, given in aws.calls if op == "create_queue"}
    attributes = created[work.attributes["QueueName"]]["Attributes"]
    assert attributes["VisibilityTimeout"] == "30"
    assert dead.attributes["Arn"] in attributes["RedrivePolicy"]
    assert created[dead.attributes["QueueName"]]["Attributes"] == {}


def test_an_alarm(tmp_path: Path) -> None:
    aws = FakeAws()
    stack = up(
        tmp_path,
        """
        Late:
          Type: AWS::CloudWatch::Alarm
          Properties:
            Namespace: AWS/Lambda
            MetricName: IteratorAge
            Dimensions: [{Name: FunctionName, Value: x}]
            Statistic: Maximum
            Period: '60'
            EvaluationPeriods: 3
            Threshold: '1000.5'
            ActionsEnabled: 'false'
            ComparisonOperator: GreaterThanThreshold
        """,
        aws,
    )
    assert aws.sent("put_metric_alarm") == {
        "AlarmName": stack.resources["Late"].ref,
        "Namespace": "AWS/Lambda",
        "MetricName": "IteratorAge",
        "Dimensions": [{"Name": "FunctionName", "Value": "x"}],
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 3,
        "Threshold": 1000.5,
        "ActionsEnabled": False,
        "ComparisonOperator": "GreaterThanThreshold",
    }


GROUP = """
Group:
  Type: AWS::SageMaker::FeatureGroup
  Properties:
    FeatureGroupName: users
    RecordIdentifierFeatureName: id
    EventTimeFeatureName: at
    FeatureDefinitions:
      - {FeatureName: id, FeatureType: String}
      - {FeatureName: at, FeatureType: Fractional}
    OnlineStoreConfig: {EnableOnlineStore: true, TtlDuration: {Unit: Hours, Value: 2}}
    OfflineStoreConfig: {S3StorageConfig: {S3Uri: s3://box/features}}
    RoleArn: arn:aws:iam::123456789012:role/x
"""


def test_a_feature_group(tmp_path: Path) -> None:
    aws = FakeAws()
    (group,) = up(tmp_path, GROUP, aws).feature_groups
    assert aws.calls == []
    assert group == FeatureGroupResource(
        logical_id="Group",
        name="users",
        record_identifier="id",
        event_time="at",
        definitions={"id": "String", "at": "Fractional"},
        online=True,
        offline_s3_uri="s3://box/features",
        ttl_s=7200,
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("FeatureName: at,", "FeatureName: when,", "'at' is not among the FeatureDefinitions"),
        ("FeatureName: at,", "FeatureName: id,", "'id' must stand there once"),
        ("Fractional", "Number", "it has 'Number'"),
        ("EnableOnlineStore: true", "StorageType: InMemory", "know the property 'StorageType'"),
    ],
)
def test_a_feature_group_that_aws_would_refuse(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises((ConfigurationError, UnsupportedResource), match=message):
        up(tmp_path, GROUP.replace(old, new))


def test_a_type_without_meaning_has_its_attributes_and_its_reason(tmp_path: Path) -> None:
    aws = FakeAws()
    stack = up(
        tmp_path,
        "Role: {Type: AWS::IAM::Role}\nLogs: {Type: AWS::Logs::LogGroup}\n",
        aws,
        rest="Outputs: {Arn: {Value: !GetAtt Role.Arn}, Logs: {Value: !GetAtt Logs.Arn}}",
    )
    assert aws.calls == []
    assert stack.outputs["Arn"].startswith("arn:aws:iam::123456789012:role/demo-Role-")
    assert stack.outputs["Logs"].endswith(":*")
    assert stack.resources["Logs"].no_op == "functions write their logs to files"
