"""Inference records and feedback on their way to S3: each once, whatever comes again."""

from __future__ import annotations

import base64

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.errors import Unavailable

from tests.features.making import JSON
from tests.features.streaming import NOW_MS, aggregate
from tests.inference.recording import ARN, Bench, batch, feedback, inference


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_each_kind_is_one_object_a_batch(bench: Bench) -> None:
    done = bench.run(batch(inference(1), feedback(1, True), inference(2), first=10))
    assert (done.inferences, done.feedback, done.quarantined, done.failed) == (2, 1, 0, [])
    assert done.answer == {"batchItemFailures": []}
    place = "stream=inferences/date=2023-11-14/shardId-000000000000/1600000000000-"
    assert list(bench.archive.keys("")) == [
        f"feedback/{place}{11:056d}-{11:056d}.jsonl",
        f"inferences/{place}{10:056d}-{12:056d}.jsonl",
    ]
    assert [one.document for one in bench.archived("inferences")] == [inference(1), inference(2)]
    assert [one.document for one in bench.archived("feedback")] == [feedback(1, True)]


def test_a_batch_that_comes_again_overwrites_what_it_left(bench: Bench) -> None:
    records = batch(inference(1), feedback(1, 0), inference(2))
    bench.run(records)
    before = dict(bench.archive.bodies)
    bench.run(records)
    assert bench.archive.bodies == before


def test_batches_that_overlap_are_read_once(bench: Bench) -> None:
    records = batch(*(inference(number) for number in range(6)))
    bench.run(records[:4])
    bench.run(records[2:])
    assert [one.prediction_id for one in bench.inferences()] == [f"p{n}" for n in range(6)]


def test_an_archive_that_is_down_brings_the_batch_back(bench: Bench) -> None:
    records = batch(b"poison", feedback(1, 0), inference(1), inference(2), first=20)
    bench.archive.down = True
    done = bench.run(records)
    assert done.answer == {"batchItemFailures": [{"itemIdentifier": "21"}]}
    assert done.quarantined == 1
    assert set(done.problems) == {"feedback", "inferences"}
    assert bench.run(records[2:]).answer == {"batchItemFailures": [{"itemIdentifier": "22"}]}
    bench.archive.down = False
    assert bench.run(records[1:]).answer == {"batchItemFailures": []}
    assert len(bench.inferences()) == 2


def test_poison_is_kept_before_it_counts_as_done(bench: Bench) -> None:
    """Trap 8: acknowledged before its put."""
    records = batch(inference(1), b"poison", inference(2), first=30)
    bench.quarantine.down = True
    done = bench.run(records)
    assert done.answer == {"batchItemFailures": [{"itemIdentifier": "31"}]}
    bench.quarantine.down = False
    done = bench.run(records[1:])
    assert (done.answer, done.quarantined) == ({"batchItemFailures": []}, 1)
    (kept,) = bench.quarantine.records()
    assert base64.b64decode(kept["data"]) == b"poison"
    assert (kept["reason"], kept["sequenceNumber"]) == ("not-json", "31")
    assert [one.prediction_id for one in bench.inferences()] == ["p1", "p2"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xff", "not-json"),
        (b'{"kind": NaN}', "not-json"),
        (b"[" * 900 + b"]" * 900, "not-an-object"),
        (b"7", "not-an-object"),
        (b"", "not-json"),
        (b"1,2", "not-json"),
        (b"{}]", "not-json"),
        (b"{}", "invalid-kind"),
        (b'{"kind": ' + b"[" * 900 + b"]" * 900 + b"}", "invalid-kind"),
        (orjson.dumps(inference(1, kind="event")), "invalid-kind"),
        (orjson.dumps(inference(1, predictionId=...)), "invalid-predictionId"),
        (orjson.dumps(inference(1, predictionId=7)), "invalid-predictionId"),
        (orjson.dumps(inference(1, userId=None)), "invalid-userId"),
        (orjson.dumps(inference(1, features=[])), "invalid-features"),
        (orjson.dumps(inference(1, featuresVersion=...)), "invalid-featuresVersion"),
        (orjson.dumps(inference(1, featuresAsOf="then")), "invalid-featuresAsOf"),
        (orjson.dumps(inference(1, model="m")), "invalid-model"),
        (orjson.dumps(inference(1, input=...)), "invalid-input"),
        (orjson.dumps(inference(1, prediction=...)), "invalid-prediction"),
        (orjson.dumps(inference(1, timestamp="then")), "invalid-timestamp"),
        (orjson.dumps(feedback(1, 0, timestamp=...)), "invalid-timestamp"),
        (orjson.dumps(feedback(1, ...)), "invalid-outcome"),
    ],
)
def test_what_is_no_record_goes_to_quarantine(bench: Bench, data: bytes, reason: str) -> None:
    done = bench.run(batch(inference(1), data))
    assert (done.inferences, done.quarantined, done.failed) == (1, 1, [])
    (kept,) = bench.quarantine.records()
    assert kept["reason"] == reason
    assert base64.b64decode(kept["data"]) == data


def test_records_that_are_null_are_records(bench: Bench) -> None:
    done = bench.run(batch(inference(1, input=None, prediction=None), feedback(1, None)))
    assert (done.inferences, done.feedback, done.quarantined) == (1, 1, 0)


@pytest.mark.parametrize("depth", [900, *range(1015, 1026)])
def test_what_is_archived_can_be_read_however_deep_it_is(bench: Bench, depth: int) -> None:
    deep = b"[" * depth + b"]" * depth
    data = orjson.dumps(inference(1, prediction=orjson.Fragment(deep)))
    done = bench.run(batch(data))
    assert done.inferences + done.quarantined == 1
    assert len(bench.inferences() if done.inferences else bench.quarantine.records()) == 1


@given(document=st.one_of(JSON, JSON.map(lambda value: inference(1, features=value))))
def test_no_json_stops_a_batch(document: object) -> None:
    bench = Bench()
    try:
        data = orjson.dumps(document)
    except TypeError:
        return  # an integer, or a text, that no JSON of ours could hold
    done = bench.run(batch(data, inference(2)))
    assert done.failed == []
    assert done.inferences + done.feedback + done.quarantined == 2
    for one in bench.archived("inferences"):
        assert one.document["kind"] == "inference"


def test_what_is_no_kinesis_record_is_kept_by_its_content(bench: Bench) -> None:
    done = bench.run([{"kinesis": 7}, *batch(inference(1))])
    assert (done.inferences, done.quarantined) == (1, 1)
    bench.quarantine.down = True
    with pytest.raises(Unavailable):
        bench.run([{"kinesis": 7}])


def test_a_kpl_aggregate_is_taken_apart(bench: Bench) -> None:
    records = [
        aggregate([inference(1), inference(2)], 40, arn=ARN),
        aggregate([feedback(1, 1, userId="u1"), feedback(2, 0, userId="u1")], 41, arn=ARN),
    ]
    done = bench.run(records)
    assert (done.inferences, done.feedback) == (2, 2)
    assert [one.prediction_id for one in bench.inferences()] == ["p1", "p2"]


def test_a_stream_that_cannot_be_described_brings_the_whole_batch_back(bench: Bench) -> None:
    bench.streams.down = True
    done = bench.run(batch(inference(1), inference(2), first=60))
    assert done.answer == {"batchItemFailures": [{"itemIdentifier": "60"}]}
    assert bench.archive.bodies == {}
    unnamed = batch(inference(1))
    unnamed[0]["kinesis"]["sequenceNumber"] = "٣"
    with pytest.raises(Unavailable):
        bench.run([{"kinesis": 7}, *unnamed])


def test_a_batch_is_filed_under_the_day_of_its_arrival(bench: Bench) -> None:
    bench.run(batch(inference(1), first=1, arrival_ms=NOW_MS + 86_400_000))
    assert "date=2023-11-15" in next(bench.archive.keys("inferences/"))
