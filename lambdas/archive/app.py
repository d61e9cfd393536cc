"""Inference records and feedback: Kinesis → S3. One invocation is one batch of one shard."""

from __future__ import annotations

import os
from dataclasses import asdict

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from millrace import cold_start
from millrace.inference.archiver import Archived
from millrace.inference.archiving import archiver

logger = Logger()
metrics = Metrics()
archive = archiver(os.environ)
cold_start.tell(os.environ)


@logger.inject_lambda_context
@metrics.log_metrics(raise_on_empty_metrics=False)
def handler(event: object, context: object) -> dict[str, list[dict[str, str]]]:
    """Answer which record to deliver again from; an empty list is success."""
    records = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(records, list):
        logger.error("Not a Kinesis batch: no list of Records", extra={"given": repr(event)[:200]})
        metrics.add_metric("Failed", MetricUnit.Count, 1)
        return {"batchItemFailures": []}
    done = archive.handle(records)
    _tell(done)
    return done.answer


def _tell(done: Archived) -> None:
    for name in ("inferences", "feedback", "quarantined"):
        metrics.add_metric(name.capitalize(), MetricUnit.Count, getattr(done, name))
    metrics.add_metric("Failed", MetricUnit.Count, len(done.failed))
    told = logger.warning if done.problems else logger.info
    told("batch", extra={"report": {name: value for name, value in asdict(done).items() if value}})
