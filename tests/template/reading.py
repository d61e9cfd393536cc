"""template.yaml as the tests read it: translated by SAM, resolved, deployed with a fake AWS."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from localcloud.stack import Place, Stack, deploy
from localcloud.stack.intrinsics import Conditions, Resolver, function_of
from localcloud.stack.parameters import resolve_parameters
from localcloud.stack.sam import translate
from localcloud.stack.template import load_template
from tests.localcloud.stack.fake_aws import FakeAws

ROOT = Path(__file__).parent.parent.parent
TEMPLATE = ROOT / "template.yaml"
NETWORK = {
    "Dax": "on",
    "VpcId": "vpc-0123456789abcdef0",
    "SubnetIds": "subnet-0aaaaaaaaaaaaaaaa,subnet-0bbbbbbbbbbbbbbbb,subnet-0cccccccccccccccc",
    "RouteTableIds": "rtb-0123456789abcdef0",
    "VpcEndpoints": "all",
}
MODEL = {
    "EndpointMode": "create",
    "ModelImage": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/ml/shop:7",
    "ModelDataUrl": "s3://models/shop/model.tar.gz",
}
EVERYTHING = {
    **NETWORK,
    **MODEL,
    "AlarmEmail": "ops@shop.example",
    "Alarms": "on",
    "ApiAccessLogs": "on",
    "ApiAuth": "JWT",
    "ApiCorsOrigins": "https://shop.example,https://admin.shop.example",
    "ApiJwtAudience": "shop,admin",
    "ApiJwtIssuer": "https://issuer.example/pool",
    "ArchiveEvents": "on",
    "CustomerKey": "on",
    "ConsistentReads": "on",
    "Dashboard": "on",
    "DataCapturePercent": "10",
    "DeploymentType": "Canary10Percent5Minutes",
    "EndpointType": "instances",
    "EnhancedFanOut": "on",
    "EnrichConcurrency": "20",
    "FeatureStore": "both",
    "InferenceLog": "on",
    "Ingest": "on",
    "IngestConcurrency": "10",
    "InstanceMaxCount": "4",
    "LayerPruneRegions": "eu-west-1,us-east-1",
    "LayerPruning": "execute",
    "PredictConcurrency": "30",
    "PredictSnapStart": "on",
    "Tracing": "on",
}
# What EVERYTHING cannot have at the same time.
EXISTING = {
    **EVERYTHING,
    "DataCapturePercent": "0",
    "EndpointMode": "existing",
    "EndpointName": "shop",
    "FeatureStore": "sagemaker",
    "PredictProvisionedConcurrency": "3",
    "PredictSnapStart": "off",
}


def up(checkout: Path, overrides: Mapping[str, str]) -> tuple[Stack, FakeAws]:
    """The application with these parameters, its code in `checkout`."""
    aws = FakeAws()
    place = Place("demo", checkout, lambda logical_id: f"http://{logical_id.lower()}.test")
    return deploy(TEMPLATE, place, aws, overrides), aws


def translated(overrides: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What SAM makes of the template. Only DeploymentType changes which resources there are."""
    given = EVERYTHING if overrides is None else overrides
    return _translated(given.get("DeploymentType", "AllAtOnce"))


@cache
def _translated(deployment_type: str) -> dict[str, Any]:
    template = load_template(TEMPLATE)
    overrides = {**EVERYTHING, "DeploymentType": deployment_type}
    parameters = resolve_parameters(template["Parameters"], overrides)
    return translate(template, parameters, "us-east-1")


def resolver_for(overrides: Mapping[str, str]) -> Resolver:
    """Resolves parameters and conditions; a resource is written as {name} or {name.Attribute}."""

    class Names:
        parameters = resolve_parameters(translated()["Parameters"], overrides)

        def ref(self, name: str) -> object:
            pseudo = {
                "AWS::Partition": "aws",
                "AWS::Region": "r",
                "AWS::AccountId": "1",
                "AWS::StackName": "s",
                "AWS::StackId": "arn:aws:cloudformation:r:1:stack/s/id",
            }
            if name in self.parameters:
                return self.parameters[name]
            return pseudo.get(name) or f"{{{name}}}"

        def attribute(self, logical_id: str, name: str) -> object:
            return f"{{{logical_id}.{name}}}"

    names = Names()
    template = translated()
    conditions = Conditions(template["Conditions"], names, template["Mappings"])
    return Resolver(names, conditions, template["Mappings"])


def present(overrides: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The resources that there are with these parameters, resolved as `resolver_for` does."""
    resolver = resolver_for(overrides)
    found = {}
    for name, body in translated(overrides)["Resources"].items():
        if "Condition" not in body or resolver.conditions.holds(body["Condition"]):
            resolved = resolver.value(body, name)
            assert isinstance(resolved, dict)
            found[name] = resolved
    return found


def folder_of(function: str) -> str:
    """The folder of a function's code, and of its sample events.

    >>> folder_of("PruneLayersFunction")
    'prune-layers'
    """
    return re.sub("(?<!^)(?=[A-Z])", "-", function.removesuffix("Function")).lower()


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    """Properties by logical id, of everything that the template can make."""
    found = translated()["Resources"].items()
    return {name: body["Properties"] for name, body in found if body["Type"] == kind}


def references(node: object) -> Iterator[str]:
    """Every parameter, resource and condition that a part of a template names."""
    call = function_of(node)
    if call is not None and call[0] in ("Ref", "Fn::If", "Fn::GetAtt"):
        first = call[1][0] if isinstance(call[1], list) else call[1]
        yield str(first)
    if call is not None and call[0] == "Fn::Sub":
        text = call[1][0] if isinstance(call[1], list) else call[1]
        yield from (part.split("}")[0].split(".")[0] for part in str(text).split("${")[1:])
    if isinstance(node, Mapping):
        if set(node) == {"Condition"}:
            yield str(node["Condition"])
        for item in node.values():
            yield from references(item)
    elif isinstance(node, list):
        for item in node:
            yield from references(item)
