"""Objects in S3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from millrace.aws import PARALLEL, client, unavailable
from millrace.errors import QuarantineError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


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
        """See millrace.objects.Objects."""
        try:
            self._s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        except (ClientError, BotoCoreError) as error:
            raise self._failed("put", key, error) from error

    def get(self, key: str) -> bytes:
        """See millrace.objects.Objects."""
        try:
            return self._s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except self._s3.exceptions.NoSuchKey as error:
            raise QuarantineError(f"No object {key!r} in bucket {self.bucket}.") from error
        except (ClientError, BotoCoreError) as error:
            raise self._failed("get", key, error) from error

    def keys(self, prefix: str) -> Iterator[str]:
        """See millrace.objects.Objects."""
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
        """See millrace.objects.Objects."""
        try:
            self._s3.delete_object(Bucket=self.bucket, Key=key)
        except (ClientError, BotoCoreError) as error:
            raise self._failed("delete", key, error) from error

    def _failed(self, action: str, key: str, error: Exception) -> Exception:
        what = f"{action} s3://{self.bucket}/{key}"
        return unavailable(what, error, self._s3.meta.endpoint_url)
