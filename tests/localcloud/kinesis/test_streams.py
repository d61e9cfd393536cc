"""The life of streams and consumers, their settings, their tags."""

from __future__ import annotations

import pytest

from localcloud.kinesis.backend import KinesisBackend
from localcloud.kinesis.errors import (
    InvalidArgument,
    LimitExceeded,
    ResourceInUse,
    ResourceNotFound,
)
from localcloud.kinesis.limits import MAX_CONSUMERS, MAX_ON_DEMAND_STREAMS, MAX_TAGS
from localcloud.kinesis.producing import NewRecord
from localcloud.kinesis.reading import Position, get_records, shard_iterator
from localcloud.kinesis.stream import METRICS, ON_DEMAND, StreamSettings
from localcloud.kinesis.tags import Tags
from tests.localcloud.clock import ManualClock
from tests.localcloud.kinesis.streams import backend_with, drain, put

SHARD = "shardId-000000000000"
RECORD = NewRecord("k", b"x")


def test_changes_are_complete_at_once_by_default() -> None:
    backend, clock = backend_with()
    assert backend.stream("events").status(clock.now_ms()) == "ACTIVE"
    clock.advance(-3600)
    assert backend.stream("events").status(clock.now_ms()) == "ACTIVE"
    backend.delete_stream("events")
    with pytest.raises(ResourceNotFound):
        backend.stream("events")


def test_a_stream_may_take_its_time_to_be_made_and_deleted() -> None:
    backend, clock = backend_with(settle_s=5)
    assert backend.stream("events").status(clock.now_ms()) == "CREATING"
    with pytest.raises(ResourceNotFound, match="still CREATING"):
        backend.put_record("events", RECORD)
    with pytest.raises(ResourceNotFound, match="still CREATING"):
        shard_iterator(backend, backend.stream("events"), SHARD, Position("LATEST"))
    with pytest.raises(ResourceInUse, match="is CREATING"):
        backend.delete_stream("events")
    clock.advance(5)
    put(backend, "now it is ACTIVE")
    backend.delete_stream("events")
    assert backend.stream("events").status(clock.now_ms()) == "DELETING"
    with pytest.raises(ResourceInUse, match="exists already"):
        backend.create_stream("events", StreamSettings(1))
    assert len(drain(backend, "events")) == 1, "still readable"
    clock.advance(5)
    with pytest.raises(ResourceNotFound):
        backend.stream("events")
    assert backend.streams() == []


def test_a_stream_made_anew_is_empty_and_its_numbers_go_on() -> None:
    backend, _ = backend_with()
    (old,) = put(backend, "old")
    backend.delete_stream("events")
    backend.create_stream("events", StreamSettings(1))
    assert drain(backend, "events") == []
    assert put(backend, "new") > [old]


def test_an_iterator_of_a_stream_that_was_made_anew_is_refused() -> None:
    backend, _ = backend_with()
    iterator = shard_iterator(backend, backend.stream("events"), SHARD, Position("TRIM_HORIZON"))
    backend.delete_stream("events")
    with pytest.raises(ResourceNotFound, match="does not exist"):
        get_records(backend, iterator, 1)
    backend.create_stream("events", StreamSettings(1))
    with pytest.raises(ResourceNotFound, match="made anew"):
        get_records(backend, iterator, 1)


def test_names_are_unique_and_deletion_spares_streams_with_consumers() -> None:
    backend, _ = backend_with()
    with pytest.raises(ResourceInUse, match="'events' exists already"):
        backend.create_stream("events", StreamSettings(1))
    backend.register_consumer("events", "c")
    with pytest.raises(ResourceInUse, match="1 registered consumers"):
        backend.delete_stream("events")
    backend.delete_stream("events", enforce_consumer_deletion=True)
    assert backend.streams() == []


def test_fifty_streams_may_be_on_demand() -> None:
    backend = KinesisBackend(ManualClock())
    for index in range(MAX_ON_DEMAND_STREAMS):
        backend.create_stream(f"s{index}", StreamSettings(1, mode=ON_DEMAND))
    with pytest.raises(LimitExceeded, match="50 streams in ON_DEMAND"):
        backend.create_stream("one-more", StreamSettings(1, mode=ON_DEMAND))
    backend.create_stream("provisioned", StreamSettings(1))


def test_a_consumer_has_a_name_of_its_own_and_an_arn_of_its_time() -> None:
    backend, clock = backend_with()
    consumers = backend.stream("events").consumers
    first = consumers.register("c", clock.now_ms(), 0, Tags())
    assert consumers.by_arn(first.arn) is first
    with pytest.raises(ResourceInUse, match=r"'c' of .* exists already"):
        consumers.register("c", clock.now_ms(), 0, Tags())
    consumers.deregister(first)
    clock.advance(1)
    second = consumers.register("c", clock.now_ms(), 0, Tags())
    assert second.arn != first.arn
    with pytest.raises(ResourceNotFound, match="does not exist"):
        consumers.by_arn(first.arn)
    assert consumers.named("c") is second
    with pytest.raises(ResourceNotFound, match=r"'d' of .* does not exist"):
        consumers.named("d")


def test_a_stream_has_at_most_twenty_consumers() -> None:
    backend, clock = backend_with()
    consumers = backend.stream("events").consumers
    for index in range(MAX_CONSUMERS):
        consumers.register(f"c{index}", clock.now_ms(), 0, Tags())
    with pytest.raises(LimitExceeded, match="20 consumers"):
        consumers.register("one-more", clock.now_ms(), 0, Tags())


def test_a_resource_has_at_most_fifty_tags() -> None:
    tags = Tags({str(index): "" for index in range(MAX_TAGS)})
    tags.add({"0": "changed"})
    with pytest.raises(InvalidArgument, match="51 tags"):
        tags.add({"0": "lost", "one-more": ""})
    assert ("0", "changed") in tags.listed()
    tags.remove(["0", "never there"])
    assert len(tags.listed()) == MAX_TAGS - 1


def test_monitoring_records_the_metrics() -> None:
    backend, _ = backend_with()
    stream = backend.stream("events")
    assert stream.monitor(["OutgoingBytes", "IncomingBytes"], on=True) == (
        [],
        ["IncomingBytes", "OutgoingBytes"],
    )
    assert stream.monitor(["ALL"], on=True)[1] == list(METRICS)
    assert stream.monitor(["IncomingBytes"], on=False)[1] == list(METRICS[1:])
    assert stream.monitor(["ALL"], on=False) == (list(METRICS[1:]), [])
