"""The third tutorial's handler ("Deploying Real-Time Feature Store"), as a rival.

Its text is the tutorial's, with one change without which it fails on its first record: Kinesis data
is base64. The table, a global there, is given here.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from benchmarks.tutorial_enrichment import Table

NAME = "the third tutorial's handler"


def lambda_handler(event: Mapping[str, Any], table: Table) -> dict[str, int]:
    """Two requests an event."""
    for record in event["Records"]:
        payload = json.loads(base64.b64decode(record["kinesis"]["data"]))
        user_id = payload["userId"]
        event_type = payload["eventType"]
        ts = datetime.fromisoformat(payload["timestamp"])

        # Fetch current features
        resp = table.get_item(Key={"userId": user_id})
        item = resp.get("Item", {})

        # Derive features: e.g., event_count_last_5min, last_event_type
        last_update = item.get("lastUpdate", ts.isoformat())
        count_5min = item.get("count5min", 0)
        then = datetime.fromisoformat(last_update)
        if ts - then < timedelta(minutes=5):
            count_5min += 1
        else:
            count_5min = 1

        # Update feature item
        new_item = {
            "userId": user_id,
            "lastEventType": event_type,
            "count5min": count_5min,
            "lastUpdate": ts.isoformat(),
        }
        table.put_item(Item=new_item)
    return {"statusCode": 200}
