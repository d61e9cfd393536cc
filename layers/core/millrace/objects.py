"""Objects in S3 (or in memory): what quarantine and archive need of an object store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from millrace.aws import PARALLEL, client, unavailable
from millrace.errors import QuarantineError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class Objects(Protocol):
    """Objects by key. Every method raises Unavailable when the store does not answer."""

    parallel: int

    def put(self, key: str, body: bytes) -> None:
        """Store an object, in the place of one that has the key."""
        ...

    def get(self, key: str) -> bytes:
        """An object's body. Raises QuarantineError where there is none."""
        ...

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys that begin with `prefix`, in order."""
        ...

    def delete(self, key: str) -> None:
        """Delete an object; nothing happens where there is none."""
        ...


class MemoryObjects:
    """Objects in a dictionary."""

    parallel = 1

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}

    def put(self, key: str, body: bytes) -> None:
        """See Objects."""
        self.bodies[key] = body

    def get(self, key: str) -> bytes:
        """See Objects."""
        if key not in self.bodies:
            raise QuarantineError(f"No object {key!r}.")
        return self.bodies[key]

    def keys(self, prefix: str) -> Iterator[str]:
        """See Objects."""
        yield from sorted(key for key in self.bodies if key.startswith(prefix))

    def delete(self, key: str) -> None:
        """See Objects."""
        self.bodies.pop(key, None)


class S3Objects:
    """Objects in one bucket. The client is made at the first use: most processes never need it."""

    parallel = PARALLEL

    def __init__(self, bucket: str, s3: S3Client | None = None) -> None:
        self.bucket = bucket
        self._given = s3

    @property
    def _s3(self) -> S3Client:
        return self._given or client("s3")

    def put(self, key: str, body: bytes) -> None:
        """See Objects."""
        try:
            self._s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        except (ClientError, BotoCoreError) as error:
            raise self._failed("put", key, error) from error

    def get(self, key: str) -> bytes:
        """See Objects."""
        try:
            return self._s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except self._s3.exceptions.NoSuchKey as error:
            raise QuarantineError(f"No object {key!r} in bucket {self.bucket}.") from error
        except (ClientError, BotoCoreError) as error:
            raise self._failed("get", key, error) from error

    def keys(self, prefix: str) -> Iterator[str]:
        """See Objects."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix
        )
        try:
            for page in pages:
                for found in page.get("Contents", ()):
                    yield found["Key"]
        except (ClientError, BotoCoreError) as error:
            raise self._failed("list", prefix, error) from error

    def delete(self, key: str) -> None:
        """See Objects."""
        try:
            self._s3.delete_object(Bucket=self.bucket, Key=key)
        except (ClientError, BotoCoreError) as error:
            raise self._failed("delete", key, error) from error

    def _failed(self, action: str, key: str, error: Exception) -> Exception:
        what = f"{action} s3://{self.bucket}/{key}"
        return unavailable(what, error, self._s3.meta.endpoint_url)
