"""What becomes of each resource type: the calls, the attributes, the values handed on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from millrace.errors import ConfigurationError, UnsupportedResource

from localcloud.stack import deploy
from localcloud.stack.model import (
    FeatureGroupResource,
    FunctionResource,
    Route,
    Throttling,
)
from tests.localcloud.stack.fake_aws import FakeAws
from tests.localcloud.stack.templates import place, up, write

STREAM = "Stream: {Type: AWS::Kinesis::Stream}\n"
FUNCTION = """
Work:
  Type: AWS::Serverless::Function
  Metadata: {BuildMethod: makefile, ContextPath: code}
  Properties:
    CodeUri: code/work
    Handler: app.handler
    Runtime: python3.13
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with a function's folder and a layer's."""
    for folder in ("code/work", "layer"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


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


def test_a_function_with_its_layer(checkout: Path) -> None:
    stack = up(
        checkout,
        FUNCTION
        + """
    Layers: [!Ref Library]
    MemorySize: '512'
    Timeout: 30
    ReservedConcurrentExecutions: 2
    Architectures: [arm64]
    Environment: {Variables: {NUMBER: 5, FLAG: true, NAME: !Ref AWS::StackName}}
Library:
  Type: AWS::Serverless::LayerVersion
  Metadata: {BuildMethod: makefile}
  Properties: {ContentUri: layer/}
""",
    )
    function = stack.functions["Work"]
    layer = stack.layers["Library"]
    assert function == FunctionResource(
        logical_id="Work",
        name=stack.resources["Work"].ref,
        arn=stack.resources["Work"].attributes["Arn"],
        handler="app.handler",
        runtime="python3.13",
        architecture="arm64",
        code=function.code,
        layers=(layer,),
        environment={"NUMBER": "5", "FLAG": "true", "NAME": "demo"},
        timeout_s=30,
        memory_mb=512,
        reserved_concurrency=2,
    )
    assert function.code.folder == checkout / "code/work"
    assert function.code.makefile == checkout / "code/Makefile"
    assert layer.code.folder == checkout / "layer"
    assert layer.code.makefile == checkout / "layer/Makefile"
    assert layer.logical_id == "Library"


def test_a_function_has_lambda_s_own_defaults(checkout: Path) -> None:
    function = up(checkout, FUNCTION).functions["Work"]
    assert (function.timeout_s, function.memory_mb) == (3, 128)
    assert (function.architecture, function.reserved_concurrency) == ("x86_64", None)
    assert (function.layers, function.environment) == ((), {})


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        (FUNCTION.replace("code/work", "code/none"), r"Work .*there is no folder .*code/none"),
        (FUNCTION.replace("code/work", "s3://elsewhere/x.zip"), "a folder of the checkout only"),
        (FUNCTION + "    Layers: ['arn:aws:lambda:x:1:layer:y:1']\n", "not made by this template"),
        (FUNCTION + "    SnapStart: {ApplyOn: PublishedVersions}\n", "Work .*'SnapStart'"),
        (FUNCTION + "    Environment: {Variables: {A: [1]}}\n", "'A' must be a text"),
    ],
)
def test_a_function_that_cannot_run_here(checkout: Path, resources: str, message: str) -> None:
    with pytest.raises((ConfigurationError, UnsupportedResource), match=message):
        up(checkout, resources)


def test_an_event_source_mapping_in_the_right_types(checkout: Path) -> None:
    stack = up(
        checkout,
        FUNCTION
        + STREAM
        + """
Reader:
  Type: AWS::Lambda::EventSourceMapping
  Properties:
    EventSourceArn: !GetAtt Stream.Arn
    FunctionName: !GetAtt Work.Arn
    BatchSize: '500'
    MaximumRetryAttempts: !Ref Retries
    BisectBatchOnFunctionError: 'true'
    FunctionResponseTypes: [ReportBatchItemFailures]
    DestinationConfig: {OnFailure: {Destination: 'arn:aws:s3:::box'}}
    StartingPosition: LATEST
""",
        rest="Parameters: {Retries: {Type: Number, Default: -1}}",
    )
    (mapping,) = stack.mappings
    name, stream = stack.resources["Work"].ref, stack.resources["Stream"].attributes["Arn"]
    assert (mapping.function_name, mapping.event_source_arn) == (name, stream)
    assert mapping.uuid == stack.resources["Reader"].ref
    assert mapping.properties == {
        "EventSourceArn": stream,
        "FunctionName": name,
        "BatchSize": 500,
        "MaximumRetryAttempts": -1,
        "BisectBatchOnFunctionError": True,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:s3:::box"}},
        "StartingPosition": "LATEST",
    }


def test_a_mapping_to_a_function_that_is_not_there(tmp_path: Path) -> None:
    reader = "Reader: {Type: AWS::Lambda::EventSourceMapping, Properties: {FunctionName: other}}"
    with pytest.raises(ConfigurationError, match="no function of this stack is called other"):
        up(tmp_path, reader)


API = (
    FUNCTION
    + """
    Events:
      Post: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: post, Path: '/events/{id}'}}
      Any:
        Type: HttpApi
        Properties: {ApiId: !Ref Api, Method: any, Path: '/{proxy+}', TimeoutInMillis: 5000}
      Rest: {Type: HttpApi, Properties: {ApiId: !Ref Api}}
Api:
  Type: AWS::Serverless::HttpApi
  Properties:
    DefaultRouteSettings: {ThrottlingRateLimit: 100, ThrottlingBurstLimit: 20}
"""
)


def test_routes_of_an_http_api(checkout: Path) -> None:
    stack = up(checkout, API)
    (api,) = stack.http_apis
    name = stack.functions["Work"].name
    assert api.url == "http://api.test"
    assert stack.resources["Api"].attributes["ApiEndpoint"] == "http://api.test"
    assert set(api.routes) == {
        Route("POST", "/events/{id}", name, "2.0", 30.0),
        Route("ANY", "/{proxy+}", name, "2.0", 5.0),
        Route("ANY", "$default", name, "2.0", 30.0),
    }
    (stage,) = stack.stages
    assert (stage.api_id, stage.name) == (api.api_id, "$default")
    assert stage.throttling == Throttling(rate=100.0, burst=20)


def test_cors_is_handed_on(checkout: Path) -> None:
    cors = "    CorsConfiguration: {AllowOrigins: ['https://shop.example'], AllowMethods: [POST]}\n"
    (api,) = up(checkout, API + cors).http_apis
    assert api.cors == {"allowOrigins": ["https://shop.example"], "allowMethods": ["POST"]}


def test_an_authoriser_is_not_skipped_in_silence(checkout: Path) -> None:
    auth = "    Auth: {EnableIamAuthorizer: true, DefaultAuthorizer: AWS_IAM}\n"
    with pytest.raises(UnsupportedResource, match=r"Api .*does not know the property"):
        up(checkout, API + auth)


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
