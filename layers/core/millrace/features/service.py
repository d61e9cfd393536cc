"""The enricher and the reader of features as an environment describes them.

Environment: FEATURES_TABLE, DAX_ENDPOINT (empty: none), QUARANTINE_BUCKET, ARCHIVE_BUCKET (empty:
none), FEATURE_STORE (dynamodb, sagemaker or both), FEATURE_GROUP, PARALLELIZATION_FACTOR,
GIVE_UP_AFTER_S (0: never), STREAM_RETENTION_HOURS, and MILLRACE_FEATURES, the path of features.toml
(beside the handler, where it is not set).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from millrace.aws import client
from millrace.collector import let_collector_wait
from millrace.events import EventReader
from millrace.features.batch import BatchReader
from millrace.features.definitions import Definitions
from millrace.features.dynamodb import DynamoDBStore
from millrace.features.enrich import Enricher
from millrace.features.environment import definitions_of, number, one_of, required
from millrace.features.feature_store import FeatureStoreSink
from millrace.features.sinks import Archive, KeySink
from millrace.s3 import S3Objects
from millrace.streams import StreamCatalog

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_DAY_S = 86_400
_LEAST_TTL_S = 30 * _DAY_S
_STORES = ("dynamodb", "sagemaker", "both")


def enricher(environment: Mapping[str, str]) -> Enricher:
    """The enricher for an environment. Raises ConfigurationError, naming the variable."""
    definitions = definitions_of(environment)
    retention_s = number(environment, "STREAM_RETENTION_HOURS", 24, 8760) * 3600
    lanes = number(environment, "PARALLELIZATION_FACTOR", 1, 10)
    give_up_after_s = number(environment, "GIVE_UP_AFTER_S", 0, 604_800)
    where = one_of(environment, "FEATURE_STORE", _STORES)
    group = required(environment, "FEATURE_GROUP") if where != "dynamodb" else None
    table = required(environment, "FEATURES_TABLE")
    quarantine = required(environment, "QUARANTINE_BUCKET")
    archive = environment.get("ARCHIVE_BUCKET")
    sinks: list[KeySink] = []
    if group is not None:
        sinks.append(FeatureStoreSink(client("sagemaker-featurestore-runtime"), group))
    let_collector_wait()
    return Enricher(
        BatchReader(EventReader(definitions), StreamCatalog(), lanes),
        DynamoDBStore(
            _dynamodb(environment.get("DAX_ENDPOINT")),
            table,
            ttl_s(definitions, retention_s),
            plain=where != "sagemaker",
        ),
        S3Objects(quarantine),
        give_up_after_ms=give_up_after_s * 1000 or None,
        archive=Archive(S3Objects(archive)) if archive else None,
        sinks=sinks,
    )


def _dynamodb(dax_endpoint: str | None) -> DynamoDBClient:
    """The client of the table; writes go through DAX where there is one."""
    dynamodb = client("dynamodb")
    if not dax_endpoint:
        return dynamodb
    from millrace.dax import WritesThroughDax, dax_client, load

    load()
    through = WritesThroughDax(dynamodb, lambda: dax_client(dax_endpoint), time.monotonic)
    return cast("DynamoDBClient", through)


def ttl_s(definitions: Definitions, retention_s: int) -> int:
    """How long after its last event an item is kept, in seconds.

    An item that goes while the stream still holds its events would count them again in a replay,
    and one that goes before its windows are empty would lose them: hence longer than both
    together, and a month at least.
    """
    longest_s = max(entity.ladder.longest_s for entity in definitions.entities)
    return max(_LEAST_TTL_S, retention_s + longest_s + _DAY_S)
