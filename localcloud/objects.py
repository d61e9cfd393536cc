"""Where the local cloud itself puts objects: the emulator's S3, by boto3 in a thread."""

from __future__ import annotations

import asyncio

from localcloud.stack.aws import Boto3Aws


class S3ObjectStore:
    """Implements `localcloud.ports.ObjectStore`."""

    def __init__(self, aws: Boto3Aws) -> None:
        self._aws = aws

    async def put(self, bucket: str, key: str, body: bytes) -> None:
        """Store `body`; raises botocore's errors, and then nothing was stored."""
        await asyncio.to_thread(
            self._aws.call, "s3", "put_object", Bucket=bucket, Key=key, Body=body
        )
