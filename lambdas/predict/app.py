"""The HTTP API: features as of now, predictions on them, and what came of those."""

from __future__ import annotations

import os
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.typing import LambdaContext
from millrace import cold_start
from millrace.inference.api import Outcome
from millrace.inference.http import request_id
from millrace.inference.service import api

logger = Logger()
metrics = Metrics()
service = api(os.environ)
cold_start.tell(os.environ)


@logger.inject_lambda_context
@metrics.log_metrics(raise_on_empty_metrics=False)
def handler(event: object, context: LambdaContext) -> dict[str, Any]:
    """Answer a request, always within the deadline."""
    logger.set_correlation_id(request_id(event))
    outcome = service.handle(event, context.get_remaining_time_in_millis())
    _tell(outcome)
    return outcome.answer


def _tell(outcome: Outcome) -> None:
    for name, unit, value in outcome.measures:
        metrics.add_metric(name, unit, value)
    if outcome.problem is None:
        logger.info("request", extra={"report": outcome.summary})
    else:
        logger.warning("request", extra={"report": outcome.summary, "problem": outcome.problem})
