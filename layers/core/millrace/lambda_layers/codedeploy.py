"""CodeDeploy, where it deploys to an alias: it shifts the traffic, with its own alarms and hooks.

A deployment group does not say which alias it is for; its last deployment does. So a group belongs
to the alias that its last revision names, and one that has never deployed belongs to none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from millrace.errors import TooSlow
from millrace.lambda_layers.aws import LambdaAccount, Maker
from millrace.lambda_layers.exchange import UNHEALTHY, Held

MAKERS: Mapping[str, Maker] = {
    "codedeploy": lambda session, **where: session.client("codedeploy", **where)
}
_BATCH = 100
_POLL_S = 5.0
# The longest that CodeDeploy's own configurations take is two hours.
_LONGEST_S = 3 * 3600.0
# Errors of a deployment that speak against what was deployed; others are of how it was.
_EVIDENCE = ("ALARM_ACTIVE", "HEALTH_CONSTRAINTS", "HOOK_EXECUTION_FAILURE")
_UNDER_WAY = ("Created", "Queued", "InProgress", "Baking", "Ready")


@dataclass(frozen=True, slots=True)
class Shift:
    """Traffic of an alias, from one version to another; `group` is "application/group"."""

    region: str
    group: str
    function: str
    alias: str
    current: str
    target: str

    @property
    def properties(self) -> dict[str, str]:
        """What an AppSpec says of it."""
        return {
            "Name": self.function,
            "Alias": self.alias,
            "CurrentVersion": self.current,
            "TargetVersion": self.target,
        }


@dataclass(slots=True)
class CodeDeploy:
    """Deployments of one account's functions."""

    cloud: LambdaAccount
    sleep: Callable[[float], None]

    def groups(self, region: str) -> dict[tuple[str, str], str]:
        """The groups of a region: "application/group" by function and alias."""
        found: dict[tuple[str, str], str] = {}
        for application in self._pages("ListApplications", region, "applications", {}):
            named = {"applicationName": application}
            groups = self._pages("ListDeploymentGroups", region, "deploymentGroups", named)
            for start in range(0, len(groups), _BATCH):
                members = {**named, "deploymentGroupNames": groups[start : start + _BATCH]}
                answer = self._call("BatchGetDeploymentGroups", region, members)
                for one in answer["deploymentGroupsInfo"]:
                    if one.get("computePlatform", "Lambda") == "Lambda":
                        where = f"{application}/{one['deploymentGroupName']}"
                        found |= dict.fromkeys(_deploys_to(one.get("targetRevision")), where)
        return found

    def run(self, shift: Shift, *, resumed: bool) -> str:
        """Deploy, and wait for its end; the deployment's id. Raises Held where it failed."""
        known = self._under_way(shift) if resumed else ""
        return self._wait(shift, known or self._create(shift))

    def under_way(
        self, region: str, group: str, function: str, alias: str
    ) -> Iterator[tuple[str, str]]:
        """What is being deployed to an alias: deployments, each with its target version."""
        for deployment in self._listed(Shift(region, group, function, alias, "", "")):
            revision = self._get(region, deployment).get("revision")
            for one in _properties(_content(revision)):
                if (one.get("Name"), one.get("Alias")) == (function, alias):
                    yield deployment, one.get("TargetVersion", "")

    def cancel(self, region: str, deployment: str) -> None:
        """Stop a deployment; CodeDeploy moves the alias back to where it was."""
        members = {"deploymentId": deployment, "autoRollbackEnabled": True}
        self._call("StopDeployment", region, members)
        self._ended(region, deployment)

    def _create(self, shift: Shift) -> str:
        application, _, group = shift.group.partition("/")
        named = {"applicationName": application, "deploymentGroupName": group}
        info = self._call("GetDeploymentGroup", shift.region, named)["deploymentGroupInfo"]
        content = json.dumps(_app_spec(shift, _content(info.get("targetRevision"))))
        spec = {"content": content, "sha256": hashlib.sha256(content.encode()).hexdigest()}
        members = {**named, "revision": {"revisionType": "AppSpecContent", "appSpecContent": spec}}
        answer = self._call("CreateDeployment", shift.region, members)
        return str(answer["deploymentId"])

    def _wait(self, shift: Shift, deployment: str) -> str:
        info = self._ended(shift.region, deployment)
        if info["status"] != "Succeeded":
            error = info.get("errorInformation", {})
            why = error.get("message", "it gives no reason")
            raise Held(
                UNHEALTHY if error.get("code") in _EVIDENCE else "deployment-failed",
                f"CodeDeploy's deployment {deployment} of alias {shift.alias} by {shift.group} is"
                f" {info['status'].lower()}: {why}",
            )
        return deployment

    def _ended(self, region: str, deployment: str) -> Mapping[str, Any]:
        waited = 0.0
        while waited < _LONGEST_S:
            info = self._get(region, deployment)
            if info["status"] not in _UNDER_WAY:
                return info
            self.sleep(_POLL_S)
            waited += _POLL_S
        raise TooSlow(
            f"CodeDeploy's deployment {deployment} does not end. Look at it; then: millrace layers"
            " rollout resume"
        )

    def _under_way(self, shift: Shift) -> str:
        """A deployment that was begun before a crash; empty where there is none."""
        for deployment in self._listed(shift):
            found = _properties(_content(self._get(shift.region, deployment).get("revision")))
            if any(one == shift.properties for one in found):
                return deployment
        return ""

    def _listed(self, shift: Shift) -> Sequence[str]:
        application, _, group = shift.group.partition("/")
        members = {
            "applicationName": application,
            "deploymentGroupName": group,
            "includeOnlyStatuses": list(_UNDER_WAY),
        }
        return self._pages("ListDeployments", shift.region, "deployments", members)

    def _get(self, region: str, deployment: str) -> Mapping[str, Any]:
        members = {"deploymentId": deployment}
        info: Mapping[str, Any] = self._call("GetDeployment", region, members)["deploymentInfo"]
        return info

    def _pages(
        self, operation: str, region: str, name: str, members: Mapping[str, Any]
    ) -> list[Any]:
        rows: list[Any] = []
        token: dict[str, str] = {}
        while True:
            answer = self._call(operation, region, {**members, **token})
            rows += answer.get(name, ())
            if not answer.get("nextToken"):
                return rows
            token = {"nextToken": answer["nextToken"]}

    def _call(self, operation: str, region: str, members: Mapping[str, Any]) -> Any:  # noqa: ANN401
        return self.cloud.call(f"codedeploy:{operation}", region, members)


def _app_spec(shift: Shift, last: Mapping[str, Any]) -> dict[str, Any]:
    """The revision that deploys, with the hooks of the group's last one."""
    resource = {"Type": "AWS::Lambda::Function", "Properties": shift.properties}
    hooks = {"Hooks": last["Hooks"]} if last.get("Hooks") else {}
    return {"version": 0.0, "Resources": [{shift.function: resource}], **hooks}


def _deploys_to(revision: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    for one in _properties(_content(revision)):
        if one.get("Name") and one.get("Alias"):
            yield one["Name"], one["Alias"]


def _content(revision: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The AppSpec in a revision; empty where it is not JSON, as SAM and we write it."""
    found = revision or {}
    text = (found.get("appSpecContent") or found.get("string") or {}).get("content", "")
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _properties(content: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    for resource in content.get("Resources") or ():
        for one in resource.values():
            yield dict(one.get("Properties") or {})
