"""Alarms, dashboard and saved queries: of what there is, and telling somebody."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from tests.template.reading import EVERYTHING, EXISTING, of_type, present
from tests.template.watched import Watched, alarms, dashboard, watched

# What AWS publishes, with the dimensions by which it does.
PUBLISHED: Mapping[str, Mapping[tuple[str, ...], set[str]]] = {
    "AWS/ApiGateway": {
        ("ApiId",): {"4xx", "5xx", "Count", "IntegrationLatency", "Latency"},
    },
    "AWS/DAX": {
        ("ClusterId",): {
            "CPUUtilization",
            "ErrorRequestCount",
            "FaultRequestCount",
            "ItemCacheHits",
            "ItemCacheMisses",
            "ThrottledRequestCount",
        },
    },
    "AWS/DynamoDB": {
        ("TableName",): {
            "ConsumedReadCapacityUnits",
            "ConsumedWriteCapacityUnits",
            "ReadThrottleEvents",
            "WriteThrottleEvents",
        },
        ("TableName", "Operation"): {"SuccessfulRequestLatency", "SystemErrors"},
    },
    "AWS/Kinesis": {
        ("StreamName",): {
            "IncomingRecords",
            "ReadProvisionedThroughputExceeded",
            "WriteProvisionedThroughputExceeded",
        },
    },
    "AWS/Lambda": {
        ("EventSourceMappingUUID",): {
            "DroppedEventCount",
            "OnFailureDestinationDeliveredEventCount",
        },
        ("FunctionName",): {
            "ConcurrentExecutions",
            "DestinationDeliveryFailures",
            "Duration",
            "Errors",
            "Invocations",
            "IteratorAge",
            "Throttles",
        },
    },
    "AWS/SageMaker": {
        ("EndpointName", "VariantName"): {
            "Invocation4XXErrors",
            "Invocation5XXErrors",
            "Invocations",
            "InvocationsPerInstance",
            "ModelLatency",
            "OverheadLatency",
        },
    },
}
# What the dimensions must name: resources of this stack.
NAMED = {
    "ApiId": {"{HttpApi}"},
    "ClusterId": {"{DaxCluster}"},
    "EndpointName": {"{Endpoint.EndpointName}", "shop"},
    "EventSourceMappingUUID": {"{EnrichFunctionStream}", "{ArchiveFunctionStream}"},
    "FunctionName": {
        "{ArchiveFunction}",
        "{EnrichFunction}",
        "{IngestFunction}",
        "{PredictFunction}",
        "{PruneLayersFunction}",
    },
    "LayerArn": {"{CoreLayer}", "{DepsLayer}"},
    "Operation": {"BatchGetItem", "GetItem", "PutItem"},
    "StreamName": {"{EventStream}"},
    "TableName": {"{FeaturesTable}"},
    "VariantName": {"AllTraffic"},
    "service": {"s-archive", "s-enrich", "s-ingest", "s-predict"},
}
ALL = sorted(set(watched(EVERYTHING)) | set(watched(EXISTING)))


@pytest.mark.parametrize("metric", ALL, ids=lambda one: f"{one.where}: {one.name}")
def test_what_is_watched_is_published(metric: Watched) -> None:
    """What the functions themselves publish is seen in tests/e2e/test_metrics.py."""
    names = tuple(name for name, _ in metric.dimensions)
    if metric.namespace == "Millrace":
        of_layer = metric.name in ("LayerColdStartDuration", "LayerSize")
        assert names == (("LayerArn", "FunctionName") if of_layer else ("service",))
    else:
        assert metric.name in PUBLISHED[metric.namespace][names]
    for name, value in metric.dimensions:
        # The translator adds a layer's hash to its name.
        assert re.sub(r"(?<=Layer)[0-9a-f]{10}(?=}$)", "", value) in NAMED[name]


@pytest.mark.parametrize("overrides", [EVERYTHING, EXISTING], ids=["everything", "existing"])
def test_every_alarm_tells_the_topic_when_it_rings_and_when_it_stops(
    overrides: dict[str, str],
) -> None:
    found = alarms(overrides)
    assert found
    for name, alarm in found.items():
        assert alarm["AlarmActions"] == alarm["OKActions"] == ["{AlarmTopic}"], name
        assert alarm["TreatMissingData"] == "notBreaching", name
        assert alarm["AlarmDescription"].endswith("."), name
        assert alarm["ComparisonOperator"] == "GreaterThanThreshold", name
        assert alarm.get("DatapointsToAlarm", 1) <= alarm["EvaluationPeriods"], name
        assert ("Metrics" in alarm) != ("Period" in alarm), name


def test_no_metric_looks_further_back_than_a_day() -> None:
    """CloudWatch refuses an alarm whose periods are longer than that together."""
    for name, alarm in alarms(EVERYTHING).items():
        stats = [item["MetricStat"] for item in alarm.get("Metrics", []) if "MetricStat" in item]
        for period in {stat["Period"] for stat in stats} or {alarm["Period"]}:
            assert period * alarm["EvaluationPeriods"] <= 86_400, name


def test_a_figure_of_several_metrics_names_them_all() -> None:
    for name, alarm in alarms(EVERYTHING).items():
        if "Metrics" not in alarm:
            continue
        (figure,) = [item for item in alarm["Metrics"] if "Expression" in item]
        others = {item["Id"] for item in alarm["Metrics"] if item is not figure}
        functions = {"FILL", "IF"}
        assert set(re.findall(r"[A-Za-z]\w*", figure["Expression"])) - functions == others, name
        # One of all returns the value that is compared.
        assert [item.get("ReturnData", True) for item in alarm["Metrics"]].count(True) == 1


def test_thresholds_follow_their_parameters() -> None:
    changed = {
        "AlarmAgeSeconds": ("EnrichAgeAlarm", "17"),
        "AlarmLatePercent": ("LateAlarm", "18"),
        "AlarmModelMs": ("EndpointLatencyAlarm", "19"),
        "AlarmColdStartMs": ("PredictColdStartAlarm", "20"),
    }
    overrides = {**EVERYTHING, **{name: value for name, (_, value) in changed.items()}}
    for alarm, value in changed.values():
        assert alarms(overrides)[alarm]["Threshold"] == value


def test_nobody_is_told_unless_asked_for() -> None:
    assert not alarms({})
    assert "AlarmTopic" not in present({})
    assert "AlarmEmailSubscription" not in present({"Alarms": "on"})
    subscription = present(EVERYTHING)["AlarmEmailSubscription"]["Properties"]
    assert subscription == {
        "TopicArn": "{AlarmTopic}",
        "Protocol": "email",
        "Endpoint": "ops@shop.example",
    }


# ---- the dashboard ------------------------------------------------------------------------------

OPTIONAL = ("Dax", "EndpointMode", "InferenceLog", "Ingest", "Alarms")


@pytest.mark.parametrize("index", range(2 ** len(OPTIONAL)))
def test_the_dashboard_is_json_with_whatever_is_on(index: int) -> None:
    """And each section fills its rows, so that the next one begins at the left."""
    chosen = [name for bit, name in enumerate(OPTIONAL) if index & 1 << bit]
    off = {"EndpointMode": "none", "DataCapturePercent": "0", "DeploymentType": "AllAtOnce"}
    overrides = {**EVERYTHING, **{name: off.get(name, "off") for name in OPTIONAL}}
    overrides |= {"DeploymentType": "AllAtOnce", "DataCapturePercent": "0"}
    overrides |= {name: EVERYTHING[name] for name in chosen}
    row = 0
    for widget in dashboard(overrides):
        if widget["type"] == "text":
            assert row % 24 == 0, widget
        row += widget["width"]
        assert {"x", "y"}.isdisjoint(widget)
    sections = [w["properties"]["markdown"] for w in dashboard(overrides) if w["type"] == "text"]
    assert ("## DAX" in sections) == ("Dax" in chosen)
    assert ("## Inferences and feedback" in sections) == ("InferenceLog" in chosen)
    assert ("## Events over HTTP" in sections) == ("Ingest" in chosen)


@pytest.mark.parametrize("overrides", [EVERYTHING, EXISTING], ids=["everything", "existing"])
def test_the_dashboard_shows_every_alarm(overrides: dict[str, str]) -> None:
    shown = [
        arn
        for widget in dashboard(overrides)
        if widget["type"] == "alarm"
        for arn in widget["properties"]["alarms"]
    ]
    assert sorted(shown) == sorted(f"{{{name}.Arn}}" for name in alarms(overrides))


def test_every_widget_says_what_it_shows_and_in_which_region() -> None:
    titles = []
    for widget in dashboard(EVERYTHING):
        if widget["type"] in ("metric", "log"):
            assert widget["properties"]["region"] == "r"
            titles.append(widget["properties"]["title"])
    assert len(titles) == len(set(titles)) > 15


# ---- queries ------------------------------------------------------------------------------------


def test_queries_are_saved_in_the_stack_s_folder_and_read_its_logs() -> None:
    groups = {f"{{{name}}}" for name in of_type("AWS::Logs::LogGroup")}
    names = []
    for overrides in ({}, EVERYTHING):
        queries = [
            body["Properties"]
            for body in present(overrides).values()
            if body["Type"] == "AWS::Logs::QueryDefinition"
        ]
        for query in queries:
            assert query["Name"].startswith("s/")
            assert query["LogGroupNames"]
            assert set(query["LogGroupNames"]) <= groups & {f"{{{n}}}" for n in present(overrides)}
        names.append([query["Name"] for query in queries])
    assert names[0] == names[1]
    assert len(set(names[0])) == len(names[0]) >= 7
