"""Whether a changed layer makes a new version of a function: what the SAM translator says."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]

from localcloud.stack.building import build
from localcloud.stack.model import CodeFolder
from localcloud.stack.parameters import resolve_parameters
from localcloud.stack.sam import translate
from tests.architecture.source import ROOT


def template(layer: str, variables: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A function with an alias, its code, and a layer with this content."""
    function = {
        "Runtime": "python3.13",
        "Handler": "app.handler",
        "CodeUri": more.pop("code", "s3://bucket/code"),
        "AutoPublishAlias": "live",
        "Layers": [{"Ref": "Deps"}],
        "Environment": {"Variables": variables or {}},
        **more,
    }
    deps = {"LayerName": "deps", "ContentUri": f"s3://bucket/{layer}"}
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Transform": "AWS::Serverless-2016-10-31",
        "Parameters": {"LayerSha": {"Type": "String", "Default": ""}},
        "Resources": {
            "Function": {"Type": "AWS::Serverless::Function", "Properties": function},
            "Deps": {"Type": "AWS::Serverless::LayerVersion", "Properties": deps},
        },
    }


def version(source: dict[str, Any], sha: str = "") -> tuple[str, Any]:
    """Logical id and description of the function's version, where the parameter has this value."""
    parameters = resolve_parameters(source["Parameters"], {"LayerSha": sha})
    resources = translate(source, parameters, "us-east-1")["Resources"]
    ((name, body),) = [
        (name, body) for name, body in resources.items() if body["Type"] == "AWS::Lambda::Version"
    ]
    return name, body["Properties"].get("Description")


def layers(source: dict[str, Any]) -> set[str]:
    parameters = resolve_parameters(source["Parameters"], {})
    resources = translate(source, parameters, "us-east-1")["Resources"]
    return {n for n, b in resources.items() if b["Type"] == "AWS::Lambda::LayerVersion"}


def test_a_changed_layer_alone_reaches_no_version() -> None:
    """The trap: the layer is another one, and the alias stays where it was."""
    assert layers(template("one")) != layers(template("two"))
    assert version(template("one")) == version(template("two"))


def test_neither_does_a_parameter_in_the_environment() -> None:
    given = {"LAYER_SHA": {"Ref": "LayerSha"}}
    assert version(template("one", given), "a" * 64) == version(template("two", given), "b" * 64)


def test_the_hash_itself_in_the_environment_does() -> None:
    one, two = (version(template("same", {"LAYER_SHA": sha * 64})) for sha in "ab")
    assert one[0] != two[0]


def test_a_description_that_holds_the_parameter_is_one_that_changes() -> None:
    """CloudFormation replaces a version whose description changes: it cannot be updated."""
    given = {"LAYER_SHA": {"Ref": "LayerSha"}}
    described = {"VersionDescription": {"Fn::Sub": "layers ${LayerSha}"}}
    _, description = version(template("one", given, **described))
    assert description == {"Fn::Sub": "layers ${LayerSha}"}
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", "AWS::Lambda::Version").schema
    assert "/properties/Description" in schema["createOnlyProperties"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    ignore = shutil.ignore_patterns("__pycache__", "python3.*")
    for folder in ("lambdas", "layers"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignore)
    shutil.copy(ROOT / "features.toml", tmp_path)
    return tmp_path


def code(checkout: Path, into: str) -> str:
    """Where a package of the built function would be stored: sam names it by its content."""
    folder = CodeFolder(checkout / "lambdas/enrich", checkout / "lambdas/Makefile")
    built = build(folder, "EnrichFunction", checkout / into)
    digest = hashlib.sha256()
    for path in sorted(one for one in built.rglob("*") if one.is_file()):
        digest.update(f"{path.relative_to(built)}\0".encode() + path.read_bytes())
    return f"s3://bucket/{digest.hexdigest()}"


def test_our_functions_carry_what_is_in_their_layers_and_so_get_a_version(checkout: Path) -> None:
    before, same = code(checkout, "before"), code(checkout, "same")
    assert version(template("one", code=before)) == version(template("one", code=same))
    module = checkout / "layers/core/millrace/features/windows.py"
    module.write_text(module.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    after = code(checkout, "after")
    assert version(template("one", code=before))[0] != version(template("two", code=after))[0]
