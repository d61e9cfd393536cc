"""Every resource type that the local cloud knows: what it makes of it, or why it makes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from localcloud.stack.types import (
    cloudwatch,
    dynamodb,
    endpoints,
    functions,
    http_api,
    kinesis,
    kms,
    messaging,
    s3,
    sagemaker,
)
from localcloud.stack.types.kind import NoOp, ResourceType
from localcloud.stack.types.no_meaning import NO_OPS

SUPPORTED: Final[Mapping[str, ResourceType]] = {
    **cloudwatch.TYPES,
    **dynamodb.TYPES,
    **endpoints.TYPES,
    **functions.TYPES,
    **http_api.TYPES,
    **kinesis.TYPES,
    **kms.TYPES,
    **messaging.TYPES,
    **s3.TYPES,
    **sagemaker.TYPES,
}

__all__ = ["NO_OPS", "SUPPORTED", "NoOp", "ResourceType"]
