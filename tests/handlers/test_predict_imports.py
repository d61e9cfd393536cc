"""What predict and archive load before their first request: nothing that they may never need."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.features.conftest import SHIPPED
from tests.inference.handling import LAMBDAS

LOADED = """
import gc, json, sys
import app
from botocore.client import BaseClient
clients = [one for one in gc.get_objects() if isinstance(one, BaseClient)]
made = sorted(one.meta.service_model.service_name for one in clients)
print(json.dumps({"made": made, "modules": sorted(sys.modules)}))
"""


def loaded(function: str, **environment: str) -> tuple[list[str], set[str]]:
    """The clients that a handler makes as it is loaded, and the modules that are there then."""
    found = subprocess.run(
        [sys.executable, "-c", LOADED],
        cwd=LAMBDAS / function,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": ":".join(path for path in sys.path if path),
            "AWS_DEFAULT_REGION": "us-east-1",
            "POWERTOOLS_METRICS_NAMESPACE": "Millrace",
            "MILLRACE_FEATURES": str(SHIPPED),
            "FEATURES_TABLE": "table",
            "ARCHIVE_BUCKET": "archive",
            "QUARANTINE_BUCKET": "quarantine",
            **environment,
        },
        check=True,
        capture_output=True,
        text=True,
    )
    answer = json.loads(found.stdout)
    return answer["made"], set(answer["modules"])


@pytest.mark.parametrize(
    ("environment", "clients"),
    [
        ({}, ["dynamodb"]),
        ({"ENDPOINT_NAME": "m"}, ["dynamodb", "sagemaker-runtime"]),
        (
            {"ENDPOINT_NAME": "m", "INFERENCE_STREAM": "s"},
            ["dynamodb", "kinesis", "sagemaker-runtime"],
        ),
        (
            {"FEATURE_STORE": "sagemaker", "FEATURE_GROUP": "g"},
            ["sagemaker-featurestore-runtime"],
        ),
        ({"DAX_ENDPOINT": "dax://cluster.example"}, ["dynamodb"]),
    ],
)
def test_predict_makes_the_clients_that_every_prediction_needs(
    environment: dict[str, str], clients: list[str]
) -> None:
    made, modules = loaded("predict", **environment)
    assert made == clients
    assert not modules & {"numpy", "google.protobuf", "aws_kinesis_agg"}
    # Which takes longer to import than a request has.
    assert ("amazondax" in modules) == ("DAX_ENDPOINT" in environment)
    assert "millrace.inference.openapi" not in modules


def test_archive_makes_no_client_and_decodes_no_aggregate_before_its_first_batch() -> None:
    made, modules = loaded("archive")
    assert made == []
    assert not modules & {"numpy", "google.protobuf", "aws_kinesis_agg"}
