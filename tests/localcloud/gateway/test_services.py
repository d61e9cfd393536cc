"""Real clients against the gateway and moto: bodies, headers and errors come through unharmed."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.localcloud.gateway.conftest import Cloud


def test_dynamodb(cloud: Cloud, table: str) -> None:
    dynamodb = cloud.client("dynamodb")
    item = {"id": {"S": "a"}, "state": {"B": bytes(range(256))}, "n": {"N": "1"}}
    guard = "attribute_not_exists(id)"
    dynamodb.put_item(TableName=table, Item=item, ConditionExpression=guard)
    assert dynamodb.get_item(TableName=table, Key={"id": {"S": "a"}})["Item"] == item
    with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException) as failed:
        dynamodb.put_item(
            TableName=table,
            Item=item,
            ConditionExpression=guard,
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert failed.value.response["Item"] == item
    with pytest.raises(dynamodb.exceptions.ResourceNotFoundException):
        dynamodb.get_item(TableName="nowhere", Key={"id": {"S": "a"}})


def test_a_scan_over_many_pages_sees_every_item_once(cloud: Cloud, table: str) -> None:
    dynamodb = cloud.client("dynamodb")
    names = [f"item-{number:04}" for number in range(300)]
    for start in range(0, len(names), 25):
        puts = [
            {"PutRequest": {"Item": {"id": {"S": each}, "b": {"B": bytes(8000)}}}}
            for each in names[start : start + 25]
        ]
        dynamodb.batch_write_item(RequestItems={table: puts})
    pages = list(dynamodb.get_paginator("scan").paginate(TableName=table))
    assert len(pages) > 1
    assert sorted(item["id"]["S"] for page in pages for item in page["Items"]) == names


def test_concurrent_transactions_are_all_or_nothing(cloud: Cloud, table: str) -> None:
    dynamodb = cloud.client("dynamodb")
    for account in "ab":
        dynamodb.put_item(TableName=table, Item={"id": {"S": account}, "n": {"N": "0"}})

    def move(number: int) -> None:
        def add(account: str, amount: int) -> dict[str, Any]:
            return {
                "Update": {
                    "TableName": table,
                    "Key": {"id": {"S": account}},
                    "UpdateExpression": "ADD n :n",
                    "ExpressionAttributeValues": {":n": {"N": str(amount)}},
                }
            }

        dynamodb.transact_write_items(TransactItems=[add("a", number), add("b", -number)])

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(move, range(1, 41)))
    amounts = [
        int(dynamodb.get_item(TableName=table, Key={"id": {"S": each}})["Item"]["n"]["N"])
        for each in "ab"
    ]
    assert amounts == [820, -820]


@pytest.mark.parametrize("size", [0, 1, 100_000, 300_000, 9_000_000])
def test_s3_objects_of_any_size(cloud: Cloud, bucket: str, size: int) -> None:
    s3 = cloud.client("s3")
    body = hashlib.shake_128(b"seed").digest(size)
    key = "a folder/ü +%/object"
    s3.put_object(Bucket=bucket, Key=key, Body=body, Metadata={"some_key": "v", "other-key": "w"})
    answer = s3.get_object(Bucket=bucket, Key=key)
    assert answer["Body"].read() == body
    assert answer["Metadata"] == {"some_key": "v", "other-key": "w"}
    head = s3.head_object(Bucket=bucket, Key=key)
    assert head["ContentLength"] == size
    part = s3.get_object(Bucket=bucket, Key=key, Range="bytes=0-9") if size else None
    assert part is None or part["Body"].read() == body[:10]
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert [(each["Key"], each["Size"]) for each in listed] == [(key, size)]
    s3.delete_object(Bucket=bucket, Key=key)
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=bucket, Key=key)
    with pytest.raises(ClientError, match="404"):
        s3.head_object(Bucket=bucket, Key=key)


def test_an_upload_of_unknown_length_is_streamed(cloud: Cloud, bucket: str) -> None:
    s3 = cloud.client("s3")
    url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"})
    chunks = [bytes([number]) * 100_000 for number in range(30)]
    answer = httpx.put(url, content=iter(chunks), trust_env=False)
    assert answer.status_code == 200
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"".join(chunks)


def test_a_presigned_url_can_be_read_without_a_client(cloud: Cloud, bucket: str) -> None:
    s3 = cloud.client("s3")
    s3.put_object(Bucket=bucket, Key="k", Body=b"content", ContentType="text/x-test")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    answer = httpx.get(url, trust_env=False)
    assert (answer.text, answer.headers["content-type"]) == ("content", "text/x-test")
    assert len(answer.headers.get_list("date")) == 1


def test_queues_and_topics(cloud: Cloud, name: str) -> None:
    sqs, sns = cloud.client("sqs"), cloud.client("sns")
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    assert queue.startswith(cloud.address.url), "the queue is behind the gateway as well"
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    topic = sns.create_topic(Name=name)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=attributes["Attributes"]["QueueArn"])
    sns.publish(TopicArn=topic, Message="hello")
    messages = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert '"Message": "hello"' in messages[0]["Body"]
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.send_message(QueueUrl=queue + "-not", MessageBody="x")


def test_metrics_and_identity(cloud: Cloud, name: str) -> None:
    cloudwatch = cloud.client("cloudwatch")
    datum = {"MetricName": "m", "Value": 2.0, "Timestamp": datetime.now(UTC)}
    cloudwatch.put_metric_data(Namespace=name, MetricData=[datum])
    assert [each["MetricName"] for each in cloudwatch.list_metrics(Namespace=name)["Metrics"]] == [
        "m"
    ]
    assert cloud.client("sts").get_caller_identity()["Account"] == "123456789012"


def test_our_applications_serve_their_services(cloud: Cloud) -> None:
    kinesis = cloud.client("kinesis")
    answer = kinesis.put_record(StreamName="s", Data=b"data", PartitionKey="p")
    assert answer["ShardId"] == "s"
    assert int(answer["SequenceNumber"]) > 4
    features = cloud.client("sagemaker-featurestore-runtime")
    values = [
        {"FeatureName": "id", "ValueAsString": "a"},
        {"FeatureName": "at", "ValueAsString": "1"},
    ]
    arn = "arn:aws:sagemaker:eu-central-1:123456789012:feature-group/group"
    features.put_record(FeatureGroupName=arn, Record=values)
    key = {"FeatureGroupName": "group", "RecordIdentifierValueAsString": "a"}
    assert features.get_record(**key)["Record"] == values
    runtime = cloud.client("sagemaker-runtime")
    with pytest.raises(runtime.exceptions.ValidationError, match="no such endpoint"):
        runtime.invoke_endpoint(EndpointName="e", Body=b"{}")


def test_an_unknown_service_is_a_clear_error(cloud: Cloud) -> None:
    with pytest.raises(ClientError, match=r"UnknownService.*moto .* has no service 'qbusiness'"):
        cloud.client("qbusiness").list_applications()
    answer = httpx.get(cloud.address.url + "/favicon.ico", trust_env=False)
    assert answer.status_code == 403
    assert answer.headers["x-amzn-errortype"] == "MissingAuthenticationToken"
    assert "Sign it with any credentials" in answer.json()["message"]


def test_calls_errors_and_capacity_are_counted(cloud: Cloud, table: str) -> None:
    dynamodb = cloud.client("dynamodb")
    item = {"id": {"S": "a"}, "b": {"B": bytes(1500)}}
    for _ in range(3):
        answer = dynamodb.put_item(TableName=table, Item=item)
    assert "x-localcloud-capacity" not in answer["ResponseMetadata"]["HTTPHeaders"]
    dynamodb.get_item(TableName=table, Key={"id": {"S": "a"}}, ConsistentRead=True)
    with pytest.raises(ClientError):
        dynamodb.put_item(
            TableName=table, Item=item, ConditionExpression="attribute_not_exists(id)"
        )
    with pytest.raises(ClientError):
        cloud.client("s3").get_object(Bucket="nowhere", Key="k")
    with pytest.raises(ClientError):
        cloud.client("s3").head_bucket(Bucket="nowhere")
    counts = cloud.gateway.counters.snapshot()
    assert list(counts) == [
        ("dynamodb", "GetItem"),
        ("dynamodb", "PutItem"),
        ("s3", "GetObject"),
        ("s3", "HeadBucket"),
    ]
    puts = counts["dynamodb", "PutItem"]
    assert (puts.calls, puts.write_units, puts.read_units) == (4, 8.0, 0.0)
    assert puts.errors == {"ConditionalCheckFailedException": 1}
    assert counts["dynamodb", "GetItem"].read_units == 1.0
    assert counts["s3", "GetObject"].errors == {"NoSuchBucket": 1}
    assert counts["s3", "HeadBucket"].errors == {"404": 1}
