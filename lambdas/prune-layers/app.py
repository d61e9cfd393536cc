"""Old layer versions: planned once a day, deleted where the stack says so."""

from __future__ import annotations

import os
import time
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from millrace import cold_start
from millrace.lambda_layers.scheduled import Cleaned, cleaner

logger = Logger()
metrics = Metrics()
cleaner_of_layers = cleaner(os.environ, lambda: time.time_ns() // 1_000_000)
cold_start.tell(os.environ)


@logger.inject_lambda_context
@metrics.log_metrics(raise_on_empty_metrics=False)
def handler(event: object, context: object) -> dict[str, Any]:
    """Answer how many versions were deleted, and which would be."""
    done = cleaner_of_layers.handle(event)
    _tell(done)
    return done.answer


def _tell(done: Cleaned) -> None:
    metrics.add_metric("LayerVersionsDeleted", MetricUnit.Count, len(done.deleted))
    metrics.add_metric("LayerVersionsPlanned", MetricUnit.Count, len(done.pruning.plan.steps))
    told = logger.warning if done.refused else logger.info
    told("pruned", extra={"report": done.answer, "calls": done.pruning.inventory.calls})
