"""Brings metrics to the emulator and alarms up to date, every few seconds."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Protocol

import orjson

from localcloud.cloudwatch.alarms import Alarm, State, Verdict, evaluate
from localcloud.cloudwatch.metrics import Metric, MetricStore, Summary
from localcloud.ports import Clock

EVERY_S = 5.0
# "Each PutMetricData request can include up to 1,000 metrics."
_MOST_DATA = 1_000
_SNS = ":sns:"

_log = logging.getLogger(__name__)


class Aws(Protocol):
    """Calls the emulator."""

    def call(self, service: str, operation: str, **parameters: object) -> Mapping[str, Any]:
        """Call `operation` of `service`, both as boto3 spells them."""
        ...


@dataclass(frozen=True, slots=True)
class AlarmState:
    """An alarm as it stands, and since when (milliseconds since the epoch)."""

    alarm: Alarm
    verdict: Verdict
    since_ms: int


class Monitor:
    """Evaluates alarms over a store, and hands its metrics on to CloudWatch (the emulator's).

    `sample` is called before each round, for what is not counted by the call.
    """

    def __init__(
        self,
        store: MetricStore,
        alarms: Sequence[Alarm],
        aws: Aws,
        clock: Clock,
        *,
        account_id: str = "123456789012",
        region: str = "us-east-1",
        sample: Callable[[int], None] = lambda now_ms: None,
        every_s: float = EVERY_S,
    ) -> None:
        self._store = store
        self._aws = aws
        self._clock = clock
        self._account_id = account_id
        self._region = region
        self._sample = sample
        self._every_s = every_s
        began = Verdict(State.INSUFFICIENT_DATA, "not evaluated yet", None)
        self._states = {a.name: AlarmState(a, began, clock.now_ms()) for a in alarms}
        self._task: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    def start(self) -> None:
        """Begin in the background."""
        self._task = asyncio.create_task(self._run(), name="alarms and metrics")

    async def stop(self) -> None:
        """Stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def states(self) -> tuple[AlarmState, ...]:
        """Every alarm as it stood at the latest round, by name."""
        return tuple(state for _, state in sorted(self._states.items()))

    async def round(self) -> None:
        """Hand the latest metrics on and evaluate every alarm, now."""
        async with self._turn:
            now_ms = self._clock.now_ms()
            self._sample(now_ms)
            fresh = self._store.take_fresh()
            changes = [
                change
                for state in self._states.values()
                if (change := self._evaluated(state, now_ms)) is not None
            ]
            await asyncio.to_thread(self._hand_on, fresh, changes, now_ms)

    def _evaluated(self, state: AlarmState, now_ms: int) -> tuple[AlarmState, AlarmState] | None:
        """Evaluate an alarm; before and after if its state has changed."""
        verdict = evaluate(state.alarm, self._store, now_ms, state.verdict.state)
        changed = verdict.state is not state.verdict.state
        after = AlarmState(state.alarm, verdict, now_ms if changed else state.since_ms)
        self._states[state.alarm.name] = after
        return (state, after) if changed else None

    async def _run(self) -> None:
        while True:
            await self._clock.sleep(self._every_s)
            try:
                await self.round()
            except Exception:  # whatever the emulator has, the next round may do
                _log.exception("metrics and alarms could not be brought up to date")

    def _hand_on(
        self,
        fresh: Mapping[Metric, tuple[str, Summary]],
        changes: Iterable[tuple[AlarmState, AlarmState]],
        now_ms: int,
    ) -> None:
        at = datetime.fromtimestamp(now_ms / 1000, UTC)
        by_namespace = sorted(fresh.items(), key=lambda item: item[0].namespace)
        for namespace, items in groupby(by_namespace, key=lambda item: item[0].namespace):
            data = [_datum(metric, unit, summary, at) for metric, (unit, summary) in items]
            for start in range(0, len(data), _MOST_DATA):
                self._aws.call(
                    "cloudwatch",
                    "put_metric_data",
                    Namespace=namespace,
                    MetricData=data[start : start + _MOST_DATA],
                )
        for before, after in changes:
            self._tell(before, after, at)

    def _tell(self, before: AlarmState, after: AlarmState, at: datetime) -> None:
        """Set the alarm's state in the emulator, and publish it where the alarm says."""
        alarm, verdict = after.alarm, after.verdict
        self._aws.call(
            "cloudwatch",
            "set_alarm_state",
            AlarmName=alarm.name,
            StateValue=verdict.state.value,
            StateReason=verdict.reason,
            StateReasonData=orjson.dumps({"recentDatapoints": [verdict.value]}).decode(),
        )
        for arn in alarm.actions.get(verdict.state, ()):
            if _SNS not in arn:
                _log.warning("alarm %s has an action that is no topic: %s", alarm.name, arn)
                continue
            self._aws.call(
                "sns",
                "publish",
                TopicArn=arn,
                Subject=f'{verdict.state.value}: "{alarm.name}"'[:100],
                Message=self._message(before, after, at),
            )

    def _message(self, before: AlarmState, after: AlarmState, at: datetime) -> str:
        """What CloudWatch publishes of a change."""
        alarm, verdict = after.alarm, after.verdict
        document = {
            "AlarmName": alarm.name,
            "AlarmDescription": alarm.description,
            "AWSAccountId": self._account_id,
            "NewStateValue": verdict.state.value,
            "NewStateReason": verdict.reason,
            "StateChangeTime": at.isoformat(timespec="milliseconds"),
            "Region": self._region,
            "AlarmArn": alarm.arn,
            "OldStateValue": before.verdict.state.value,
        }
        return orjson.dumps(document).decode()


def _datum(metric: Metric, unit: str, summary: Summary, at: datetime) -> dict[str, Any]:
    return {
        "MetricName": metric.name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in sorted(metric.dimensions)],
        "Timestamp": at,
        "Unit": unit,
        "StatisticValues": {
            "SampleCount": summary.count,
            "Sum": summary.total,
            "Minimum": summary.low,
            "Maximum": summary.high,
        },
    }
