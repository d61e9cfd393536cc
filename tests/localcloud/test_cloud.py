"""A small stack of its own, whole: HTTP in, a function, a model endpoint, metrics, alarms."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from millrace.errors import ConfigurationError, StartupError

from localcloud.cloud import LocalCloud, Options, running
from localcloud.cloudwatch.alarms import State
from tests.localcloud.running import Running
from tests.localcloud.running import running as in_thread
from tests.localcloud.sagemaker.serving_endpoints import package
from tests.localcloud.signing import ACCESS_KEY, post

SERVER = Path(__file__).parent / "sagemaker" / "model_server.py"
HANDLER = """
import json, os, boto3
runtime = boto3.client("sagemaker-runtime")
table = boto3.client("dynamodb")

def handler(event, context):
    body = json.loads(event.get("body") or "{}")
    if body.get("do") == "raise":
        raise ValueError("asked to")
    if body.get("do") == "store":
        table.put_item(TableName=os.environ["TABLE"], Item={"id": {"S": "x"}})
        return {"statusCode": 200, "body": "stored"}
    answer = runtime.invoke_endpoint(
        EndpointName=os.environ["ENDPOINT_NAME"], ContentType="application/json",
        Body=json.dumps({"do": "echo", **body}),
    )
    found = json.loads(answer["Body"].read())
    caller = event["requestContext"].get("authorizer", {})
    metric = {"Namespace": "Test", "Dimensions": [["service"]], "Metrics": [{"Name": "Asked"}]}
    emf = {"_aws": {"Timestamp": 0, "CloudWatchMetrics": [metric]}, "service": "s", "Asked": 1}
    print(json.dumps(emf))
    return {"statusCode": 200, "body": json.dumps({**found, "caller": caller})}
"""
TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
  Ask:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: code
      Handler: app.handler
      Runtime: python3.13
      Timeout: 20
      AutoPublishAlias: live
      ReservedConcurrentExecutions: 5
      Environment:
        Variables: {ENDPOINT_NAME: !GetAtt Endpoint.EndpointName, TABLE: !Ref Table}
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties: {ProtocolType: HTTP, CorsConfiguration: {AllowOrigins: ['https://shop.example']}}
  Stage:
    Type: AWS::ApiGatewayV2::Stage
    Properties:
      ApiId: !Ref Api
      StageName: $default
      AutoDeploy: true
      RouteSettings: {GET /rare: {ThrottlingRateLimit: 0.001, ThrottlingBurstLimit: 1}}
  Integration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Api
      IntegrationType: AWS_PROXY
      IntegrationUri: !Ref Ask.Alias
      PayloadFormatVersion: '2.0'
  Signed:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      ApiId: !Ref Api
      RouteKey: POST /ask
      Target: !Sub integrations/${Integration}
      AuthorizationType: AWS_IAM
  Rare:
    Type: AWS::ApiGatewayV2::Route
    Properties: {ApiId: !Ref Api, RouteKey: GET /rare, Target: !Sub 'integrations/${Integration}'}
  Model:
    Type: AWS::SageMaker::Model
    Properties:
      ExecutionRoleArn: arn
      PrimaryContainer:
        {Image: image, ModelDataUrl: s3://models/a/model.tar.gz, Environment: {MODE: here}}
  Config:
    Type: AWS::SageMaker::EndpointConfig
    Properties:
      ProductionVariants:
        - VariantName: main
          ModelName: !GetAtt Model.ModelName
          ServerlessConfig: {MaxConcurrency: 5, MemorySizeInMB: 2048}
  Endpoint:
    Type: AWS::SageMaker::Endpoint
    Properties: {EndpointConfigName: !GetAtt Config.EndpointConfigName}
  Errors:
    Type: AWS::CloudWatch::Alarm
    Properties:
      Namespace: AWS/Lambda
      MetricName: Errors
      Dimensions:
        - {Name: FunctionName, Value: !Ref Ask}
        - {Name: Resource, Value: !Sub '${Ask}:live'}
      Statistic: Sum
      Period: 60
      EvaluationPeriods: 1
      Threshold: 0
      ComparisonOperator: GreaterThanThreshold
      TreatMissingData: notBreaching
      AlarmActions: [!Ref Topic]
  Topic: {Type: AWS::SNS::Topic}
  Told: {Type: AWS::SQS::Queue}
  Subscription:
    Type: AWS::SNS::Subscription
    Properties: {TopicArn: !Ref Topic, Protocol: sqs, Endpoint: !GetAtt Told.Arn}
Outputs:
  Url: {Value: !GetAtt Api.ApiEndpoint}
  ApiId: {Value: !Ref Api}
  Endpoint: {Value: !GetAtt Endpoint.EndpointName}
  Queue: {Value: !GetAtt Told.QueueUrl}
"""


def checkout(folder: Path, template: str = TEMPLATE) -> Options:
    """Options for a checkout in `folder` with this template and its function."""
    root = folder / "checkout"
    (root / "code").mkdir(parents=True)
    (root / "code" / "app.py").write_text(HANDLER)
    (root / "template.yaml").write_text(template)
    model = folder / "model.tar.gz"
    model.write_bytes(package(contract_json="{}"))
    return Options(
        root,
        folder / "run",
        objects={"models/a/model.tar.gz": model},
        model_server=(sys.executable, str(SERVER)),
    )


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running[LocalCloud]]:
    options = checkout(tmp_path_factory.mktemp("cloud"))
    with in_thread(lambda: running(options)) as cloud:
        yield cloud


def ask(cloud: Running[LocalCloud], body: Any) -> httpx.Response:
    return post(f"{cloud.value.output('Url')}/ask", body)


def test_a_signed_request_gets_the_model_s_answer(cloud: Running[LocalCloud]) -> None:
    answer = ask(cloud, {"x": 1})
    assert answer.status_code == 200, answer.text
    content = answer.json()
    assert content["request"] == {"do": "echo", "x": 1}
    assert (content["files"], content["mode"]) == (["contract.json"], "here")
    assert content["caller"]["iam"]["accessKey"] == ACCESS_KEY


def test_others_are_refused(cloud: Running[LocalCloud]) -> None:
    answer = httpx.post(f"{cloud.value.output('Url')}/ask", content=b"{}", timeout=30)
    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})


def test_a_browser_from_elsewhere_is_allowed_as_the_template_says(
    cloud: Running[LocalCloud],
) -> None:
    url, origin = f"{cloud.value.output('Url')}/ask", {"origin": "https://shop.example"}
    asked = {**origin, "access-control-request-method": "POST"}
    answer = httpx.options(url, headers=asked)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"


def test_a_route_s_own_limit(cloud: Running[LocalCloud]) -> None:
    url = f"{cloud.value.output('Url')}/rare"
    statuses = [httpx.get(url, timeout=30).status_code for _ in range(3)]
    assert statuses == [200, 429, 429]


def test_a_model_server_that_is_killed_is_replaced(cloud: Running[LocalCloud]) -> None:
    before = ask(cloud, {}).json()["pid"]
    endpoints = cloud.value.endpoints
    assert endpoints.kill(cloud.value.output("Endpoint")) == before
    wait_until(lambda: endpoints.health()[0].pid not in (None, before))
    assert ask(cloud, {}).json()["pid"] != before


def test_metrics_reach_cloudwatch_and_an_alarm_rings(cloud: Running[LocalCloud]) -> None:
    value = cloud.value
    cloud.run(value.monitor.round())
    (alarm,) = value.monitor.states()
    assert alarm.verdict.state is State.OK
    assert ask(cloud, {"do": "raise"}).status_code == 500
    ask(cloud, {})
    wait_until(lambda: "Test" in {metric.namespace for metric in value.measured.store.metrics()})
    cloud.run(value.monitor.round())
    (alarm,) = value.monitor.states()
    assert alarm.verdict.state is State.ALARM
    told = value.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert [each["StateValue"] for each in told] == ["ALARM"]
    queue = value.output("Queue")
    messages = value.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
    states = {
        json.loads(json.loads(message["Body"])["Message"])["NewStateValue"]
        for message in messages["Messages"]
    }
    assert states == {"ALARM"}
    names = {
        (metric["Namespace"], metric["MetricName"])
        for metric in value.client("cloudwatch").list_metrics()["Metrics"]
    }
    assert {
        ("AWS/ApiGateway", "5xx"),
        ("AWS/Lambda", "Duration"),
        ("AWS/SageMaker", "ModelLatency"),
        ("Test", "Asked"),
    } <= names


def test_an_answer_comes_soon(cloud: Running[LocalCloud]) -> None:
    """No wait hides on the way through API, function, DynamoDB and model: the least of many times
    is a few milliseconds of work; 40 ms would be a delayed acknowledgement somewhere."""
    with httpx.Client(timeout=30) as client:
        times = {
            what: min(timed(client, cloud, {"do": what}) for _ in range(20))
            for what in ("echo", "store")
        }
    assert max(times.values()) < 0.04, times


def timed(client: httpx.Client, cloud: Running[LocalCloud], body: Any) -> float:
    url = f"{cloud.value.output('Url')}/ask"
    began = time.perf_counter()
    assert post(url, body, client).status_code == 200
    return time.perf_counter() - began


@pytest.mark.parametrize(
    ("old", "new", "error", "message"),
    [
        ("s3://models/a/", "s3://models/b/", StartupError, r"is not in the local S3 .*Options"),
        ("s3://models/a/model.tar.gz", "here", ConfigurationError, "it must be like s3://"),
        ("MODE: here", "MODE: broken", StartupError, "ended before .*no model here"),
    ],
)
def test_an_endpoint_that_does_not_come_up_ends_the_start(
    tmp_path: Path, old: str, new: str, error: type[Exception], message: str
) -> None:
    assert old in TEMPLATE
    options = checkout(tmp_path, TEMPLATE.replace(old, new))
    with pytest.raises(error, match=message), in_thread(lambda: running(options)):
        pass


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that must come about."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.01)
