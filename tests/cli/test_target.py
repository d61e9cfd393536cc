"""Where commands work: options before the environment, and every missing thing named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from millrace.errors import ConfigurationError

from cli.target import FEATURES_FILE, VARIABLES, Places, StackDescription, Target, find
from tests.cli.fakes import OUTPUTS, Commands

LOCAL = {
    "endpoint_url": "http://127.0.0.1:4566",
    "region": "us-east-1",
    "stream": "s",
    "features_table": "t",
    "ledger_table": "l",
    "quarantine_bucket": "q",
    "features_toml": "/there/features.toml",
}


def target(
    stack: str | None = None,
    local: str | None = None,
    environment: dict[str, str] | None = None,
    **described: Any,
) -> Target:
    names: list[str] = []

    def describe(name: str) -> StackDescription:
        names.append(name)
        return StackDescription(
            {**OUTPUTS, **described.get("outputs", {})}, described.get("parameters", {})
        )

    found = find(stack, local, environment or {}, describe)
    assert names in ([], [found.where.removeprefix("stack ")])
    return found


def local_file(folder: Path, **more: Any) -> str:
    path = folder / "cloud.json"
    path.write_text(json.dumps({**LOCAL, **more}))
    return str(path)


def test_the_stack_millrace_is_the_default() -> None:
    found = target()
    assert (found.where, found.local) == ("stack millrace", False)
    assert found.places == Places("events", "features", "ledger", "quarantine")
    assert (found.archive_bucket, found.feature_group) == (None, None)
    assert found.features_toml == Path(FEATURES_FILE)
    assert (found.retention_hours, found.parallelization_factor) == (72, 1)


def test_a_stack_is_taken_as_it_is_deployed() -> None:
    found = target(
        "mine",
        environment={"MILLRACE_STACK": "other", "MILLRACE_FEATURES": "f.toml"},
        outputs={"ArchiveBucketName": "a", "FeatureGroupName": "g"},
        parameters={"RetentionHours": "24", "ParallelizationFactor": "4", "FeatureStore": "both"},
    )
    assert (found.where, found.features_toml) == ("stack mine", Path("f.toml"))
    assert (found.archive_bucket, found.feature_group) == ("a", "g")
    assert (found.retention_hours, found.parallelization_factor) == (24, 4)
    assert found.feature_store == "both"


def test_the_environment_chooses_where_no_option_does(tmp_path: Path) -> None:
    assert target(environment={"MILLRACE_STACK": "other"}).where == "stack other"
    path = local_file(tmp_path)
    assert target(environment={"MILLRACE_LOCAL": path}).where == f"the local cloud of {path}"
    assert target("mine", environment={"MILLRACE_LOCAL": path}).where == "stack mine"


def test_single_places_are_overridden_and_all_of_them_ask_nobody() -> None:
    assert target(environment={"MILLRACE_STREAM": "x"}).places.stream == "x"
    everything = {variable: variable.lower() for variable, _ in VARIABLES.values()}

    def describe(name: str) -> StackDescription:
        raise AssertionError(name)

    found = find(None, None, everything, describe)
    assert found.places == Places(*everything.values())
    assert found.where == "the places that the environment names"


def test_a_local_cloud_is_what_its_file_says(tmp_path: Path) -> None:
    path = local_file(tmp_path, archive_bucket="a", parameters={"ParallelizationFactor": "2"})
    found = target(local=path, environment={"MILLRACE_STREAM": "x"})
    assert found.places == Places("x", "t", "l", "q")
    assert (found.local, found.endpoint_url) == (True, "http://127.0.0.1:4566")
    assert (found.archive_bucket, found.parallelization_factor) == ("a", 2)
    assert found.features_toml == Path("/there/features.toml")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "No local cloud"),
        ("rubbish", "cannot be read"),
        ("[]", "holds no JSON object"),
        (json.dumps({**LOCAL, "stream": 5}), "stream must be a text but is 5"),
        (json.dumps({**LOCAL, "region": ""}), "region must be a text but is ''"),
    ],
)
def test_a_wrong_local_file_is_named(tmp_path: Path, content: str | None, problem: str) -> None:
    path = tmp_path / "cloud.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigurationError, match=problem) as caught:
        target(local=str(path))
    assert str(path) in str(caught.value)
    assert "scripts/demo --keep" in str(caught.value)


def test_two_places_at_once_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Both --stack mine and --local=x are given"):
        target("mine", "x")
    both = {"MILLRACE_STACK": "mine", "MILLRACE_LOCAL": "x"}
    with pytest.raises(ConfigurationError, match="unset one"):
        target(environment=both)


def test_a_stack_of_another_template_is_told_by_its_outputs(millrace: Commands) -> None:
    millrace.outputs = {"BucketName": "b"}
    done = millrace("quarantine", "list", "--stack", "other")
    assert (done.status, done.out) == (2, "")
    assert "Stack other has no output StreamName; it has: BucketName." in done.err


def test_commands_go_where_the_options_say(millrace: Commands, tmp_path: Path) -> None:
    path = local_file(tmp_path)
    millrace("quarantine", "list", f"--local={path}")
    millrace.environment["MILLRACE_LOCAL"] = path
    millrace("quarantine", "list")
    millrace("quarantine", "list", "--stack", "mine")
    wheres = [each.where for each in millrace.targets]
    assert wheres == [f"the local cloud of {path}"] * 2 + ["stack mine"]


def test_local_stands_alone_before_a_key(millrace: Commands) -> None:
    for words in (["get", "--local", "u1"], ["get", "u1", "--local"]):
        done = millrace("features", *words)
        assert (done.status, "No local cloud: .local/cloud.json" in done.err) == (2, True)
    done = millrace("features", "get", "--", "--local")
    assert "No features of user '--local'" in done.err
