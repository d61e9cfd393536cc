"""CloudWatch's metrics and the REPORT lines of cold starts, from the real clients."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from millrace.errors import NotAllowed
from millrace.lambda_layers.aws import LambdaAccount
from millrace.lambda_layers.evidence import CloudWatch
from millrace.lambda_layers.gate import Health
from millrace.plans.plan import Step

from cli.rollout_desk import MAKERS
from localcloud.lambda_control.running import LambdaCloud

MINUTE_MS = 60_000
NOW_MS = datetime.now(UTC).timestamp() * 1000 // MINUTE_MS * MINUTE_MS
START_MS, END_MS = int(NOW_MS) - 20 * MINUTE_MS, int(NOW_MS)
REPORT = (
    "REPORT RequestId: 1f\tDuration: 3.10 ms\tBilled Duration: 4 ms\tMemory Size: 128 MB\t"
    "Max Memory Used: 60 MB\t"
)


@pytest.fixture
def watch(cloud: LambdaCloud) -> CloudWatch:
    account = LambdaAccount(cloud.session(), cloud.url, makers=MAKERS)
    return CloudWatch(account, lambda seconds: None)


def step(name: str, region: str = "", group: str = "") -> Step:
    target, region = f"{region}:{name}".strip(":"), region or "eu-west-1"
    arguments = {"function": name, "log_group": group or f"/aws/lambda/{name}"}
    return Step(name, "swap-layer", target, region, "", {}, {}, arguments)


def count(cloud: LambdaCloud, name: str, metric: str, at_ms: int, value: int) -> None:
    """A minute of a metric of Lambda's."""
    row = {
        "MetricName": metric,
        "Dimensions": [{"Name": "FunctionName", "Value": name}],
        "Timestamp": at_ms / 1000,
        "Value": value,
        "Unit": "Count",
    }
    cloud.client("cloudwatch").put_metric_data(Namespace="AWS/Lambda", MetricData=[row])


def lines(cloud: LambdaCloud, name: str, at: Mapping[str, int]) -> None:
    """Lines of a function's log, each with its time."""
    logs, group = cloud.client("logs"), f"/aws/lambda/{name}"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    rows = sorted(at.items(), key=lambda row: row[1])
    events = [{"message": text, "timestamp": when} for text, when in rows]
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)


def test_calls_and_errors_of_the_span_and_nothing_else(
    cloud: LambdaCloud, watch: CloudWatch
) -> None:
    for name in "fg":
        count(cloud, name, "Invocations", START_MS - MINUTE_MS, 1000)
        count(cloud, name, "Invocations", START_MS, 70)
        count(cloud, name, "Invocations", START_MS + 5 * MINUTE_MS, 30)
        count(cloud, name, "Invocations", END_MS, 5000)
    count(cloud, "f", "Errors", START_MS + 5 * MINUTE_MS, 4)
    found = watch.health([step("f"), step("g"), step("never")], START_MS, END_MS, inits=False)
    assert found == {"f": Health(100, 4), "g": Health(100, 0), "never": Health()}


def test_the_minute_of_the_change_itself_does_not_count(
    cloud: LambdaCloud, watch: CloudWatch
) -> None:
    count(cloud, "f", "Invocations", START_MS, 50)
    count(cloud, "f", "Invocations", START_MS + MINUTE_MS, 7)
    found = watch.health([step("f")], START_MS + 20_000, END_MS, inits=False)
    assert found["f"].invocations == 7
    assert watch.health([step("f")], END_MS - 10, END_MS + 10, inits=False)["f"] == Health()


def test_a_day_is_asked_for_in_longer_periods(cloud: LambdaCloud, watch: CloudWatch) -> None:
    for hour in range(1, 24):
        count(cloud, "f", "Invocations", END_MS - hour * 60 * MINUTE_MS, 10)
    day = 24 * 60 * MINUTE_MS
    assert watch.health([step("f")], END_MS - day, END_MS, inits=False)["f"].invocations == 230


def test_cold_starts_are_read_from_report_lines(cloud: LambdaCloud, watch: CloudWatch) -> None:
    lines(
        cloud,
        "f",
        {
            REPORT + "Init Duration: 312.40 ms\t": START_MS + 1000,
            REPORT: START_MS + 2000,
            'say "Init Duration" loudly': START_MS + 3000,
            REPORT + "Init Duration: 9999.00 ms\t": START_MS - 60_000,
        },
    )
    json_line = '{"type":"platform.report","record":{"metrics":{"initDurationMs":250.5}}}'
    lines(cloud, "g", {json_line: START_MS + 1000})
    steps = [step("f"), step("g"), step("no-log-group")]
    found = watch.health(steps, START_MS, END_MS, inits=True)
    assert {name: one.inits_ms for name, one in found.items()} == {
        "f": (312.4,), "g": (250.5,), "no-log-group": (),
    }  # fmt: skip


def test_a_log_group_of_ones_own_is_known(cloud: LambdaCloud, watch: CloudWatch) -> None:
    lines(cloud, "shared", {REPORT + "Init Duration: 100 ms": START_MS + 1000})
    steps = [step(name, group="/aws/lambda/shared") for name in "fg"]
    found = watch.health(steps, START_MS, END_MS, inits=True)
    assert [one.inits_ms for one in found.values()] == [(100.0,), ()]


def test_groups_that_are_not_there_cost_nobody_else_the_answer(
    cloud: LambdaCloud, watch: CloudWatch
) -> None:
    names = [f"f{number:03d}" for number in range(120)]
    for name in names[::40]:
        lines(cloud, name, {REPORT + "Init Duration: 100 ms": START_MS + 1000})
    found = watch.health([step(name) for name in names], START_MS, END_MS, inits=True)
    assert [name for name, one in found.items() if one.inits_ms == (100.0,)] == names[::40]


def test_many_functions_share_a_request(cloud: LambdaCloud, watch: CloudWatch) -> None:
    names = [f"f{number:04d}" for number in range(600)]
    count(cloud, names[-1], "Invocations", START_MS, 3)
    found = watch.health([step(name) for name in names], START_MS, END_MS, inits=False)
    assert found[names[-1]].invocations == 3
    assert watch.cloud.calls["cloudwatch:GetMetricData"] == 3


def test_the_same_name_in_two_regions_is_two_functions(
    cloud: LambdaCloud, watch: CloudWatch
) -> None:
    count(cloud, "f", "Invocations", START_MS, 3)
    found = watch.health([step("f"), step("f", "us-east-1")], START_MS, END_MS, inits=False)
    assert found == {"f": Health(3, 0), "us-east-1:f": Health()}


def test_who_may_not_look_is_told(cloud: LambdaCloud) -> None:
    class Denied(LambdaAccount):
        def call(self, action: str, region: str, members: Mapping[str, object]) -> object:
            raise NotAllowed(f"{action} in {region} is not allowed")

    account = Denied(cloud.session(), cloud.url, makers=MAKERS)
    with pytest.raises(NotAllowed, match="cloudwatch:GetMetricData in eu-west-1"):
        CloudWatch(account, lambda s: None).health([step("f")], START_MS, END_MS, inits=True)
