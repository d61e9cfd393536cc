"""What works on Lambda's functions beside Lambda: tags over all of them, and CodeDeploy.

moto has both, and knows nothing of the functions here. A deployment goes on a bit each time that
somebody looks at it: first a part of the traffic, then all of it; one of a group that is told to
fail goes back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.lambda_control import aliases
from localcloud.lambda_control.errors import LambdaError, UnknownOperation
from localcloud.lambda_control.names import Where
from localcloud.lambda_control.state import World

Members = Mapping[str, Any]
SERVICES = ("codedeploy", "tagging")
_PAGE = 100
_CANARY = 0.1
_UNDER_WAY = ("Created", "InProgress")


class NoDeploymentGroup(LambdaError):
    """No such group, application or deployment."""

    code = "DeploymentGroupDoesNotExistException"
    status = 400


class OneAtATime(LambdaError):
    """A deployment of this group is under way."""

    code = "DeploymentLimitExceededException"
    status = 400


@dataclass(slots=True)
class Deployment:
    """A deployment to an alias; `looks` are how often it was looked at."""

    id: str
    caller: Where
    group: tuple[str, str]
    revision: Mapping[str, Any]
    status: str = "Created"
    looks: int = 0
    code: str = ""
    error: str = ""

    @property
    def properties(self) -> Mapping[str, str]:
        """What its AppSpec says of the function."""
        spec = self.revision.get("appSpecContent") or self.revision.get("string") or {}
        document = json.loads(spec["content"])
        found: Mapping[str, str] = next(iter(document["Resources"][0].values()))["Properties"]
        return found


@dataclass(slots=True)
class Beside:
    """Deployment groups with their last revision, and deployments.

    Attributes:
        looks: how often a deployment must be looked at until it is through.
        failing: groups whose next deployments fail, as for an alarm.
    """

    groups: dict[tuple[Where, str, str], Mapping[str, Any]] = field(default_factory=dict)
    deployments: dict[str, Deployment] = field(default_factory=dict)
    looks: int = 2
    failing: set[str] = field(default_factory=set)

    def group(self, where: Where, application: str, name: str, function: str, alias: str) -> None:
        """A group that has deployed to an alias before, with a hook."""
        properties = {"Name": function, "Alias": alias, "CurrentVersion": "1", "TargetVersion": "1"}
        content = json.dumps(
            {
                "version": 0.0,
                "Resources": [
                    {function: {"Type": "AWS::Lambda::Function", "Properties": properties}}
                ],
                "Hooks": [{"BeforeAllowTraffic": "check-it"}],
            }
        )
        revision = {"revisionType": "String", "string": {"content": content}}
        self.groups[where, application, name] = revision

    def operation(self, target: str) -> tuple[str, Callable[[World, Where, Members], Members]]:
        """An operation by what a request's X-Amz-Target says. Raises UnknownOperation."""
        name = target.rpartition(".")[2]
        handlers = {
            "BatchGetDeploymentGroups": self._batch,
            "CreateDeployment": self._create,
            "GetDeployment": self._get,
            "GetDeploymentGroup": self._group,
            "GetResources": _resources,
            "ListApplications": self._applications,
            "ListDeploymentGroups": self._names,
            "ListDeployments": self._list,
            "StopDeployment": self._stop,
        }
        if name not in handlers:
            raise UnknownOperation(f"{target} is not emulated here.")
        return name, handlers[name]

    def _applications(self, world: World, caller: Where, members: Members) -> Members:
        names = {application for where, application, _ in self.groups if where == caller}
        return {"applications": sorted(names)}

    def _names(self, world: World, caller: Where, members: Members) -> Members:
        wanted = (caller, members["applicationName"])
        names = sorted(name for *where, name in self.groups if tuple(where) == wanted)
        return {"applicationName": members["applicationName"], "deploymentGroups": names}

    def _batch(self, world: World, caller: Where, members: Members) -> Members:
        application = members["applicationName"]
        names = members["deploymentGroupNames"]
        rows = [self._info(caller, application, name) for name in names]
        return {"deploymentGroupsInfo": rows}

    def _group(self, world: World, caller: Where, members: Members) -> Members:
        name = members["deploymentGroupName"]
        return {"deploymentGroupInfo": self._info(caller, members["applicationName"], name)}

    def _info(self, caller: Where, application: str, name: str) -> Members:
        if (caller, application, name) not in self.groups:
            raise NoDeploymentGroup(f"No Deployment Group found for name: {name}")
        return {
            "applicationName": application,
            "deploymentGroupName": name,
            "computePlatform": "Lambda",
            "targetRevision": self.groups[caller, application, name],
        }

    def _create(self, world: World, caller: Where, members: Members) -> Members:
        application, name = members["applicationName"], members["deploymentGroupName"]
        self._info(caller, application, name)
        if self._listed(caller, (application, name), _UNDER_WAY):
            raise OneAtATime(f"The Deployment Group '{name}' already has an active Deployment")
        made = Deployment(
            f"d-{len(self.deployments) + 1:09d}", caller, (application, name), members["revision"]
        )
        self.deployments[made.id] = made
        self.groups[caller, application, name] = members["revision"]
        return {"deploymentId": made.id}

    def _list(self, world: World, caller: Where, members: Members) -> Members:
        group = (members["applicationName"], members["deploymentGroupName"])
        found = self._listed(caller, group, members.get("includeOnlyStatuses"))
        return {"deployments": [one.id for one in found]}

    def _listed(self, caller: Where, group: tuple[str, str], statuses: Any) -> list[Deployment]:  # noqa: ANN401
        return [
            one
            for one in self.deployments.values()
            if (one.caller, one.group) == (caller, group)
            and (not statuses or one.status in statuses)
        ]

    def _get(self, world: World, caller: Where, members: Members) -> Members:
        found = self._found(members)
        if found.status in _UNDER_WAY:
            self._advance(world, found)
        info = {"deploymentId": found.id, "status": found.status, "revision": found.revision}
        error = {"errorInformation": {"code": found.code, "message": found.error}}
        return {"deploymentInfo": info | (error if found.error else {})}

    def _stop(self, world: World, caller: Where, members: Members) -> Members:
        found = self._found(members)
        if found.status in _UNDER_WAY:
            self._point(world, found, found.properties["CurrentVersion"])
            found.status, found.code = "Stopped", "MANUAL_STOP"
            found.error = "Somebody has stopped it."
        return {"status": "Succeeded"}

    def _found(self, members: Members) -> Deployment:
        if members["deploymentId"] not in self.deployments:
            raise NoDeploymentGroup(f"No deployment {members['deploymentId']}")
        return self.deployments[members["deploymentId"]]

    def _advance(self, world: World, one: Deployment) -> None:
        one.looks += 1
        current, target = (one.properties[f"{name}Version"] for name in ("Current", "Target"))
        if one.looks < self.looks:
            one.status = "InProgress"
            self._point(world, one, current, {target: _CANARY})
        elif one.group[1] in self.failing:
            # As CodeDeploy does it: an alarm stops a deployment.
            one.status, one.code = "Stopped", "ALARM_ACTIVE"
            one.error = "An alarm of the group went off."
            self._point(world, one, current)
        else:
            one.status = "Succeeded"
            self._point(world, one, target)

    def _point(
        self, world: World, one: Deployment, version: str, more: Members | None = None
    ) -> None:
        members = {
            "FunctionName": one.properties["Name"],
            "Name": one.properties["Alias"],
            "FunctionVersion": version,
            "RoutingConfig": {"AdditionalVersionWeights": dict(more or {})},
        }
        aliases.update(world, one.caller, members)


def _resources(world: World, caller: Where, members: Members) -> Members:
    """GetResources: functions only, with all of the tags that are asked for."""
    wanted = [(one["Key"], set(one.get("Values", ()))) for one in members.get("TagFilters", ())]
    start = int(members.get("PaginationToken") or 0)
    rows = [
        {
            "ResourceARN": function.latest["FunctionArn"],
            "Tags": [{"Key": key, "Value": value} for key, value in function.tags.items()],
        }
        for _, function in sorted(world.home(caller).functions.items())
        if all(
            key in function.tags and (not values or function.tags[key] in values)
            for key, values in wanted
        )
    ]
    token = str(start + _PAGE) if start + _PAGE < len(rows) else ""
    return {"ResourceTagMappingList": rows[start : start + _PAGE], "PaginationToken": token}
