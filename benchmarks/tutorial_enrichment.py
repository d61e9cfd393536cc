"""The first tutorial's handler ("Real-Time Data Enrichment & Inference Pipeline"), as a rival.

Its text is the tutorial's, with two changes without which it fails on its first record: Kinesis
data is base64, and DynamoDB takes no float, so that the metric becomes a Decimal. The table, a
global there, is given here.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

NAME = "the first tutorial's handler"


class Table(Protocol):
    """What it asks of boto3's table."""

    def get_item(self, *, Key: Mapping[str, Any]) -> Mapping[str, Any]:
        """One item, or none."""
        ...

    def put_item(self, *, Item: Mapping[str, Any]) -> object:
        """Store an item in the place of the one before."""
        ...


def lambda_handler(event: Mapping[str, Any], table: Table) -> dict[str, str]:
    """Two requests an event."""
    for record in event["Records"]:
        payload = json.loads(base64.b64decode(record["kinesis"]["data"]))

        user = payload["userId"]
        metric = Decimal(str(payload["metric"]))
        ts = datetime.fromisoformat(payload["timestamp"])

        # Fetch old features
        old = table.get_item(Key={"userId": user}).get("Item", {})

        last_ts = old.get("lastTimestamp")
        count = old.get("count", 0)

        # Update rolling 5-minute count
        if last_ts:
            prev_ts = datetime.fromisoformat(last_ts)
            if ts - prev_ts < timedelta(minutes=5):
                count += 1
            else:
                count = 1
        else:
            count = 1

        # Save new enriched features
        table.put_item(
            Item={
                "userId": user,
                "lastTimestamp": ts.isoformat(),
                "count": count,
                "lastMetric": metric,
            }
        )

    return {"status": "ok"}
