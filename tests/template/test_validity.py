"""template.yaml and samconfig.toml, as sam and cfn-lint see them."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from localcloud.stack import Place, plan
from localcloud.stack.template import load_template
from tests.template.commands import run
from tests.template.reading import ROOT, TEMPLATE, translated


def test_sam_finds_the_template_valid() -> None:
    result = run("sam", "validate", "--lint")
    assert result.returncode == 0, result.stdout + result.stderr


def test_cfn_lint_finds_nothing() -> None:
    result = run("cfn-lint", "--non-zero-exit-code", "informational", "template.yaml")
    assert result.returncode == 0, result.stdout


def samconfig() -> dict[str, Any]:
    return tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))


def test_sam_deploy_needs_no_options() -> None:
    default = samconfig()["default"]
    assert default["global"]["parameters"]["stack_name"]
    assert default["deploy"]["parameters"]["resolve_s3"] is True
    capabilities = default["deploy"]["parameters"]["capabilities"].split()
    # Roles without names of their own; two transforms.
    assert capabilities == ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    assert "parameter_overrides" not in json.dumps(default)


@pytest.mark.parametrize(
    ("environment", "architecture"), [("local", "x86_64"), ("local-arm64", "arm64")]
)
def test_local_environments_name_the_host_s_architecture(
    environment: str, architecture: str
) -> None:
    given = samconfig()[environment]["global"]["parameters"]["parameter_overrides"]
    assert given == ["Runtime=python3.13", f"Architecture={architecture}"]


@pytest.mark.parametrize("environment", ["default", "local", "local-arm64", "production"])
def test_every_environment_sets_parameters_that_go_together(environment: str) -> None:
    assert environment in samconfig()
    given = samconfig()[environment]["global"]["parameters"].get("parameter_overrides", [])
    place = Place("demo", ROOT, lambda logical_id: "http://api.test")
    steps = plan(TEMPLATE, place, dict(item.split("=", 1) for item in given))
    assert len(steps) > 20


def test_production_is_watched_and_asks_before_it_changes_anything() -> None:
    production = samconfig()["production"]
    given = production["global"]["parameters"]["parameter_overrides"]
    assert {"Alarms=on", "Dashboard=on", "CustomerKey=on"} <= set(given)
    assert production["deploy"]["parameters"]["confirm_changeset"] is True
    capabilities = production["deploy"]["parameters"]["capabilities"]
    assert capabilities == samconfig()["default"]["deploy"]["parameters"]["capabilities"]


def test_deploying_to_an_unknown_environment_names_those_that_there_are() -> None:
    result = run("scripts/deploy", "nowhere")
    assert result.returncode == 2
    assert "has no environment 'nowhere'; it has default production local" in result.stderr


def test_deploying_is_building_and_deploying_by_sam(tmp_path: Path) -> None:
    """In a copy of the script beside a sam that only tells how it was called."""
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    shutil.copy(ROOT / "scripts/deploy", scripts)
    shutil.copy(ROOT / "samconfig.toml", tmp_path)
    for name, text in (("scripts/setup", "exit 0"), (".venv/bin/sam", 'echo "sam $*"')):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        path.chmod(0o755)
    for arguments, environment, options in (
        ((), "default", ""),
        (("production", "--no-execute-changeset"), "production", " --no-execute-changeset"),
        (("--guided",), "default", " --guided"),
    ):
        result = run(str(scripts / "deploy"), *arguments)
        assert result.stdout.splitlines() == [
            f"sam build --config-env {environment}",
            f"sam deploy --config-env {environment}{options}",
        ]


def test_the_template_is_within_cloudformation_s_limits() -> None:
    """Above 51,200 bytes a template has to be in S3, where `sam deploy` puts every one."""
    assert TEMPLATE.stat().st_size < 1_000_000
    template = load_template(TEMPLATE)
    assert len(template["Parameters"]) <= 200
    assert len(template["Outputs"]) <= 200
    assert len(translated()["Resources"]) <= 500
