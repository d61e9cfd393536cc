"""template.yaml as the tests read it: translated by SAM, resolved, deployed with a fake AWS."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from localcloud.stack import Place, Stack, deploy
from localcloud.stack.intrinsics import Conditions, Resolver
from localcloud.stack.parameters import resolve_parameters
from localcloud.stack.sam import translate
from localcloud.stack.template import load_template
from tests.localcloud.stack.fake_aws import FakeAws

ROOT = Path(__file__).parent.parent.parent
TEMPLATE = ROOT / "template.yaml"
EVERYTHING = {
    "ArchiveEvents": "on",
    "EnhancedFanOut": "on",
    "FeatureStore": "both",
    "Ingest": "on",
}


def up(checkout: Path, overrides: Mapping[str, str]) -> tuple[Stack, FakeAws]:
    """The application with these parameters, its code in `checkout`."""
    aws = FakeAws()
    place = Place("demo", checkout, lambda logical_id: f"http://{logical_id.lower()}.test")
    return deploy(TEMPLATE, place, aws, overrides), aws


@cache
def translated() -> dict[str, Any]:
    template = load_template(TEMPLATE)
    return translate(template, resolve_parameters(template["Parameters"], {}), "us-east-1")


def resolver_for(overrides: Mapping[str, str]) -> Resolver:
    """Resolves parameters and conditions; a resource is written as {name} or {name.Attribute}."""

    class Names:
        parameters = resolve_parameters(translated()["Parameters"], overrides)

        def ref(self, name: str) -> object:
            pseudo = {"AWS::Partition": "aws", "AWS::Region": "r", "AWS::AccountId": "1"}
            return self.parameters.get(name) or pseudo.get(name) or f"{{{name}}}"

        def attribute(self, logical_id: str, name: str) -> object:
            return f"{{{logical_id}.{name}}}"

    names = Names()
    return Resolver(names, Conditions(translated()["Conditions"], names))


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    """Properties by logical id."""
    found = translated()["Resources"].items()
    return {name: body["Properties"] for name, body in found if body["Type"] == kind}
