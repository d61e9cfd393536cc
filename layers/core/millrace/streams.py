"""What must be known of a Kinesis stream, asked once a process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from millrace.aws import client, unavailable
from millrace.kinesis import Stream

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_kinesis.type_defs import ShardTypeDef


class StreamCatalog:
    """Describes streams by ARN.

    A stream that was deleted and made anew under the same name may start its sequence numbers
    again; only its creation time tells the two apart. It is asked for with the first batch of
    each shard, and again when a batch has no higher sequence number than one before it though it
    arrived later, or when an entry's watermark is found to be of a later stream (`forget`).
    """

    def __init__(self, kinesis: KinesisClient | None = None) -> None:
        self._given = kinesis
        self._created_ms: dict[str, int] = {}
        self._ranges: dict[str, dict[str, tuple[int, int]]] = {}
        self._highest: dict[tuple[str, str], tuple[int, int]] = {}

    @property
    def _kinesis(self) -> KinesisClient:
        return self._given or client("kinesis")

    def stream(self, arn: str) -> Stream:
        """The stream. Raises Unavailable."""
        created_ms = self._created_ms.get(arn)
        if created_ms is None:
            created_ms = self._created_ms[arn] = self._ask_created_ms(arn)
        return Stream(created_ms, lambda shard_id: self._hash_range(arn, shard_id))

    def begins(self, arn: str, shard_id: str, sequence: int, arrival_ms: int) -> None:
        """Note the first record of a batch, before its records are placed."""
        highest, arrived_ms = self._highest.get((arn, shard_id), (-1, -1))
        if highest < 0 or (sequence <= highest and arrival_ms > arrived_ms):
            self.forget(arn)
        elif sequence <= highest:
            return
        self._highest[arn, shard_id] = (sequence, arrival_ms)

    def forget(self, arn: str) -> None:
        """Ask again what describes a stream, when it is next needed."""
        self._created_ms.pop(arn, None)
        self._ranges.pop(arn, None)

    def _ask_created_ms(self, arn: str) -> int:
        try:
            answer = self._kinesis.describe_stream_summary(StreamARN=arn)
        except (ClientError, BotoCoreError) as error:
            raise self._failed(f"describe {arn}", error) from error
        created = answer["StreamDescriptionSummary"]["StreamCreationTimestamp"]
        return round(created.timestamp() * 1000)

    def _hash_range(self, arn: str, shard_id: str) -> tuple[int, int]:
        known = self._ranges.setdefault(arn, {})
        if shard_id not in known:
            try:
                for shard in self._shards(arn):
                    hashes = shard["HashKeyRange"]
                    first, last = hashes["StartingHashKey"], hashes["EndingHashKey"]
                    known[shard["ShardId"]] = (int(first), int(last))
            except (ClientError, BotoCoreError) as error:
                raise self._failed(f"list the shards of {arn}", error) from error
        # A shard that is no longer listed has expired: every hash may have been in it.
        return known.get(shard_id, (0, 2**128 - 1))

    def _shards(self, arn: str) -> Iterator[ShardTypeDef]:
        # boto3's paginator names the stream on every page, which Kinesis refuses from the second.
        answer = self._kinesis.list_shards(StreamARN=arn)
        yield from answer["Shards"]
        while token := answer.get("NextToken"):
            answer = self._kinesis.list_shards(NextToken=token)
            yield from answer["Shards"]

    def _failed(self, action: str, error: Exception) -> Exception:
        return unavailable(action, error, self._kinesis.meta.endpoint_url)
