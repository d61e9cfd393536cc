"""The operations on records: PutRecord, PutRecords, GetShardIterator, GetRecords."""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.kinesis.backend import KinesisBackend
from localcloud.kinesis.errors import KinesisError, ValidationFailed
from localcloud.kinesis.limits import MAX_READ_RECORDS
from localcloud.kinesis.producing import NewRecord, Placed
from localcloud.kinesis.reading import Position, get_records, shard_iterator
from localcloud.kinesis.requests import Members
from localcloud.kinesis.stream import Stream
from localcloud.kinesis.wire import Answer, Handler, Json, children_json, record_json, stream_of


def _put_record(backend: KinesisBackend, members: Members) -> Answer:
    stream = stream_of(backend, members)
    record = _new_record(members)
    ordering = members.get("SequenceNumberForOrdering")
    placed = backend.put_record(stream.name, record, ordering=ordering)
    return {**_placed_json(placed), **_encryption_json(stream)}


def _put_records(backend: KinesisBackend, members: Members) -> Answer:
    stream = stream_of(backend, members)
    results = backend.put_records(stream.name, [_new_record(each) for each in members["Records"]])
    return {
        "FailedRecordCount": sum(isinstance(result, KinesisError) for result in results),
        "Records": [_placed_json(result) for result in results],
        **_encryption_json(stream),
    }


def _get_shard_iterator(backend: KinesisBackend, members: Members) -> Answer:
    position = Position(
        members["ShardIteratorType"],
        members.get("StartingSequenceNumber"),
        members.get("Timestamp"),
    )
    stream = stream_of(backend, members)
    return {"ShardIterator": shard_iterator(backend, stream, members["ShardId"], position)}


def _get_records(backend: KinesisBackend, members: Members) -> Answer:
    named = stream_of(backend, members) if "StreamARN" in members else None
    limit = members.get("Limit", MAX_READ_RECORDS)
    page = get_records(backend, members["ShardIterator"], limit, named)
    return {
        "Records": [record_json(record) for record in page.records],
        "NextShardIterator": page.iterator,
        "MillisBehindLatest": page.behind_ms,
        **children_json(page.children),
    }


def _new_record(members: Members) -> NewRecord:
    # The model has the key as optional, for streams that distribute records by themselves.
    if "PartitionKey" not in members:
        raise ValidationFailed(
            "1 validation error detected: Value null at 'partitionKey' failed to satisfy "
            "constraint: Member must not be null"
        )
    explicit = members.get("ExplicitHashKey")
    return NewRecord(
        members["PartitionKey"], members["Data"], None if explicit is None else int(explicit)
    )


def _placed_json(result: Placed | KinesisError) -> Json:
    if isinstance(result, KinesisError):
        return {"ErrorCode": result.code, "ErrorMessage": str(result)}
    return {"ShardId": result.shard_id, "SequenceNumber": result.sequence_number}


def _encryption_json(stream: Stream) -> Json:
    return {} if stream.key_id is None else {"EncryptionType": "KMS"}


OPERATIONS: Mapping[str, Handler] = {
    "PutRecord": _put_record,
    "PutRecords": _put_records,
    "GetShardIterator": _get_shard_iterator,
    "GetRecords": _get_records,
}
