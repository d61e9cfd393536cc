"""AWS clients: one session, made at start, and low-level clients made once, each when first used.

The region, credentials and endpoints come from the environment as boto3 reads it; AWS_ENDPOINT_URL
(empty: AWS itself) points everything at the local cloud.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Literal, overload

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from millrace.errors import Throttled, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker_featurestore_runtime import SageMakerFeatureStoreRuntimeClient
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

PARALLEL = 16

_CONNECT_S = 1.0
# How services say that they are asked too often.
_THROTTLES = {
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}


@cache
def _session() -> boto3.Session:
    return boto3.Session()


@overload
def client(
    service: Literal["dynamodb"], *, timeout_s: float = ..., tries: int = ...
) -> DynamoDBClient: ...
@overload
def client(
    service: Literal["kinesis"], *, timeout_s: float = ..., tries: int = ...
) -> KinesisClient: ...
@overload
def client(service: Literal["s3"], *, timeout_s: float = ..., tries: int = ...) -> S3Client: ...
@overload
def client(
    service: Literal["sagemaker-runtime"], *, timeout_s: float = ..., tries: int = ...
) -> SageMakerRuntimeClient: ...
@overload
def client(
    service: Literal["sagemaker-featurestore-runtime"],
    *,
    timeout_s: float = ...,
    tries: int = ...,
) -> SageMakerFeatureStoreRuntimeClient: ...


@cache
def client(service: Any, *, timeout_s: float = 4.0, tries: int = 3) -> Any:
    """The client of a service, the same one at every call with the same bounds.

    A call that hangs must not use up the function's time, so `timeout_s` bounds each read of a
    try. By default that suits a batch, which comes again anyway.
    """
    config = Config(
        connect_timeout=min(_CONNECT_S, timeout_s),
        read_timeout=timeout_s,
        retries={"mode": "standard", "total_max_attempts": tries},
        max_pool_connections=PARALLEL,
        tcp_keepalive=True,
    )
    return _session().client(service, config=config)


def unavailable(action: str, error: Exception, endpoint: str) -> Unavailable:
    """The error for a call that failed for now: what was tried, where, and what to look at."""
    hint = ""
    if endpoint.startswith("http://"):
        hint = " (is the local cloud up? start it with: scripts/demo --keep)"
    kind = Throttled if is_throttle(error) else Unavailable
    return kind(f"Cannot {action} at {endpoint}{hint}: {type(error).__name__}: {error}")


def code_of(error: Exception) -> str:
    """AWS's code for an error; empty where the service did not answer."""
    return error.response["Error"].get("Code", "") if isinstance(error, ClientError) else ""


def is_throttle(error: Exception) -> bool:
    """Whether a service answered that it is asked too often."""
    return code_of(error) in _THROTTLES
