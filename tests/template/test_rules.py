"""Parameters that need each other are refused together, by name, before anything is made."""

from __future__ import annotations

from pathlib import Path

import pytest
from millrace.errors import ConfigurationError

from localcloud.stack import Place
from localcloud.stack.stack import plan
from localcloud.stack.template import load_template
from tests.template.reading import MODEL, NETWORK, TEMPLATE

REFUSED: list[tuple[dict[str, str], str]] = [
    ({"ApiAuth": "JWT", "ApiJwtAudience": "shop"}, "ApiJwtIssuer must say whose tokens count"),
    ({"ApiAuth": "JWT", "ApiJwtIssuer": "https://i.example"}, "ApiJwtAudience must say for whom"),
    ({**NETWORK, "VpcId": ""}, "VpcId must name the VPC"),
    ({**NETWORK, "SubnetIds": ""}, "SubnetIds must name private subnets"),
    ({**NETWORK, "RouteTableIds": ""}, "RouteTableIds must name the subnets' route tables"),
    ({"DeploymentType": "Canary10Percent5Minutes"}, "it needs Alarms=on"),
    ({"Metrics": "off", "Alarms": "on"}, "show what Metrics=on gives"),
    ({"EndpointMode": "existing"}, "EndpointName must name the endpoint"),
    ({**MODEL, "ModelImage": ""}, "ModelImage must name the container's image"),
    ({**MODEL, "ModelDataUrl": ""}, "ModelDataUrl must name the model in S3"),
    ({**MODEL, "DataCapturePercent": "1"}, "with EndpointType=instances"),
    (
        {"PredictSnapStart": "on", "PredictProvisionedConcurrency": "1"},
        "PredictSnapStart or PredictProvisionedConcurrency, not both",
    ),
    ({"PredictSnapStart": "on", "Runtime": "python3.11"}, "needs Runtime=python3.12 or later"),
]


def plan_with(overrides: dict[str, str]) -> None:
    plan(TEMPLATE, Place("demo", Path(), lambda logical_id: "http://api.test"), overrides)


@pytest.mark.parametrize(("overrides", "message"), REFUSED, ids=[words for _, words in REFUSED])
def test_what_does_not_go_together_is_refused(overrides: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        plan_with(overrides)


def test_every_assertion_is_tried_above() -> None:
    said = [
        assertion["AssertDescription"]
        for rule in load_template(TEMPLATE)["Rules"].values()
        for assertion in rule["Assertions"]
    ]
    tried = [message for _, message in REFUSED]
    assert len(said) == len(tried)
    for description in said:
        assert any(message in description for message in tried), description


@pytest.mark.parametrize(
    "overrides",
    [
        {},
        NETWORK,
        {**NETWORK, "VpcEndpoints": "none", "RouteTableIds": ""},
        {"ApiAuth": "JWT", "ApiJwtIssuer": "https://i.example", "ApiJwtAudience": "a,b"},
        {"DeploymentType": "Canary10Percent5Minutes", "Alarms": "on"},
        {"Metrics": "off"},
        {"EndpointMode": "existing", "EndpointName": "Shop"},
        MODEL,
        {**MODEL, "EndpointType": "instances", "DataCapturePercent": "1"},
        {"PredictSnapStart": "on"},
        {"PredictProvisionedConcurrency": "1"},
    ],
)
def test_what_goes_together_is_not(overrides: dict[str, str]) -> None:
    plan_with(overrides)
