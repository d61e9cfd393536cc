"""An alias of a function: moved to the version that was published, and back."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from millrace.errors import WriteConflict
from millrace.lambda_layers.aws import Gone, LambdaAccount
from millrace.lambda_layers.codedeploy import CodeDeploy, Shift
from millrace.lambda_layers.exchange import Held, differing
from millrace.lambda_layers.inventory import settings
from millrace.plans.plan import Step


@dataclass(slots=True)
class Aliases:
    """The aliases of an account's functions, by CodeDeploy where it deploys to them."""

    cloud: LambdaAccount
    deploy: CodeDeploy

    def move(
        self, step: Step, name: str, alias: Mapping[str, str], version: str, resumed: bool
    ) -> dict[str, str]:
        """Let an alias point to the version that was published. Raises Held."""
        moved = {"from": alias["version"], "to": version, "by": "UpdateAlias"}
        if alias["version"] == version:
            return moved | {"revision": alias["revision"]}
        if resumed and self._points_to(step, name) == version:
            return moved | {"revision": self._alias(step, name)["RevisionId"]}
        if alias["group"]:
            function = step.arguments["function"]
            shift = Shift(step.region, alias["group"], function, name, alias["version"], version)
            deployment = self.deploy.run(shift, resumed=resumed)
            moved |= {"by": f"CodeDeploy {deployment}"}
            return moved | {"revision": self._alias(step, name)["RevisionId"]}
        revision = self._point(step, name, alias["version"], version, alias["revision"])
        return moved | {"revision": revision}

    def _point(self, step: Step, name: str, was: str, to: str, revision: str) -> str:
        """Move an alias that is where it was; its new revision. Raises Held."""
        members = {"FunctionName": step.target, "Name": name, "FunctionVersion": to}
        members |= {"RevisionId": revision} if revision else {}
        try:
            return str(self._call("UpdateAlias", step, members)["RevisionId"])
        except WriteConflict:
            now = self._alias(step, name)
            points = self._points_to(step, name)
            if points == to:
                return str(now["RevisionId"])
            if points != was:
                raise Held(
                    "alias-moved", f"somebody else has let alias {name} point to {points}"
                ) from None
            members["RevisionId"] = now["RevisionId"]
            return str(self._call("UpdateAlias", step, members)["RevisionId"])

    def back(
        self, step: Step, name: str, alias: Mapping[str, str], moved: Mapping[str, str]
    ) -> dict[str, str]:
        """Let an alias point to what it did. Raises Held where it is not where we have put it."""
        was = alias["version"]
        if alias["group"] and not moved:
            self._cancel(step, name, alias["group"])
        if not moved:
            points = self._points_to(step, name)
            if points == was:
                return {"to": was}
            moved = {"to": points, "revision": ""}
            self._require_ours(step, name, points)
        revision = self._point(step, name, moved["to"], was, moved["revision"])
        return {"to": was, "revision": revision}

    def all_back(self, step: Step) -> None:
        """What a process that died may have moved; what is somebody else's stays."""
        for name, alias in step.arguments["aliases"].items():
            with contextlib.suppress(Held, Gone):
                self.back(step, name, alias, {})

    def _cancel(self, step: Step, name: str, group: str) -> None:
        """Stop our deployment that is under way. Raises Held where it is somebody else's."""
        function = step.arguments["function"]
        for deployment, target in self.deploy.under_way(step.region, group, function, name):
            self._require_ours(step, name, target)
            self.deploy.cancel(step.region, deployment)

    def _require_ours(self, step: Step, name: str, version: str) -> None:
        """For a change that did not come to its end: is the alias where it would have put it?"""
        if version.isdigit():
            members = {"FunctionName": step.target, "Qualifier": version}
            found = self._call("GetFunctionConfiguration", step, members)
            same = not differing(step.arguments["settings"], dict(settings(found)))
            if same and [one["Arn"] for one in found.get("Layers", ())] == step.after["layers"]:
                return
        raise Held("alias-moved", f"somebody else has let alias {name} point to {version}")

    def _alias(self, step: Step, name: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._call(
            "GetAlias", step, {"FunctionName": step.target, "Name": name}
        )
        return found

    def _points_to(self, step: Step, name: str) -> str:
        """The one version that an alias points to, or the two that it is shifted between."""
        alias = self._alias(step, name)
        more = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
        return " and ".join([alias["FunctionVersion"], *more])

    def _call(self, operation: str, step: Step, members: Mapping[str, Any]) -> Any:  # noqa: ANN401
        return self.cloud.call(f"lambda:{operation}", step.region, members)
