"""The first tutorial's handler as it is deployed: a DynamoDB resource, made when it is imported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import boto3

from benchmarks.tutorial_enrichment import lambda_handler as handle

ddb = boto3.resource("dynamodb")
table = ddb.Table("UserFeatureStore")


def lambda_handler(event: Mapping[str, Any], context: object) -> dict[str, str]:
    """See `tutorial_enrichment`."""
    return handle(event, table)
