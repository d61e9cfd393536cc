"""POST /events → Kinesis."""

from __future__ import annotations

import os
import time
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from millrace import cold_start
from millrace.aws import client
from millrace.errors import Unavailable
from millrace.events import EventReader
from millrace.features.environment import definitions_of, required
from millrace.inference.http import request_id
from millrace.ingest import ingest, try_later
from millrace.producer import Producer

logger = Logger()
metrics = Metrics()
reader = EventReader(definitions_of(os.environ))
producer = Producer(client("kinesis"), required(os.environ, "STREAM_NAME"), tries=3)
cold_start.tell(os.environ)


@logger.inject_lambda_context
@metrics.log_metrics(raise_on_empty_metrics=False)
def handler(event: object, context: object) -> dict[str, Any]:
    """Answer 202, or an error that names the field."""
    logger.set_correlation_id(request_id(event))
    try:
        answer = ingest(event, reader, producer, now_ms=time.time_ns() // 1_000_000)
    except Unavailable as error:
        logger.warning("the stream refuses", extra={"problem": str(error)})
        answer = try_later()
    metrics.add_metric(f"Status{answer['statusCode']}", MetricUnit.Count, 1)
    return answer
