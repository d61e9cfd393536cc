"""The event is Lambda's, byte for byte where it matters."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from localcloud.event_source_mapping.event import EventShape, event_bytes, event_of
from localcloud.ports import StreamRecord

SHAPE = EventShape(
    event_source_arn="arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream",
    region="us-east-2",
    role_arn="arn:aws:iam::123456789012:role/lambda-role",
)
NUMBER = "49590338271490256608559692538361571095921575989136588898"


def test_the_example_of_the_developer_guide() -> None:
    record = StreamRecord(NUMBER, 1545084650987, "1", b"Hello, this is a test.")
    event = json.loads(event_of([SHAPE.queued("shardId-000000000006", 1, record)]))
    assert event == {
        "Records": [
            {
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "partitionKey": "1",
                    "sequenceNumber": NUMBER,
                    "data": "SGVsbG8sIHRoaXMgaXMgYSB0ZXN0Lg==",
                    "approximateArrivalTimestamp": 1545084650.987,
                },
                "eventSource": "aws:kinesis",
                "eventVersion": "1.0",
                "eventID": f"shardId-000000000006:{NUMBER}",
                "eventName": "aws:kinesis:record",
                "invokeIdentityArn": "arn:aws:iam::123456789012:role/lambda-role",
                "awsRegion": "us-east-2",
                "eventSourceARN": "arn:aws:kinesis:us-east-2:123456789012:stream/lambda-stream",
            }
        ]
    }
    assert list(event["Records"][0]) == [
        "kinesis",
        "eventSource",
        "eventVersion",
        "eventID",
        "eventName",
        "invokeIdentityArn",
        "awsRegion",
        "eventSourceARN",
    ]


@given(st.lists(st.tuples(st.text(max_size=20), st.binary(max_size=50)), max_size=5))
def test_its_length_is_known_before_it_is_built(records: list[tuple[str, bytes]]) -> None:
    queued = [
        SHAPE.queued("shardId-000000000000", n, StreamRecord(str(n), n, key, data))
        for n, (key, data) in enumerate(records)
    ]
    event = event_of(queued)
    assert len(event) == event_bytes(sum(len(record.entry) for record in queued), len(queued))
    assert [r["kinesis"]["partitionKey"] for r in json.loads(event)["Records"]] == [
        key for key, _ in records
    ]
