"""The archive function as Lambda runs it, before Kinesis and S3 on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from millrace.features.history import archived
from millrace.inference.joined import inferences, with_feedback
from millrace.s3 import S3Objects

from tests.features import conftest
from tests.features.services import Services, failing
from tests.features.streaming import Record
from tests.inference.handling import Handler, handler
from tests.inference.recording import batch, feedback, inference

# Fixtures, which pytest finds here.
all_services, services = conftest.all_services, conftest.services


class Bench:
    """The handler, a real stream for its records to be of, and its buckets."""

    def __init__(self, services: Services, function: Handler, arn: str, names: list[str]) -> None:
        self.services, self.function, self.arn = services, function, arn
        self.archive, self.quarantine = (S3Objects(n, services.client("s3")) for n in names)

    def run(self, records: list[Record]) -> list[str]:
        """Deliver a batch; from where it must come again."""
        answer = self.function({"Records": records})
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def kept(self) -> list[str]:
        return sorted(self.archive.keys("")) + sorted(self.quarantine.keys(""))


@pytest.fixture
def bench(services: Services) -> Iterator[Bench]:
    kinesis, name = services.client("kinesis"), services.name("inferences")
    kinesis.create_stream(StreamName=name, ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})
    arn = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
    names = [services.bucket(), services.bucket()]
    environment = {
        "AWS_ENDPOINT_URL": services.url,
        "ARCHIVE_BUCKET": names[0],
        "QUARANTINE_BUCKET": names[1],
    }
    with handler("archive", environment) as loaded:
        yield Bench(services, loaded, arn, names)


def test_a_batch_is_archived_poison_is_kept_and_all_of_it_is_told(bench: Bench) -> None:
    records = batch(inference(1), b"poison", feedback(1, True), inference(2), arn=bench.arn)
    assert bench.run(records) == []
    made = inferences(archived(bench.archive, kind="inferences"))
    rows = list(with_feedback(made, archived(bench.archive, kind="feedback")))
    assert [(row.inference.prediction_id, row.outcome) for row in rows] == [("p1", True)]
    (key,) = bench.quarantine.keys("quarantine/")
    assert json.loads(bench.quarantine.get(key))["reason"] == "not-json"
    printed = bench.function.printed()
    (metrics,) = [one for one in printed if "_aws" in one]
    assert [metrics[name] for name in ("Inferences", "Feedback", "Quarantined", "Failed")] == [
        *([2.0], [1.0], [1.0], [0.0])
    ]
    (line,) = [one for one in printed if one.get("message") == "batch"]
    assert line["report"] == {"inferences": 2, "feedback": 1, "quarantined": 1}


def test_a_batch_that_comes_again_leaves_the_same_objects(bench: Bench) -> None:
    records = batch(inference(1), b"poison", feedback(1, True), arn=bench.arn)
    bench.run(records)
    before = bench.kept()
    assert len(before) == 3
    bench.run(records)
    assert bench.kept() == before


def test_while_s3_is_down_nothing_counts_as_done(bench: Bench) -> None:
    records = batch(inference(1), b"poison", feedback(1, True), first=50, arn=bench.arn)
    bench.services.fail("s3", "PutObject", failing("SlowDown"))
    assert bench.run(records) == ["50"]
    assert bench.kept() == []
    (line,) = [one for one in bench.function.printed() if one.get("message") == "batch"]
    assert line["level"] == "WARNING"
    bench.services.heal()
    assert bench.run(records) == []
    assert len(bench.kept()) == 3


@pytest.mark.parametrize("event", [None, [], {}, {"Records": 7}])
def test_what_is_no_batch_is_told_and_does_not_come_again(bench: Bench, event: object) -> None:
    assert bench.function(event) == {"batchItemFailures": []}
    (line,) = [one for one in bench.function.printed() if "message" in one]
    assert line["level"] == "ERROR"
