"""What commands ask of a cloud, and AWS (or what stands in for it) behind that."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol, overload

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from millrace.errors import ConfigurationError
from millrace.features.batch import Streams
from millrace.features.definitions import Definitions
from millrace.features.dynamodb import DynamoDBStore
from millrace.features.feature_store import FeatureStoreSink
from millrace.features.service import ttl_s
from millrace.features.sinks import KeySink
from millrace.features.store import LedgerStore
from millrace.objects import Objects
from millrace.producer import Outgoing, Producer
from millrace.s3 import S3Objects
from millrace.streams import StreamCatalog

from cli.target import StackDescription, Target

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker_featurestore_runtime import SageMakerFeatureStoreRuntimeClient

_HOUR_S = 3600
# A person waits: longer than a function would, and no connection to the local cloud by a proxy.
_CONFIG = Config(
    connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 4}
)
_LOCAL = Config(s3={"addressing_style": "path"}, proxies={}).merge(_CONFIG)


class Puts(Protocol):
    """Puts events on a stream (see `millrace.producer.Producer`)."""

    def put(self, events: Iterable[Outgoing]) -> int:
        """Put every event; how many there were. Raises Unavailable."""
        ...


class Cloud(Protocol):
    """What a target offers; every part is made when it is first asked for."""

    def producer(self) -> Puts:
        """What puts events on the stream."""
        ...

    def store(self, definitions: Definitions) -> LedgerStore:
        """The features table with its ledger."""
        ...

    def sinks(self) -> list[KeySink]:
        """What follows the state."""
        ...

    def streams(self) -> Streams:
        """What describes streams."""
        ...

    def quarantine(self) -> Objects:
        """The quarantine bucket."""
        ...

    def archive(self) -> Objects:
        """The archive. Raises ConfigurationError where the target has none."""
        ...


class AwsCloud:
    """A target on AWS, or on the local cloud. Raises ConfigurationError where AWS is not set up."""

    def __init__(self, target: Target) -> None:
        self._target = target

    @cached_property
    def _session(self) -> boto3.Session:
        if self._target.local:
            # Credentials of its own: a user's are never sent to what only stands in for AWS.
            return boto3.Session("local", "local", region_name=self._target.region)
        return _user_session(self._target.region)

    @overload
    def _client(self, service: Literal["dynamodb"]) -> DynamoDBClient: ...
    @overload
    def _client(self, service: Literal["kinesis"]) -> KinesisClient: ...
    @overload
    def _client(self, service: Literal["s3"]) -> S3Client: ...
    @overload
    def _client(
        self, service: Literal["sagemaker-featurestore-runtime"]
    ) -> SageMakerFeatureStoreRuntimeClient: ...

    def _client(self, service: Any) -> Any:
        config = _LOCAL if self._target.local else _CONFIG
        return self._session.client(service, endpoint_url=self._target.endpoint_url, config=config)

    def producer(self) -> Puts:
        """See Cloud."""
        return Producer(self._client("kinesis"), self._target.places.stream)

    def store(self, definitions: Definitions) -> LedgerStore:
        """See Cloud."""
        return DynamoDBStore(
            self._client("dynamodb"),
            self._target.places.features_table,
            ttl_s(definitions, self._target.retention_hours * _HOUR_S),
            plain=self._target.feature_store != "sagemaker",
            ledger=self._target.places.ledger_table,
        )

    def sinks(self) -> list[KeySink]:
        """See Cloud."""
        group = self._target.feature_group
        if group is None:
            return []
        return [FeatureStoreSink(self._client("sagemaker-featurestore-runtime"), group)]

    def streams(self) -> Streams:
        """See Cloud."""
        return StreamCatalog(self._client("kinesis"))

    def quarantine(self) -> Objects:
        """See Cloud."""
        return S3Objects(self._target.places.quarantine_bucket, self._client("s3"))

    def archive(self) -> Objects:
        """See Cloud."""
        bucket = self._target.archive_bucket
        if bucket is None:
            raise ConfigurationError(
                f"There is no archive on {self._target.where}: it is kept when the stack is"
                " deployed with ArchiveEvents=on; MILLRACE_ARCHIVE_BUCKET can name one."
            )
        return S3Objects(bucket, self._client("s3"))


def describe_stack(name: str) -> StackDescription:
    """What CloudFormation says of a stack. Raises ConfigurationError."""
    client: CloudFormationClient = _user_session(None).client("cloudformation", config=_CONFIG)
    try:
        stacks = client.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if "does not exist" not in str(error):
            raise ConfigurationError(f"Cannot look up stack {name}: {error}") from error
        raise ConfigurationError(
            f"No stack {name!r} in {client.meta.region_name}. Deploy it with sam build && sam"
            " deploy, name another with --stack, or work on the local cloud with --local."
        ) from error
    except BotoCoreError as error:
        raise ConfigurationError(
            f"Cannot look up stack {name}: {error}. AWS needs credentials and a region in the"
            " environment (AWS_PROFILE, AWS_REGION); the local cloud, with --local, needs none."
        ) from error
    outputs = {o["OutputKey"]: o["OutputValue"] for o in stacks[0].get("Outputs", ())}
    parameters = {p["ParameterKey"]: p["ParameterValue"] for p in stacks[0].get("Parameters", ())}
    return StackDescription(outputs, parameters)


def _user_session(region: str | None) -> boto3.Session:
    """A session as the user's environment and files have it."""
    try:
        # Lambda, the AWS CLI and other SDKs read AWS_REGION; boto3 by itself does not.
        session = boto3.Session(region_name=region or os.environ.get("AWS_REGION") or None)
    except BotoCoreError as error:
        raise ConfigurationError(f"AWS is not set up: {error}; see AWS_PROFILE.") from error
    if session.region_name is None:
        raise ConfigurationError(
            "No AWS region is set: set AWS_REGION, or name a profile that has one with"
            " AWS_PROFILE; the local cloud, with --local, needs none."
        )
    return session
