"""Rounds of the monitor: metrics handed on, changes of state told once, failures survived."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from localcloud.cloudwatch.alarms import Alarm, State
from localcloud.cloudwatch.metrics import Metric, MetricStore
from localcloud.cloudwatch.monitor import Monitor
from tests.localcloud.clock import ManualClock
from tests.localcloud.cloudwatch.test_alarms import SIMPLE

TOPIC = "arn:aws:sns:us-east-1:123456789012:alarms"
ERRORS = Metric.of("AWS/Lambda", "Errors", FunctionName="work")


class Aws:
    """Remembers calls; `broken` ones fail."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.broken = False

    def call(self, service: str, operation: str, **parameters: object) -> Mapping[str, Any]:
        if self.broken:
            raise OSError("down")
        self.calls.append((operation, dict(parameters)))
        return {}

    def take(self, operation: str) -> list[dict[str, Any]]:
        found = [parameters for name, parameters in self.calls if name == operation]
        self.calls = [call for call in self.calls if call[0] != operation]
        return found


class Bench:
    """A monitor with one alarm that rings at the first error."""

    def __init__(self, **options: Any) -> None:
        self.clock, self.store, self.aws = ManualClock(), MetricStore(), Aws()
        actions = {"AlarmActions": [TOPIC, "arn:aws:lambda:x"], "OKActions": [TOPIC]}
        request = {**SIMPLE, **actions, "DatapointsToAlarm": 1, "EvaluationPeriods": 1}
        alarm = Alarm.from_request("arn:alarm", {**request, "AlarmDescription": "it fails"})
        self.monitor = Monitor(self.store, [alarm], self.aws, self.clock, **options)

    def fail(self) -> None:
        self.store.add(ERRORS, 1.0, self.clock.now_ms(), "Count")


def test_metrics_are_handed_on_summed_up() -> None:
    async def work() -> None:
        bench = Bench()
        bench.fail()
        bench.fail()
        bench.store.add(Metric.of("Millrace", "Late"), 0.5, bench.clock.now_ms())
        await bench.monitor.round()
        first, second = bench.aws.take("put_metric_data")
        assert (first["Namespace"], second["Namespace"]) == ("AWS/Lambda", "Millrace")
        (datum,) = first["MetricData"]
        assert datum["MetricName"] == "Errors"
        assert datum["Dimensions"] == [{"Name": "FunctionName", "Value": "work"}]
        assert datum["StatisticValues"] == {
            "SampleCount": 2.0,
            "Sum": 2.0,
            "Minimum": 1.0,
            "Maximum": 1.0,
        }
        assert datum["Timestamp"].timestamp() * 1000 == bench.clock.now_ms()
        await bench.monitor.round()
        assert bench.aws.take("put_metric_data") == [], "each value once"

    asyncio.run(work())


def test_a_change_of_state_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        bench = Bench()
        (state,) = bench.monitor.states()
        assert state.verdict.state is State.INSUFFICIENT_DATA
        await bench.monitor.round()
        assert [call["StateValue"] for call in bench.aws.take("set_alarm_state")] == ["OK"]
        assert len(bench.aws.take("publish")) == 1
        bench.fail()
        await bench.monitor.round()
        await bench.monitor.round()
        (change,) = bench.aws.take("set_alarm_state")
        assert (change["AlarmName"], change["StateValue"]) == ("errors", "ALARM")
        (told,) = bench.aws.take("publish")
        assert (told["TopicArn"], told["Subject"]) == (TOPIC, 'ALARM: "errors"')
        message = json.loads(told["Message"])
        assert message["AlarmDescription"] == "it fails"
        assert (message["OldStateValue"], message["NewStateValue"]) == ("OK", "ALARM")
        (state,) = bench.monitor.states()
        assert (state.verdict.value, state.since_ms) == (1.0, bench.clock.now_ms())
        bench.clock.advance(120)
        await bench.monitor.round()
        assert [call["StateValue"] for call in bench.aws.take("set_alarm_state")] == ["OK"]

    asyncio.run(work())
    assert "an action that is no topic: arn:aws:lambda:x" in caplog.text


def test_it_works_every_few_seconds_and_survives_a_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def work() -> None:
        sampled: list[int] = []
        bench = Bench(sample=sampled.append, every_s=3.0)
        bench.monitor.start()
        bench.aws.broken = True
        bench.fail()
        for rounds in range(1, 4):
            await bench.clock.run(3)
            async with asyncio.timeout(10):
                while len(sampled) < rounds or not bench.clock.sleeping:
                    await asyncio.sleep(0.001)
            bench.aws.broken = False
        assert len(sampled) == 3
        await bench.monitor.stop()
        assert bench.clock.sleeping == 0

    asyncio.run(work())
    assert "could not be brought up to date" in caplog.text
