"""The sample events of predict and archive are accepted, and are as AWS sends them."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from millrace.inference.records import kind_of

from tests.inference.conforming import assert_conforms
from tests.inference.making import Bench
from tests.inference.recording import Bench as ArchiveBench

EVENTS = Path(__file__).parents[2] / "events"
REQUESTS = sorted(EVENTS.glob("predict/*.json"))
BATCHES = sorted(EVENTS.glob("archive/*.json"))


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: path.stem)
def test_a_sample_request_is_answered(path: Path) -> None:
    event = read(path)
    answer = Bench().run(event).answer
    assert answer["statusCode"] in (200, 202)
    assert_conforms(event["routeKey"], answer)


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: path.stem)
def test_a_sample_request_is_as_the_gateway_sends_it(path: Path) -> None:
    event = read(path)
    method, _, template = event["routeKey"].partition(" ")
    http = event["requestContext"]["http"]
    user = event.get("pathParameters", {}).get("userId", "")
    assert (http["method"], http["path"]) == (method, event["rawPath"])
    assert event["rawPath"] == template.replace("{userId}", user)
    assert event["requestContext"]["routeKey"] == event["routeKey"]
    assert int(event["headers"]["content-length"]) == len(event.get("body", ""))


def test_every_route_has_a_sample() -> None:
    assert {read(path)["routeKey"] for path in REQUESTS} == Bench().api._routes.keys()


@pytest.mark.parametrize("path", BATCHES, ids=lambda path: path.stem)
def test_a_sample_batch_is_archived_whole(path: Path) -> None:
    records = read(path)["Records"]
    for record in records:
        shard, _, number = record["eventID"].partition(":")
        assert re.fullmatch(r"shardId-\d{12}", shard)
        assert number == record["kinesis"]["sequenceNumber"]
        assert len(number) == 56
        kind_of(base64.b64decode(record["kinesis"]["data"], validate=True))
    done = ArchiveBench().run(records)
    assert done.inferences + done.feedback == len(records)
    assert done.failed == []
