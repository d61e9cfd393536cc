"""An environment becomes an enricher; what is wrong with it is named with its variable."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from millrace.errors import ConfigurationError, DefinitionsError
from millrace.features.definitions import load
from millrace.features.definitions_parser import parse
from millrace.features.environment import definitions_of, number, one_of, required
from millrace.features.service import enricher, ttl_s

from tests.features.conftest import SHIPPED

WHOLE = {
    "MILLRACE_FEATURES": str(SHIPPED),
    "FEATURES_TABLE": "table",
    "QUARANTINE_BUCKET": "bucket",
}
DAY_S = 86_400


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"FEATURES_TABLE": ""}, "FEATURES_TABLE is not set"),
        ({"QUARANTINE_BUCKET": ""}, "QUARANTINE_BUCKET is not set"),
        ({"STREAM_RETENTION_HOURS": "23"}, "STREAM_RETENTION_HOURS .* from 24 to 8760, not '23'"),
        ({"STREAM_RETENTION_HOURS": "soon"}, "STREAM_RETENTION_HOURS .* not 'soon'"),
        ({"PARALLELIZATION_FACTOR": "0"}, "PARALLELIZATION_FACTOR .* from 1 to 10"),
        ({"PARALLELIZATION_FACTOR": "11"}, "PARALLELIZATION_FACTOR .* from 1 to 10"),
        ({"PARALLELIZATION_FACTOR": "٣"}, "PARALLELIZATION_FACTOR"),
        ({"GIVE_UP_AFTER_S": "-1"}, "GIVE_UP_AFTER_S must be a number from 0 to 604800"),
        ({"GIVE_UP_AFTER_S": "1.5"}, "GIVE_UP_AFTER_S"),
        ({"FEATURE_STORE": "redis"}, "FEATURE_STORE must be one of dynamodb, sagemaker, both"),
        ({"FEATURE_STORE": "sagemaker"}, "FEATURE_GROUP is not set"),
        ({"FEATURE_STORE": "both", "FEATURE_GROUP": ""}, "FEATURE_GROUP is not set"),
        ({"MILLRACE_FEATURES": "/nowhere/f.toml"}, "Cannot read /nowhere/f.toml"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, str], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        enricher({**WHOLE, **changes})


def test_a_broken_features_toml_is_named(tmp_path: Path) -> None:
    path = tmp_path / "features.toml"
    path.write_text("version = 2\n")
    with pytest.raises(DefinitionsError, match=r"features\.toml, line 1: version: must be 1"):
        enricher({**WHOLE, "MILLRACE_FEATURES": str(path)})


def test_features_stand_beside_the_handler_unless_they_are_named(tmp_path: Path) -> None:
    (tmp_path / "features.toml").write_text(SHIPPED.read_text())
    found = definitions_of({"LAMBDA_TASK_ROOT": str(tmp_path)})
    assert found.source == str(tmp_path / "features.toml")
    named = definitions_of({"LAMBDA_TASK_ROOT": "/nowhere", "MILLRACE_FEATURES": str(SHIPPED)})
    assert named.entities == found.entities


MAKE = """
import json, os
from millrace.features.service import enricher
made = enricher(os.environ)
store, reader = made._store, made._reader
print(json.dumps({
    "table": store._table,
    "plain": store._plain,
    "ttl_s": store._ttl_s,
    "lanes": reader._lanes,
    "give_up_after_ms": made._give_up_after_ms,
    "quarantine": made._quarantine.bucket,
    "archive": made._archive and made._archive._objects.bucket,
    "groups": [sink._group for sink in made._sinks],
}))
"""


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


def test_a_whole_environment_is_an_enricher() -> None:
    assert made() == {
        "table": "table",
        "plain": True,
        "ttl_s": 30 * DAY_S,
        "lanes": 1,
        "give_up_after_ms": None,
        "quarantine": "bucket",
        "archive": None,
        "groups": [],
    }
    assert made(
        FEATURE_STORE="sagemaker",
        FEATURE_GROUP="group",
        ARCHIVE_BUCKET="archive",
        GIVE_UP_AFTER_S="60",
        PARALLELIZATION_FACTOR="10",
        STREAM_RETENTION_HOURS="8760",
    ) == {
        "table": "table",
        "plain": False,
        "ttl_s": 365 * DAY_S + DAY_S + DAY_S,
        "lanes": 10,
        "give_up_after_ms": 60_000,
        "quarantine": "bucket",
        "archive": "archive",
        "groups": ["group"],
    }


# Trap 9: what expires must not come again.


@given(st.integers(24, 8760), st.integers(1, 90))
def test_an_item_outlives_retention_and_longest_window_together(hours: int, days: int) -> None:
    text = f'version = 1\n[entity.user]\nkey = "u"\nwindows = ["{days}d"]\n'
    kept_s = ttl_s(parse(text), hours * 3600)
    assert kept_s >= hours * 3600 + days * DAY_S + DAY_S
    assert kept_s >= 30 * DAY_S


def test_the_longest_window_of_any_entity_counts() -> None:
    text = 'version = 1\n[entity.a]\nkey = "a"\n[entity.b]\nkey = "b"\nwindows = ["90d"]\n'
    assert ttl_s(parse(text), DAY_S) == 92 * DAY_S
    assert ttl_s(load(SHIPPED), DAY_S) == 30 * DAY_S


# The variables themselves.


def test_variables_that_are_not_set_have_their_defaults() -> None:
    assert number({}, "N", 3, 9) == number({"N": ""}, "N", 3, 9) == 3
    assert number({"N": "9"}, "N", 3, 9) == 9
    assert one_of({}, "W", ("a", "b")) == one_of({"W": ""}, "W", ("a", "b")) == "a"
    assert one_of({"W": "b"}, "W", ("a", "b")) == "b"
    assert required({"R": "x"}, "R") == "x"
    with pytest.raises(ConfigurationError, match="R is not set"):
        required({}, "R")


@given(st.text(max_size=9) | st.integers(-2, 12).map(str))
def test_whatever_a_number_is_it_is_one_or_named(text: str) -> None:
    if text in {"", *map(str, range(1, 11))}:
        assert number({"N": text}, "N", 1, 10) == int(text or 1)
    elif not text.lstrip("0").isdigit():
        with pytest.raises(ConfigurationError, match="N must be a number from 1 to 10"):
            number({"N": text}, "N", 1, 10)
