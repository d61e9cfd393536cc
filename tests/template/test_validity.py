"""template.yaml and samconfig.toml, as sam and cfn-lint see them."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest

from tests.template.commands import run
from tests.template.reading import ROOT


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
