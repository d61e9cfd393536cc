"""One function at a time: a layer version in, a version published, an alias moved; and back.

Each change is guarded by the RevisionId that the plan, or the change before, has seen. Where AWS
refuses it, the function is looked at: an answer that was lost on the way is no change by somebody
else, and whatever is one is not overwritten.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from millrace.errors import LayerError, MillraceError, NotAllowed, TooSlow, WriteConflict
from millrace.lambda_layers.aws import Gone, LambdaAccount, parallel, sent_before
from millrace.lambda_layers.codedeploy import CodeDeploy
from millrace.lambda_layers.exchange import Held, differing, short
from millrace.lambda_layers.inventory import layer_arn, settings
from millrace.lambda_layers.rollout_aliases import Aliases
from millrace.plans.plan import State, Step

_SETTLE_S = 180.0
_SNAP_S = 900.0
_TRIES = 3
# Why something is not put back: somebody else has been there.
_THEIRS = ("changed", "alias-moved", "function-gone")
_LONGEST_POLL_S = 2.0


@dataclass(slots=True)
class AwsFleet:
    """The functions of one account. `rollout` is the id that their tags name."""

    cloud: LambdaAccount
    rollout: str
    sleep: Callable[[float], None]
    deploy: CodeDeploy
    _aliases: Aliases = field(init=False)
    _seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._aliases = Aliases(self.cloud, self.deploy)

    @property
    def account(self) -> str:
        """See Fleet."""
        return self.cloud.account

    def missing(self, arns: Sequence[str]) -> Mapping[str, str]:
        """See Fleet."""
        found = parallel(self._missing, arns)
        return {arn: why for arn, why in zip(arns, found, strict=True) if why}

    def change(self, step: Step, *, resumed: bool) -> State:
        """See Fleet."""
        done: dict[str, Any] = {"aliases": {}}
        self._require_sight(step)
        try:
            return self._change(step, done, resumed)
        except (Held, NotAllowed) as error:
            self._give_up(step, done, error, resumed)
            raise
        except LayerError as error:
            self._give_up(step, done, error, resumed)
            raise Held("refused", f"AWS refuses it: {error}") from error

    def restore(self, step: Step, result: State, *, layers: bool) -> State:
        """See Fleet."""
        back = self._put_back(step, result, layers=layers)
        if layers:
            has = step.arguments["to"] if step.arguments["to"] in step.before["layers"] else ""
            self._tag(step, "rolled-back", step.arguments["from"] or has)
        return back

    def _put_back(self, step: Step, result: State, *, layers: bool) -> State:
        back: dict[str, Any] = {"aliases": {}}
        try:
            planned = step.arguments["aliases"]
            # Where nobody knows how far it came, any of them may have been moved.
            for name in result.get("aliases", planned):
                moved = result.get("aliases", {}).get(name, {})
                back["aliases"][name] = self._aliases.back(step, name, planned[name], moved)
            if layers and step.before["layers"] != step.after["layers"]:
                back["revision"] = self._layers_back(step, str(result.get("revision", "")))
        except Held as held:
            if not back["aliases"]:
                raise
            named = ", ".join(f"{name} → {one['to']}" for name, one in back["aliases"].items())
            raise Held(held.code, f"{held}; what its aliases do is put back: {named}") from held
        except Gone as error:
            raise Held("function-gone", f"it was deleted meanwhile: {error}") from error
        return back

    def _change(self, step: Step, done: dict[str, Any], resumed: bool) -> State:
        try:
            if self._is_due(step, resumed):
                self._update(step)
            # Now, or by a process that died.
            done["given"] = step.before["layers"] != step.after["layers"]
            settled = self._settled(step)
            done |= {"layers": step.after["layers"], "revision": settled["RevisionId"]}
            aliases = step.arguments["aliases"]
            if aliases:
                done["version"] = self._publish(step, settled)
            for name, alias in aliases.items():
                done["aliases"][name] = self._aliases.move(
                    step, name, alias, done["version"], resumed
                )
            self._tag(step, str(step.arguments["wave"]), step.arguments["to"])
        except Gone as error:
            raise Held("function-gone", f"it was deleted meanwhile: {error}") from error
        return done

    def _require_sight(self, step: Step) -> None:
        """Once a region: who may not look at a function could not wait for it, or put it back."""
        if step.region not in self._seen:
            with contextlib.suppress(Gone):
                self._read(step)
            self._seen.add(step.region)

    def _is_due(self, step: Step, resumed: bool) -> bool:
        """Whether the layers are still to be given, for a change that may have been made before."""
        if step.before["layers"] == step.after["layers"]:
            return False
        if not resumed:
            return True
        now = self._read(step)
        if _layers(now) == step.after["layers"]:
            return False
        self._require_as_planned(step, now)
        return True

    def _update(self, step: Step) -> None:
        """Give it the layers, if it is as it was planned. Raises Held."""
        revision = step.before["revision"]
        for _ in range(_TRIES):
            try:
                self._set_layers(step, step.after["layers"], revision)
                return
            except WriteConflict as conflict:
                now = self._read(step)
                if _layers(now) == step.after["layers"]:
                    if sent_before(conflict):
                        return  # our own try, whose answer was lost
                    why = f"somebody else gave it {short(step.arguments['to'])} just now"
                    raise Held("changed", why) from conflict
                self._require_as_planned(step, now)
                revision = self._free(step)["RevisionId"]
            except LayerError as error:
                if isinstance(error, Gone):
                    raise
                raise Held("refused", f"Lambda refuses these layers: {error}") from error
        raise Held("changed", "somebody else changes it again and again; its layers are as before")

    def _free(self, step: Step) -> Mapping[str, Any]:
        """The function when somebody else's update of it is through. Raises Held."""
        try:
            now = self._wait(step)
        except TooSlow as error:
            raise Held("in-progress", f"an update of it does not end: {error}") from error
        self._require_as_planned(step, now)
        return now

    def _require_as_planned(self, step: Step, now: Mapping[str, Any]) -> None:
        """Raises Held where it is not. Another RevisionId of the same is no change."""
        changed = differing(step.arguments["settings"], dict(settings(now)))
        if _layers(now) != step.before["layers"]:
            changed.append(f"Layers: {', '.join(map(short, _layers(now))) or 'none'}")
        if changed:
            busy = "; an update of it is in progress" if _busy(now) else ""
            raise Held(
                "changed",
                f"somebody else changed it since the plan was made ({', '.join(changed)}){busy}."
                " It is left as it is; plan the rollout again for it",
            )

    def _settled(self, step: Step) -> Mapping[str, Any]:
        """The function when its update is through. Raises Held where that failed."""
        now = self._wait(step)
        if _layers(now) != step.after["layers"]:
            named = ", ".join(map(short, _layers(now))) or "none"
            raise Held("changed", f"somebody else gave it other layers just now: {named}")
        changed = differing(step.arguments["settings"], dict(settings(now)))
        if changed:
            # To publish it now would release what somebody else has only just put there.
            raise Held("changed", f"somebody else has changed its {', '.join(changed)} just now")
        if now.get("LastUpdateStatus") == "Failed":
            why = now.get("LastUpdateStatusReason", "no reason given")
            raise Held("update-failed", f"Lambda could not update it: {why}")
        return now

    def _publish(self, step: Step, settled: Mapping[str, Any]) -> str:
        members = {"FunctionName": step.target, "RevisionId": settled["RevisionId"]}
        try:
            return self._ready(step, self._call("PublishVersion", step, members))
        except WriteConflict:
            # What is published must be what was settled, whatever its revision is called now.
            members["RevisionId"] = self._settled(step)["RevisionId"]
            return self._ready(step, self._call("PublishVersion", step, members))

    def _ready(self, step: Step, version: Mapping[str, Any]) -> str:
        """The number of a version that can be called; with SnapStart that takes minutes."""
        number, waited = str(version["Version"]), 0.0
        while version.get("State") == "Pending" and waited < _SNAP_S:
            self.sleep(_LONGEST_POLL_S)
            waited += _LONGEST_POLL_S
            members = {"FunctionName": step.target, "Qualifier": number}
            version = self._call("GetFunctionConfiguration", step, members)
        if version.get("State", "Active") not in ("Active", "Inactive"):
            why = version.get("StateReason", "no reason given")
            raise Held("version-failed", f"its version {number} is {version['State']}: {why}")
        return number

    def _give_up(
        self, step: Step, done: Mapping[str, Any], error: MillraceError, resumed: bool
    ) -> None:
        """Put back what was done of a function before it could not go on."""
        if not (resumed or done.get("given") or done["aliases"]):
            return
        try:
            if resumed:  # what this process has moved, and what the one before it has
                self._aliases.all_back(step)
                done = {**done, "aliases": {}}
            self._put_back(step, done, layers=True)
        except MillraceError as second:
            if isinstance(second, Held) and second.code in _THEIRS:
                self._leave(step, error, second)
                return
            raise LayerError(
                f"{error} What was done of it could not be put back: {second} $LATEST has"
                f" {short(step.arguments['to'])}.",
            ) from error

    def _leave(self, step: Step, error: MillraceError, second: Held) -> None:
        """What somebody else has changed while we did stays theirs. Raises Held to say more."""
        if second.code == "function-gone" or _layers(self._read(step)) != step.after["layers"]:
            return  # nothing of ours is left in it
        named = short(step.arguments["to"])
        raise Held(
            second.code,
            f"{error}; {second}. $LATEST has {named} beside their change, and no alias was moved",
        ) from error

    def _layers_back(self, step: Step, revision: str) -> str:
        """Give it the layers that it had. Raises Held where it is not as it was left."""
        for known in (revision, ""):
            if not known:
                now = self._wait(step)
                if _layers(now) == step.before["layers"]:
                    return str(now["RevisionId"])
                changed = differing(step.arguments["settings"], dict(settings(now)))
                if changed or _layers(now) != step.after["layers"]:
                    what = ", ".join(changed) or f"layers: {', '.join(map(short, _layers(now)))}"
                    raise Held("changed", f"somebody else changed it since ({what})")
                known = str(now["RevisionId"])
            try:
                self._set_layers(step, step.before["layers"], known)
                return str(self._wait(step)["RevisionId"])
            except WriteConflict:
                continue
            except LayerError as error:
                if isinstance(error, Gone):
                    raise
                raise Held("refused", f"Lambda refuses the layers that it had: {error}") from error
        raise Held("changed", "somebody else is changing it right now")

    def _set_layers(self, step: Step, layers: Sequence[str], revision: str) -> None:
        members = {"FunctionName": step.target, "Layers": list(layers), "RevisionId": revision}
        self._call("UpdateFunctionConfiguration", step, members)

    def _tag(self, step: Step, batch: str, arn: str) -> None:
        version = str(layer_arn(arn).version) if arn else "none"
        named = f"{short(step.arguments['to'])}/{self.rollout}"
        tags = {"LayerRollout": named, "LayerRolloutBatch": batch, "LayerVersion": version}
        self._call("TagResource", step, {"Resource": step.target, "Tags": tags})

    def _wait(self, step: Step) -> Mapping[str, Any]:
        """The function when no update of it is in progress. Raises TooSlow."""
        waited, pause = 0.0, 0.5
        while _busy(now := self._read(step)):
            if waited >= _SETTLE_S:
                break
            self.sleep(pause)
            waited, pause = waited + pause, min(_LONGEST_POLL_S, pause * 1.5)
        else:
            return now
        raise TooSlow(
            f"The update of {step.target} is in progress for {_SETTLE_S:.0f} s. Look at the"
            " function in the console; then: millrace layers rollout resume"
        )

    def _read(self, step: Step) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._call(
            "GetFunctionConfiguration", step, {"FunctionName": step.target}
        )
        return found

    def _missing(self, arn: str) -> str:
        """Why a version cannot be given to a function; empty where it can."""
        try:
            self.cloud.call("lambda:GetLayerVersionByArn", layer_arn(arn).region, {"Arn": arn})
        except Gone:
            return "does not exist any more"
        except NotAllowed:
            if layer_arn(arn).account == self.cloud.account:
                raise
            return "was deleted, or is not shared with this account any more"
        return ""

    def _call(self, operation: str, step: Step, members: Mapping[str, Any]) -> Any:  # noqa: ANN401
        return self.cloud.call(f"lambda:{operation}", step.region, members)


def _layers(configuration: Mapping[str, Any]) -> list[str]:
    return [one["Arn"] for one in configuration.get("Layers", ())]


def _busy(configuration: Mapping[str, Any]) -> bool:
    return configuration.get("LastUpdateStatus") == "InProgress"
