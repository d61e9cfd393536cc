"""POST /events → Kinesis."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from millrace import cold_start
from millrace.aws import client
from millrace.errors import TransientError
from millrace.events import EventReader
from millrace.features.environment import definitions_of, required
from millrace.inference.call import within
from millrace.inference.http import request_id
from millrace.ingest import ingest, try_later
from millrace.producer import Producer

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# Of Lambda's own time this much stays for the answer's way out.
_RESERVE_MS = 100

logger = Logger()
metrics = Metrics()
reader = EventReader(definitions_of(os.environ))
producer = Producer(client("kinesis", tries=1), required(os.environ, "STREAM_NAME"), tries=3)
cold_start.tell(os.environ)


@logger.inject_lambda_context
@metrics.log_metrics(raise_on_empty_metrics=False)
def handler(event: object, context: LambdaContext) -> dict[str, Any]:
    """Answer 202, or an error that names the field; always before Lambda's time is up."""
    logger.set_correlation_id(request_id(event))
    left_s = (context.get_remaining_time_in_millis() - _RESERVE_MS) / 1000
    now_ms = time.time_ns() // 1_000_000
    try:
        answer = within(left_s, lambda: ingest(event, reader, producer, now_ms))
    except TransientError as error:
        logger.warning("the stream refuses", extra={"problem": str(error)})
        answer = try_later()
    metrics.add_metric(f"Status{answer['statusCode']}", MetricUnit.Count, 1)
    return answer
