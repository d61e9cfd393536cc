"""The Terraform configuration: formatted, valid, and tried, without a registry or an account.

`terraform` gets a provider of ours that knows the arguments and blocks of the resources in use
(terraform/schema.py); the runs of pipeline.tftest.hcl mock what a cloud would answer. Where
Terraform is not installed the configuration is read by python-hcl2 and held against that schema.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hcl2
import pytest
import yaml

from tests.oci.stores import ROOT
from tests.oci.terraform.schema import RESOURCES

FOLDER = ROOT / "oci-fn/terraform"
TERRAFORM = shutil.which("terraform")
_META = {"count", "for_each", "lifecycle", "depends_on"}
WANTED = {
    "streaming_stream_pool", "streaming_stream", "functions_application", "functions_function",
    "sch_service_connector", "ons_notification_topic", "ons_subscription",
    "database_autonomous_database", "vault_secret", "identity_dynamic_group", "identity_policy",
    "logging_log_group", "logging_log", "monitoring_alarm", "core_subnet",
    "artifacts_container_repository", "apigateway_gateway", "apigateway_deployment",
}  # fmt: skip


def plain(value: Any) -> Any:
    """A name without the quotes that the parser leaves around it."""
    return value.strip('"') if isinstance(value, str) else value


def resources() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Type, name and body of every resource."""
    for path in sorted(FOLDER.glob("*.tf")):
        with path.open(encoding="utf-8") as file:
            document: dict[str, Any] = hcl2.load(file)  # type: ignore[attr-defined]
        for entry in document.get("resource", []):
            for kind, named in entry.items():
                if kind.startswith("__"):
                    continue
                for name, body in named.items():
                    if not name.startswith("__"):
                        yield plain(kind).removeprefix("oci_"), plain(name), body


ALL = list(resources())


def test_everything_that_the_pipeline_needs_is_there() -> None:
    assert {kind for kind, _, _ in ALL} >= WANTED


@pytest.mark.parametrize(("kind", "name", "body"), ALL, ids=[f"{k}.{n}" for k, n, _ in ALL])
def test_a_resource_has_what_its_type_takes_and_needs(
    kind: str, name: str, body: dict[str, Any]
) -> None:
    checked(RESOURCES[kind], body)


def checked(known: dict[str, Any], body: dict[str, Any]) -> None:
    given = {plain(key): value for key, value in body.items() if not plain(key).startswith("__")}
    assert set(given) - _META <= set(known)
    needed = {key for key, kind in known.items() if isinstance(kind, str) and kind[0] == "!"}
    assert needed <= set(given)
    for key, value in given.items():
        if isinstance(known.get(key), dict):
            for block in value:
                checked(known[key], block)


def test_no_name_is_fixed() -> None:
    for kind, name, body in ALL:
        for key in ("name", "display_name", "secret_name", "db_name", "dns_label"):
            if key in body:
                assert "var." in str(body[key]) or "local." in str(body[key]), (
                    f"{kind}.{name}.{key}"
                )


def test_no_secret_stands_in_an_output() -> None:
    text = (FOLDER / "outputs.tf").read_text(encoding="utf-8")
    assert "password" not in text


def test_application_and_function_have_the_names_that_fn_deploys_to() -> None:
    text = (FOLDER / "variables.tf").read_text(encoding="utf-8")
    for part, path in (("application", "app.yaml"), ("function", "extract-features/func.yaml")):
        name = yaml.safe_load((ROOT / "oci-fn" / path).read_text(encoding="utf-8"))["name"]
        assert re.search(rf'{part}\s+= optional\(string, "{name}"\)', text)


if TERRAFORM is not None:

    @pytest.fixture(scope="module")
    def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
        """The configuration where Terraform may leave its files, and a provider beside it."""
        folder = tmp_path_factory.mktemp("terraform")
        shutil.copytree(FOLDER, folder / "code", ignore=shutil.ignore_patterns(".terraform*"))
        provider = folder / "terraform-provider-oci"
        program = f"#!/bin/sh\ncd {ROOT} && exec {sys.executable} -m tests.oci.terraform.provider\n"
        provider.write_text(program)
        provider.chmod(provider.stat().st_mode | stat.S_IXUSR)
        (folder / "rc").write_text(
            "provider_installation {\n"
            f'  dev_overrides {{ "oracle/oci" = "{folder}" }}\n  direct {{}}\n}}\n'
        )
        return folder / "code"

    def terraform(copy: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        assert TERRAFORM is not None
        environ = os.environ | {
            "TF_CLI_CONFIG_FILE": str(copy.parent / "rc"),
            "CHECKPOINT_DISABLE": "1",
            "TF_IN_AUTOMATION": "1",
        }
        return subprocess.run(
            [TERRAFORM, *arguments], cwd=copy, env=environ, text=True, capture_output=True,
            check=False,
        )  # fmt: skip

    def test_it_is_formatted(copy: Path) -> None:
        done = terraform(copy, "fmt", "-check", "-recursive")
        assert done.returncode == 0, done.stdout + done.stderr

    def test_it_is_valid(copy: Path) -> None:
        done = terraform(copy, "validate", "-no-color")
        assert done.returncode == 0, done.stdout + done.stderr

    def test_its_runs_pass(copy: Path) -> None:
        done = terraform(copy, "test", "-no-color")
        assert done.returncode == 0, done.stdout + done.stderr
        assert re.search(r"^Success! 6 passed, 0 failed\.$", done.stdout, re.M)

    def test_a_misspelt_argument_is_found(copy: Path, tmp_path: Path) -> None:
        broken = tmp_path / "code"
        shutil.copytree(copy, broken)
        shutil.copy(copy.parent / "rc", tmp_path / "rc")
        text = (broken / "streaming.tf").read_text(encoding="utf-8")
        (broken / "streaming.tf").write_text(text.replace("retention_in_hours", "retention_hours"))
        assert "retention_hours" in terraform(broken, "validate", "-no-color").stderr
