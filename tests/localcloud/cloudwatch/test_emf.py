"""Metrics in log lines, as Powertools writes them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from hypothesis import given
from hypothesis import strategies as st

from localcloud.cloudwatch.emf import read_line
from localcloud.cloudwatch.metrics import Metric


def test_what_powertools_writes_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = EphemeralMetrics(namespace="Millrace", service="enrich")
    metrics.add_metric("Late", MetricUnit.Count, 2)
    metrics.add_metric("FeatureLag", MetricUnit.Milliseconds, 10)
    metrics.add_metric("FeatureLag", MetricUnit.Milliseconds, 30.5)
    metrics.flush_metrics()
    samples = {sample.metric: sample for sample in read_line(capsys.readouterr().out.strip())}
    late = Metric.of("Millrace", "Late", service="enrich")
    lag = Metric.of("Millrace", "FeatureLag", service="enrich")
    assert set(samples) == {late, lag}
    assert (samples[late].values, samples[late].unit) == ((2.0,), "Count")
    assert (samples[lag].values, samples[lag].unit) == ((10.0, 30.5), "Milliseconds")


def line(**changes: Any) -> str:
    directive = {
        "Namespace": "N",
        "Dimensions": [["a"], ["a", "b"], []],
        "Metrics": [{"Name": "m", "Unit": "Count"}, {"Name": "n"}],
    }
    content = {"_aws": {"CloudWatchMetrics": [directive | changes]}, "a": "1", "b": 2, "m": 3}
    return json.dumps(content | {"n": [4, 5]})


def test_each_set_of_dimensions_is_a_metric_of_its_own() -> None:
    samples = read_line(line())
    assert {(s.metric.name, s.metric.dimensions, s.values, s.unit) for s in samples} == {
        ("m", frozenset({("a", "1")}), (3.0,), "Count"),
        ("m", frozenset({("a", "1"), ("b", "2")}), (3.0,), "Count"),
        ("m", frozenset(), (3.0,), "Count"),
        ("n", frozenset({("a", "1")}), (4.0, 5.0), "None"),
        ("n", frozenset({("a", "1"), ("b", "2")}), (4.0, 5.0), "None"),
        ("n", frozenset(), (4.0, 5.0), "None"),
    }
    assert {s.metric.dimensions for s in read_line(line(Dimensions=[]))} == {frozenset()}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "START RequestId",
        '{"level": "INFO", "message": "x"}',
        '{"CloudWatchMetrics" broken',
        '{"_aws": "CloudWatchMetrics"}',
        '["CloudWatchMetrics"]',
        line(Dimensions=[["missing"]]),
        line(Metrics=[{"Name": "missing"}]),
        line(Metrics=[{"Name": "a"}, {}]),
        line(Namespace=[]).replace('"m": 3', '"m": "text"'),
    ],
)
def test_other_lines_hold_no_metrics(text: str) -> None:
    assert read_line(text) == []


@given(st.text())
def test_no_line_is_an_error(text: str) -> None:
    read_line(text)
    read_line('{"CloudWatchMetrics"' + text)
