"""An environment becomes the API, or the archiver; what is wrong is named with its variable."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from millrace.errors import ConfigurationError
from millrace.inference.archiving import archiver
from millrace.inference.service import api

from tests.features.conftest import SHIPPED

WHOLE = {"MILLRACE_FEATURES": str(SHIPPED), "FEATURES_TABLE": "table"}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"FEATURES_TABLE": ""}, "FEATURES_TABLE is not set"),
        ({"FEATURE_STORE": "redis"}, "FEATURE_STORE must be one of dynamodb, sagemaker, both"),
        ({"FEATURE_STORE": "sagemaker"}, "FEATURE_GROUP is not set"),
        ({"CONSISTENT_READ": "yes"}, "CONSISTENT_READ must be one of on, off, not 'yes'"),
        ({"UNKNOWN_USER": "guess"}, "UNKNOWN_USER must be one of answer, refuse, not 'guess'"),
        ({"PREDICT_DEADLINE_MS": "0"}, "PREDICT_DEADLINE_MS must be a number from 100 to 29000"),
        ({"PREDICT_DEADLINE_MS": "2.5"}, "PREDICT_DEADLINE_MS .* not '2.5'"),
        ({"PREDICT_DEADLINE_MS": "30000"}, "PREDICT_DEADLINE_MS .* not '30000'"),
        ({"MILLRACE_FEATURES": "/nowhere/f.toml"}, "Cannot read /nowhere/f.toml"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, str], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        api({**WHOLE, **changes})


@pytest.mark.parametrize("missing", ["ARCHIVE_BUCKET", "QUARANTINE_BUCKET"])
def test_an_archiver_without_a_bucket_is_none(missing: str) -> None:
    environment = {"ARCHIVE_BUCKET": "a", "QUARANTINE_BUCKET": "q"}
    made = archiver(environment)
    assert made._quarantine.bucket == "q"  # type: ignore[attr-defined]
    with pytest.raises(ConfigurationError, match=f"{missing} is not set"):
        archiver({**environment, missing: ""})


MAKE = """
import json, os
from millrace import aws
from millrace.inference.service import api
made = api(os.environ)
profiles, model, stream = made._profiles, made._model, made._stream
table = getattr(profiles, "_table", None)
config = aws.client.cache_info().currsize
print(json.dumps({
    "profiles": type(profiles).__name__,
    "consistent": getattr(profiles, "_consistent", None),
    "group": getattr(profiles, "_group", None),
    "behind": getattr(table, "_table", None),
    "model": [type(model).__name__, model.name],
    "stream": stream and stream._name,
    "deadline_s": made._deadline_s,
    "record_s": made._record_s,
    "refuse": made._refuse_unknown,
    "clients": config,
    "timeouts": [
        one.meta.config.read_timeout
        for one in (getattr(model, "_runtime", None), stream and stream._quick) if one
    ],
}))
"""

PLAIN: dict[str, object] = {
    "profiles": "DynamoDBProfiles",
    "consistent": True,
    "group": None,
    "behind": None,
    "model": ["NoEndpoint", ""],
    "stream": None,
    "deadline_s": 2.5,
    "record_s": 0.0,
    "refuse": False,
    "clients": 1,
    "timeouts": [],
}


def made(**changes: str) -> dict[str, object]:
    """What a process of its own makes of an environment."""
    found = subprocess.run(
        [sys.executable, "-c", MAKE],
        env={
            **WHOLE,
            "PATH": os.environ["PATH"],
            "PYTHONPATH": ":".join(sys.path),
            "AWS_DEFAULT_REGION": "us-east-1",
            **changes,
        },
        check=True,
        capture_output=True,
        text=True,
    )
    answer: dict[str, object] = json.loads(found.stdout)
    return answer


def test_the_least_environment_reads_features_and_predicts_nothing() -> None:
    assert made() == PLAIN
    empty = dict.fromkeys(
        ("ENDPOINT_NAME", "INFERENCE_STREAM", "DAX_ENDPOINT", "PREDICT_DEADLINE_MS"), ""
    )
    assert made(**empty, FEATURE_STORE="both") == PLAIN


def test_a_whole_environment_is_all_of_it() -> None:
    assert made(
        ENDPOINT_NAME="shop-model",
        INFERENCE_STREAM="inferences",
        PREDICT_DEADLINE_MS="500",
        UNKNOWN_USER="refuse",
        CONSISTENT_READ="off",
    ) == {
        **PLAIN,
        "consistent": False,
        "model": ["Endpoint", "shop-model"],
        "stream": "inferences",
        "deadline_s": 0.5,
        "record_s": 0.1,
        "refuse": True,
        "clients": 3,
        "timeouts": [0.5, 0.2],
    }


def test_the_feature_store_is_read_where_it_alone_is_written() -> None:
    found = made(FEATURE_STORE="sagemaker", FEATURE_GROUP="group")
    assert (found["profiles"], found["group"]) == ("FeatureStoreProfiles", "group")


def test_dax_stands_before_the_table() -> None:
    found = made(DAX_ENDPOINT="dax://cluster.example:8111")
    assert (found["profiles"], found["behind"]) == ("DaxProfiles", "table")
    assert found["clients"] == 1, "its own client is made at the first read"
