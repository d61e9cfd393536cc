"""The tutorials' own enrichment handler, as a rival.

Its text is the first tutorial's, with two changes without which it fails on its first record: the
data is decoded from base64, and a number becomes a Decimal before it goes to DynamoDB. The table
that it talks to counts requests.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any


class CountedTable:
    """A DynamoDB table resource in memory, which counts requests."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.requests: Counter[str] = Counter()

    def get_item(self, Key: Mapping[str, str]) -> dict[str, Any]:
        """As boto3's."""
        self.requests["GetItem"] += 1
        item = self.items.get(Key["userId"])
        return {} if item is None else {"Item": dict(item)}

    def put_item(self, Item: dict[str, Any]) -> None:
        """As boto3's."""
        self.requests["PutItem"] += 1
        self.items[Item["userId"]] = dict(Item)


def lambda_handler(table: CountedTable, event: Mapping[str, Any]) -> dict[str, str]:
    """The tutorial's handler; its table is a global there."""
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
            count = count + 1 if ts - prev_ts < timedelta(minutes=5) else 1
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
