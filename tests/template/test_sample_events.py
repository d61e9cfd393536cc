"""The sample events: as Lambda and API Gateway send them, and decodable."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest
from aws_kinesis_agg.deaggregator import deaggregate_records

from localcloud.cloud import Options
from localcloud.stack import Place
from tests.template.reading import ROOT, folder_of, of_type

ENRICH_EVENTS = sorted((ROOT / "events/enrich").glob("*.json"))
ARCHIVE_EVENTS = sorted((ROOT / "events/archive").glob("*.json"))
INGEST_EVENTS = sorted((ROOT / "events/ingest").glob("*.json"))


def test_every_folder_of_events_belongs_to_a_function() -> None:
    folders = {path.parent.name for path in (ROOT / "events").glob("*/*.json")}
    assert folders == {folder_of(name) for name in of_type("AWS::Lambda::Function")}


@pytest.mark.parametrize("path", ENRICH_EVENTS, ids=lambda path: path.stem)
def test_a_sample_batch_is_as_lambda_sends_it(path: Path) -> None:
    records = json.loads(path.read_text(encoding="utf-8"))["Records"]
    numbers = [int(record["kinesis"]["sequenceNumber"]) for record in records]
    assert numbers == sorted(set(numbers))
    for record in records:
        kinesis = record["kinesis"]
        shard, number = record["eventID"].split(":")
        assert re.fullmatch(r"shardId-\d{12}", shard)
        assert number == kinesis["sequenceNumber"]
        assert len(number) == 56
        base64.b64decode(kinesis["data"], validate=True)
    events = [
        json.loads(base64.b64decode(record["kinesis"]["data"]))
        for record in deaggregate_records(records)
    ]
    assert len(events) >= len(records)
    assert all("userId" in event and "timestamp" in event for event in events)
    assert all("metric" in event or "eventType" in event for event in events)


@pytest.mark.parametrize(
    ("path", "stream"),
    [
        *((path, "EventStream") for path in ENRICH_EVENTS),
        *((path, "InferenceStream") for path in ARCHIVE_EVENTS),
    ],
)
def test_a_sample_batch_comes_from_a_stream_that_the_local_cloud_has(
    path: Path, stream: str
) -> None:
    """So that a function in a container, which asks for the stream, finds it there."""
    records = json.loads(path.read_text(encoding="utf-8"))["Records"]
    place = Place(Options(ROOT, ROOT).stack, ROOT, lambda logical_id: "")
    arn = place.arn("kinesis", f"stream/{place.name(stream)}")
    assert {record["eventSourceARN"] for record in records} == {arn}


@pytest.mark.parametrize("path", INGEST_EVENTS, ids=lambda path: path.stem)
def test_a_sample_request_is_as_the_gateway_sends_it(path: Path) -> None:
    request = json.loads(path.read_text(encoding="utf-8"))
    assert (request["version"], request["routeKey"]) == ("2.0", "POST /events")
    body = request["body"]
    event = json.loads(base64.b64decode(body) if request["isBase64Encoded"] else body)
    assert {"userId", "timestamp"} <= set(event)
    assert int(request["headers"]["content-length"]) == len(
        json.dumps(event, separators=(",", ":"))
    )
