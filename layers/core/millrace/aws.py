"""AWS clients: one session, made at start, and low-level clients made once, each when first used.

The region, credentials and endpoints come from the environment as boto3 reads it; AWS_ENDPOINT_URL
(empty: AWS itself) points everything at the local cloud.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Literal, overload

import boto3
from botocore.config import Config

from millrace.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker_featurestore_runtime import SageMakerFeatureStoreRuntimeClient

PARALLEL = 16

# A call that hangs must not use up the function's time: the batch comes again anyway.
_CONFIG = Config(
    connect_timeout=1,
    read_timeout=4,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=PARALLEL,
    tcp_keepalive=True,
)


@cache
def _session() -> boto3.Session:
    return boto3.Session()


@overload
def client(service: Literal["dynamodb"]) -> DynamoDBClient: ...
@overload
def client(service: Literal["kinesis"]) -> KinesisClient: ...
@overload
def client(service: Literal["s3"]) -> S3Client: ...
@overload
def client(
    service: Literal["sagemaker-featurestore-runtime"],
) -> SageMakerFeatureStoreRuntimeClient: ...


@cache
def client(service: Any) -> Any:
    """The client of a service, the same one at every call."""
    return _session().client(service, config=_CONFIG)


def unavailable(action: str, error: Exception, endpoint: str) -> Unavailable:
    """The error for a call that failed for now: what was tried, where, and what to look at."""
    hint = ""
    if endpoint.startswith("http://"):
        hint = " (is the local cloud up? start it with: scripts/demo --keep)"
    return Unavailable(f"Cannot {action} at {endpoint}{hint}: {type(error).__name__}: {error}")
