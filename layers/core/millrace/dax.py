"""A DAX cluster: its client, and writes that go through it.

What is read through DAX is as fresh as the last write that went through it; so the one who writes,
enrich, does. A write that DAX does not take goes to the table itself: then the cluster may hold an
older item until that expires there (template.yaml: ten seconds).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# After a failure DAX is let alone for so long: waiting for it again and again would cost more.
REST_S = 30.0
_TIMEOUT_S = 0.2
_LIBRARY = "amazondax"


def load() -> None:
    """Import DAX's library now, which takes longer than a request has. It may be missing."""
    with suppress(ImportError):
        import_module(_LIBRARY)


def dax_client(endpoint: str) -> Any:  # noqa: ANN401  it stands in for a DynamoDB client
    """A client of a cluster. Raises whatever the library does, ImportError where it is missing."""
    library = import_module(_LIBRARY)
    config = Config(
        connect_timeout=_TIMEOUT_S, read_timeout=_TIMEOUT_S, retries={"max_attempts": 0}
    )
    return library.AmazonDaxClient(boto3.Session(), endpoint_url=endpoint, config=config)


class Puts(Protocol):
    """What takes items as DynamoDB does."""

    def put_item(self, **request: object) -> Mapping[str, Any]:
        """See DynamoDB's."""
        ...


class WritesThroughDax:
    """A DynamoDB client whose `put_item` goes through DAX; everything else goes to DynamoDB.

    A put that DAX refuses or does not answer is put to the table. That includes a condition that
    failed, because DAX does not hand back the item that stands there, which DynamoDB does. And it
    is right when DAX had written after all: the condition fails, and the item is known as the
    one that was meant (see DynamoDBStore).
    """

    def __init__(
        self,
        dynamodb: DynamoDBClient,
        connect: Callable[[], Puts],
        monotonic_s: Callable[[], float],
    ) -> None:
        self.batch_get_item = dynamodb.batch_get_item
        self.get_item = dynamodb.get_item
        self.transact_write_items = dynamodb.transact_write_items
        self.exceptions = dynamodb.exceptions
        self.meta = dynamodb.meta
        self._put_past_dax: Callable[..., Mapping[str, Any]] = dynamodb.put_item
        self._connect = connect
        self._monotonic_s = monotonic_s
        self._connecting = Lock()
        self._dax: Puts | None = None
        self._rests_until_s = float("-inf")

    def put_item(self, **request: object) -> Mapping[str, Any]:
        """See DynamoDB's."""
        if self._monotonic_s() >= self._rests_until_s:
            try:
                return self._connected().put_item(**request)
            except Exception as error:  # a cache must never be the reason for losing a write
                if not _is_answer(error):
                    self._rests_until_s = self._monotonic_s() + REST_S
        return self._put_past_dax(**request)

    def _connected(self) -> Puts:
        with self._connecting:  # the first batch writes from many threads at once
            if self._dax is None:
                self._dax = self._connect()
            return self._dax


def _is_answer(error: Exception) -> bool:
    """Whether it is DynamoDB's own refusal, told by a cluster that is well."""
    if not isinstance(error, ClientError):
        return False
    return error.response.get("Error", {}).get("Code") == "ConditionalCheckFailedException"
