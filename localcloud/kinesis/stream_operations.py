"""The operations on streams: their life, what describes them, their settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from localcloud.kinesis.backend import KinesisBackend
from localcloud.kinesis.errors import InvalidArgument, ValidationFailed
from localcloud.kinesis.limits import MAX_ON_DEMAND_STREAMS
from localcloud.kinesis.requests import Members
from localcloud.kinesis.stream import ON_DEMAND, PROVISIONED, Stream, StreamSettings
from localcloud.kinesis.wire import Answer, Handler, Json, seconds, shard_json, stream_of

_ON_DEMAND_SHARDS = 4
_SHARD_LIMIT = 20_000
_PAGE = 100


def _create_stream(backend: KinesisBackend, members: Members) -> Answer:
    mode = members.get("StreamModeDetails", {}).get("StreamMode", PROVISIONED)
    count = members.get("ShardCount")
    if (count is None) != (mode == ON_DEMAND):
        raise ValidationFailed(
            f"ShardCount {count} with mode {mode}: PROVISIONED needs one and ON_DEMAND takes none."
        )
    settings = StreamSettings(
        shard_count=count or _ON_DEMAND_SHARDS,
        mode=mode,
        max_record_kib=members.get("MaxRecordSizeInKiB", 1024),
    )
    backend.create_stream(members["StreamName"], settings, members.get("Tags"))
    return None


def _delete_stream(backend: KinesisBackend, members: Members) -> Answer:
    enforce = members.get("EnforceConsumerDeletion", False)
    backend.delete_stream(stream_of(backend, members).name, enforce_consumer_deletion=enforce)
    return None


def _list_streams(backend: KinesisBackend, members: Members) -> Answer:
    # The token is the last name of the page before, which needs no expiry to stay true.
    after = members.get("NextToken") or members.get("ExclusiveStartStreamName") or ""
    streams = [stream for stream in backend.streams() if stream.name > after]
    page = streams[: min(members.get("Limit", _PAGE), _PAGE)]
    more = len(page) < len(streams)
    now_ms = backend.clock.now_ms()
    return {
        "StreamNames": [stream.name for stream in page],
        "HasMoreStreams": more,
        "StreamSummaries": [_identity_json(stream, now_ms) for stream in page],
        **({"NextToken": page[-1].name} if more else {}),
    }


def _describe_stream(backend: KinesisBackend, members: Members) -> Answer:
    stream, now_ms = stream_of(backend, members), backend.clock.now_ms()
    after = members.get("ExclusiveStartShardId", "")
    listed = stream.topology.listed(stream.horizon_ms(now_ms))
    shards = [shard for shard in listed if shard.shard_id > after]
    page = shards[: min(members.get("Limit", _PAGE), _PAGE)]
    described = {
        **_settings_json(stream, now_ms),
        "Shards": [shard_json(shard) for shard in page],
        "HasMoreShards": len(page) < len(shards),
    }
    return {"StreamDescription": described}


def _describe_stream_summary(backend: KinesisBackend, members: Members) -> Answer:
    stream = stream_of(backend, members)
    described = {
        **_settings_json(stream, backend.clock.now_ms()),
        "OpenShardCount": len(stream.topology.open),
        "ConsumerCount": len(stream.consumers),
        "MaxRecordSizeInKiB": stream.max_record_kib,
    }
    return {"StreamDescriptionSummary": described}


def _describe_limits(backend: KinesisBackend, _: Members) -> Answer:
    streams = backend.streams()
    provisioned = [stream for stream in streams if stream.mode == PROVISIONED]
    return {
        "ShardLimit": _SHARD_LIMIT,
        "OpenShardCount": sum(len(stream.topology.open) for stream in provisioned),
        "OnDemandStreamCount": len(streams) - len(provisioned),
        "OnDemandStreamCountLimit": MAX_ON_DEMAND_STREAMS,
    }


def _increase_retention(backend: KinesisBackend, members: Members) -> Answer:
    hours, now_ms = members["RetentionPeriodHours"], backend.clock.now_ms()
    stream_of(backend, members).retain(hours, now_ms, longer=True)
    return None


def _decrease_retention(backend: KinesisBackend, members: Members) -> Answer:
    hours, now_ms = members["RetentionPeriodHours"], backend.clock.now_ms()
    stream_of(backend, members).retain(hours, now_ms, longer=False)
    return None


def _update_mode(backend: KinesisBackend, members: Members) -> Answer:
    mode = members["StreamModeDetails"]["StreamMode"]
    stream_of(backend, members).set_mode(mode, backend.clock.now_ms())
    return None


def _update_max_record_size(backend: KinesisBackend, members: Members) -> Answer:
    kib = members["MaxRecordSizeInKiB"]
    stream_of(backend, members).set_max_record(kib, backend.clock.now_ms())
    return None


def _start_encryption(backend: KinesisBackend, members: Members) -> Answer:
    _require_kms(members)
    stream_of(backend, members).encrypt(members["KeyId"], backend.clock.now_ms())
    return None


def _stop_encryption(backend: KinesisBackend, members: Members) -> Answer:
    _require_kms(members)
    stream_of(backend, members).encrypt(None, backend.clock.now_ms())
    return None


def _enable_monitoring(backend: KinesisBackend, members: Members) -> Answer:
    stream = stream_of(backend, members)
    before, after = stream.monitor(members["ShardLevelMetrics"], on=True)
    return _monitoring_json(stream, before, after)


def _disable_monitoring(backend: KinesisBackend, members: Members) -> Answer:
    stream = stream_of(backend, members)
    before, after = stream.monitor(members["ShardLevelMetrics"], on=False)
    return _monitoring_json(stream, before, after)


def _require_kms(members: Members) -> None:
    if members["EncryptionType"] != "KMS":
        raise InvalidArgument(
            f"EncryptionType {members['EncryptionType']!r}: KMS is the only one there is."
        )


def _identity_json(stream: Stream, now_ms: int) -> Json:
    return {
        "StreamName": stream.name,
        "StreamARN": stream.arn,
        "StreamStatus": stream.status(now_ms),
        "StreamModeDetails": {"StreamMode": stream.mode},
        "StreamCreationTimestamp": seconds(stream.created_ms),
    }


def _settings_json(stream: Stream, now_ms: int) -> Json:
    key = {} if stream.key_id is None else {"KeyId": stream.key_id}
    return {
        **_identity_json(stream, now_ms),
        "RetentionPeriodHours": stream.retention_hours,
        "EnhancedMonitoring": [{"ShardLevelMetrics": stream.metrics()}],
        "EncryptionType": "KMS" if key else "NONE",
        **key,
    }


def _monitoring_json(stream: Stream, before: Sequence[str], after: Sequence[str]) -> Json:
    return {
        "StreamName": stream.name,
        "StreamARN": stream.arn,
        "CurrentShardLevelMetrics": before,
        "DesiredShardLevelMetrics": after,
    }


OPERATIONS: Mapping[str, Handler] = {
    "CreateStream": _create_stream,
    "DeleteStream": _delete_stream,
    "ListStreams": _list_streams,
    "DescribeStream": _describe_stream,
    "DescribeStreamSummary": _describe_stream_summary,
    "DescribeLimits": _describe_limits,
    "IncreaseStreamRetentionPeriod": _increase_retention,
    "DecreaseStreamRetentionPeriod": _decrease_retention,
    "UpdateStreamMode": _update_mode,
    "UpdateMaxRecordSize": _update_max_record_size,
    "StartStreamEncryption": _start_encryption,
    "StopStreamEncryption": _stop_encryption,
    "EnableEnhancedMonitoring": _enable_monitoring,
    "DisableEnhancedMonitoring": _disable_monitoring,
}
