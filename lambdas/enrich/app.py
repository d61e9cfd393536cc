"""Kinesis → features: one invocation is one batch of one shard."""

from __future__ import annotations

import os
import time

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from millrace import cold_start
from millrace.features.report import Report
from millrace.features.service import enricher

logger = Logger()
metrics = Metrics()
enrich = enricher(os.environ)
cold_start.tell(os.environ)


@logger.inject_lambda_context
@metrics.log_metrics(raise_on_empty_metrics=False)
def handler(event: object, context: object) -> dict[str, list[dict[str, str]]]:
    """Answer which record to deliver again from; an empty list is success."""
    records = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(records, list):
        logger.error("Not a Kinesis batch: no list of Records", extra={"given": repr(event)[:200]})
        return {"batchItemFailures": []}
    report = enrich.handle(records, now_ms=time.time_ns() // 1_000_000)
    _tell(report)
    return report.answer


def _tell(report: Report) -> None:
    for name in ("applied", "duplicates", "late", "quarantined", "writes", "reads", "conflicts"):
        metrics.add_metric(name.capitalize(), MetricUnit.Count, getattr(report, name))
    metrics.add_metric("Failed", MetricUnit.Count, len(report.failed))
    metrics.add_metric("GaveUp", MetricUnit.Count, report.gave_up)
    if report.oldest_ms is not None:
        lag_ms = time.time_ns() // 1_000_000 - report.oldest_ms
        metrics.add_metric("FeatureLag", MetricUnit.Milliseconds, lag_ms)
    for reason, count in report.reasons.items():
        logger.warning("quarantined", extra={"reason": reason, "records": count})
    told = logger.warning if report.problems else logger.info
    told("batch", extra={"report": report.summary})
