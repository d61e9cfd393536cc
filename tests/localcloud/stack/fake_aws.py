"""AWS as the stack needs it, in memory: it remembers calls and what is alive."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

ACCOUNT = "123456789012"


class Refused(Exception):
    """What the fake raises where botocore would raise its own error."""


class FakeAws:
    """Answers in AWS's shapes. `refuse` names operations that fail, `alive` what exists."""

    def __init__(self, refuse: frozenset[str] = frozenset()) -> None:
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        self.alive: set[tuple[str, str]] = set()
        self.objects: dict[str, list[tuple[str, str]]] = {}
        self.refuse = refuse

    def call(self, service: str, operation: str, **parameters: object) -> Mapping[str, Any]:
        if operation in self.refuse:
            raise Refused(f"{operation} is refused")
        self.calls.append((service, operation, dict(parameters)))
        if operation in _CREATIONS:
            kind, key = _CREATIONS[operation]
            self._create(kind, str(parameters[key]))
        if operation in _DELETIONS:
            kind, key = _DELETIONS[operation]
            self._delete(kind, parameters[key])
        answer = _ANSWERS.get(operation)
        return answer(self, parameters) if answer else {}

    def operations(self) -> list[str]:
        """The operations called, in order."""
        return [operation for _, operation, _ in self.calls]

    def sent(self, operation: str) -> dict[str, Any]:
        """The parameters of the only call of `operation`."""
        (parameters,) = [given for _, name, given in self.calls if name == operation]
        return parameters

    def _create(self, kind: str, name: str) -> None:
        assert (kind, name) not in self.alive, f"{name} is there already"
        self.alive.add((kind, name))

    def _delete(self, kind: str, names: object) -> None:
        for name in names if isinstance(names, list) else [names]:
            assert not self.objects.get(str(name)), f"the bucket {name} is not empty"
            self.alive.remove((kind, str(name)))

    def summary(self, given: Mapping[str, Any]) -> dict[str, Any]:
        arn = f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/{given['StreamName']}"
        return {"StreamDescriptionSummary": {"StreamARN": arn}}

    def consumer(self, given: Mapping[str, Any]) -> dict[str, Any]:
        name = given["ConsumerName"]
        arn = f"{given['StreamARN']}/consumer/{name}:1700000000"
        self._create("consumer", arn)
        consumer = {"ConsumerARN": arn, "ConsumerName": name, "ConsumerStatus": "CREATING"}
        return {"Consumer": consumer}

    def table(self, given: Mapping[str, Any]) -> dict[str, Any]:
        arn = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{given['TableName']}"
        description = {"TableArn": arn}
        if "StreamSpecification" in given:
            description["LatestStreamArn"] = f"{arn}/stream/2026-01-01T00:00:00.000"
        return {"TableDescription": description}

    def topic(self, given: Mapping[str, Any]) -> dict[str, Any]:
        arn = f"arn:aws:sns:us-east-1:{ACCOUNT}:{given['Name']}"
        self._create("topic", arn)
        return {"TopicArn": arn}

    def subscription(self, given: Mapping[str, Any]) -> dict[str, Any]:
        arn = f"{given['TopicArn']}:{given['Endpoint']}"
        self._create("subscription", arn)
        return {"SubscriptionArn": arn}

    def queue(self, given: Mapping[str, Any]) -> dict[str, Any]:
        url = f"http://127.0.0.1/{given['QueueName']}"
        self._create("queue", url)
        return {"QueueUrl": url}

    def queue_attributes(self, given: Mapping[str, Any]) -> dict[str, Any]:
        name = given["QueueUrl"].rsplit("/", 1)[1]
        return {"Attributes": {"QueueArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"}}

    def key(self, given: Mapping[str, Any]) -> dict[str, Any]:
        key_id = f"key-{len(self.calls)}"
        self._create("key", key_id)
        arn = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{key_id}"
        return {"KeyMetadata": {"KeyId": key_id, "Arn": arn}}

    def versions(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Pages of two, as S3 pages after a thousand; every third is the mark of a deletion."""
        held = self.objects.get(given["Bucket"], [])
        page = [{"Key": key, "VersionId": version} for key, version in held[:2]]
        answer: dict[str, Any] = {"IsTruncated": len(held) > 2, "Versions": page[:1]}
        answer |= {"NextKeyMarker": "k", "NextVersionIdMarker": "v"} if len(held) > 2 else {}
        return answer | ({"DeleteMarkers": page[1:]} if page[1:] else {})

    def delete_objects(self, given: Mapping[str, Any]) -> dict[str, Any]:
        gone = {(item["Key"], item["VersionId"]) for item in given["Delete"]["Objects"]}
        bucket = given["Bucket"]
        self.objects[bucket] = [item for item in self.objects[bucket] if item not in gone]
        return {}


_CREATIONS = {
    "create_stream": ("stream", "StreamName"),
    "create_table": ("table", "TableName"),
    "create_bucket": ("bucket", "Bucket"),
    "put_metric_alarm": ("alarm", "AlarmName"),
    "put_dashboard": ("dashboard", "DashboardName"),
    "create_alias": ("key alias", "AliasName"),
}
_DELETIONS = {
    "delete_stream": ("stream", "StreamName"),
    "deregister_stream_consumer": ("consumer", "ConsumerARN"),
    "delete_table": ("table", "TableName"),
    "delete_bucket": ("bucket", "Bucket"),
    "delete_topic": ("topic", "TopicArn"),
    "unsubscribe": ("subscription", "SubscriptionArn"),
    "delete_queue": ("queue", "QueueUrl"),
    "delete_alarms": ("alarm", "AlarmNames"),
    "delete_dashboards": ("dashboard", "DashboardNames"),
    "delete_alias": ("key alias", "AliasName"),
    "schedule_key_deletion": ("key", "KeyId"),
}
_ANSWERS: Mapping[str, Callable[[FakeAws, Mapping[str, Any]], Mapping[str, Any]]] = {
    "describe_stream_summary": FakeAws.summary,
    "register_stream_consumer": FakeAws.consumer,
    "create_table": FakeAws.table,
    "create_topic": FakeAws.topic,
    "subscribe": FakeAws.subscription,
    "create_queue": FakeAws.queue,
    "create_key": FakeAws.key,
    "get_queue_attributes": FakeAws.queue_attributes,
    "list_object_versions": FakeAws.versions,
    "delete_objects": FakeAws.delete_objects,
}
