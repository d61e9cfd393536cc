"""What a role of template.yaml is allowed, and how a test writes that down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tests.template.reading import present

Resources = Mapping[str, Mapping[str, Any]]
NARROWED = {"EncryptVolumes", "PutMetrics"}


class Grant(NamedTuple):
    """An action that is allowed on a resource."""

    action: str
    resource: str


def listed(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def statements(role: str, resources: Resources) -> Iterator[dict[str, Any]]:
    """Those of a role's own policies, and of policies of this template that are attached to it."""
    properties = resources[role]["Properties"]
    for policy in properties["Policies"]:
        yield from policy["PolicyDocument"]["Statement"]
    for arn in properties.get("ManagedPolicyArns", []):
        policy = resources[arn.strip("{}")]  # AWS's own are not attached to anything here
        yield from policy["Properties"]["PolicyDocument"]["Statement"]


def granted(role: str, overrides: Mapping[str, str]) -> set[Grant]:
    """What a role is allowed; the grants that a condition narrows are looked at one by one."""
    found = set()
    for statement in statements(role, present(overrides)):
        if statement["Effect"] == "Allow":
            narrowed = {"Condition"} if statement["Sid"] in NARROWED else set()
            assert set(statement) <= {"Sid", "Effect", "Action", "Resource"} | narrowed
            found |= {
                Grant(action, resource)
                for action in listed(statement["Action"])
                for resource in listed(statement["Resource"])
            }
    return found


def grants(service: str, actions: str, *resources: str) -> set[Grant]:
    return {
        Grant(f"{service}:{action}", resource)
        for action in actions.split()
        for resource in resources
    }
