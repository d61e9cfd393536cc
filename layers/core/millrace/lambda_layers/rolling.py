"""Carrying out a rollout: wave by wave, a gate after each, and back again where it fails.

Nothing here knows AWS: it is given a `Fleet` that changes one function, `Evidence` of how
functions do, and a `Stop` button. Every decision is in the journal before the next one is made, so
that a rollout that dies goes on as if it had not.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from millrace.errors import MillraceError, NotAllowed, StalePlan, TransientError
from millrace.lambda_layers.exchange import Held, short
from millrace.lambda_layers.fleet import Evidence, Fleet, Stop
from millrace.lambda_layers.gate import Decision, Health, Rules, Verdict, judge
from millrace.lambda_layers.rollout import rules_of
from millrace.lambda_layers.standing import DONE, ROLLBACK, ROLLED_BACK, Standing, standing
from millrace.plans import approval as approvals
from millrace.plans.approval import Approval
from millrace.plans.journal import Entry, Journal, started
from millrace.plans.plan import Plan, Step, check


@dataclass(slots=True)
class Rolling:
    """One run of one rollout.

    Attributes:
        now_ms: the time of day; sleep: waits for some seconds.
        accept: a wave on which there is too little data is passed, because a person says so.
        tell: is told what happens, for people.
    """

    fleet: Fleet
    evidence: Evidence
    stop: Stop
    journal: Journal
    now_ms: Callable[[], int]
    sleep: Callable[[float], None]
    approval: Approval | None = None
    accept: str = ""
    tell: Callable[[str], object] = lambda line: None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, plan: Plan) -> Standing:
        """Begin a rollout, or go on where its journal ends.

        Raises PlanRefused or StalePlan before anything is changed.
        """
        found = standing(self.journal.entries(), plan)
        if found.outcome:
            return found
        if found.started:
            self._require_account(plan)
            self._note(found, started(plan, self.now_ms()))  # once more
        else:
            self._start(plan, found)
        try:
            if not found.rollback:
                self._waves(found)
            if found.rollback and not found.halted[0]:
                self._undo(found)
        except MillraceError as error:
            self._halt(found, "failed", str(error))
        return found

    def roll_back(self, plan: Plan, why: str) -> Standing:
        """Put back everything that was changed, whatever the gates said."""
        found = standing(self.journal.entries(), plan)
        if found.outcome == ROLLED_BACK or not found.started:
            return found
        self._require_account(plan)
        self._note(found, started(plan, self.now_ms()))
        try:
            if not found.rollback:
                self._note(found, Entry("intent", self.now_ms(), ROLLBACK, {"reason": why}))
            self._undo(found)
        except MillraceError as error:
            self._halt(found, "failed", str(error))
        return found

    def _require_account(self, plan: Plan) -> None:
        """What has begun may go on after its plan's time, but in no other account."""
        check(plan, self.fleet.account, plan.made_ms)

    def _start(self, plan: Plan, found: Standing) -> None:
        check(plan, self.fleet.account, self.now_ms())
        approvals.check(plan, self.approval)
        gone = self.fleet.missing(sorted(set(plan.asked["layer"].values())))
        if gone:
            named = "; ".join(f"{short(arn)} {why}" for arn, why in gone.items())
            raise StalePlan(
                "stale",
                f"Plan {plan.hash[:12]} no longer fits, and nothing was changed: {named}. Publish"
                " the layer, and plan the rollout of that version.",
            )
        self._note(found, started(plan, self.now_ms()))

    def _waves(self, found: Standing) -> None:
        for wave, pending in found.waves():
            if not found.of(wave):
                continue  # an earlier one took all of it
            before = self._begin(found, wave, pending)
            if not found.halted[0]:
                self._each(found, pending, self._change)
                self._substitute(found, wave)
            if found.halted[0]:
                return
            verdict = self._gate(found, wave, before)
            if verdict is None:
                return
            self._note(found, Entry("done", self.now_ms(), f"gate:{wave}", verdict.document))
            self.tell(f"wave {wave}: {verdict.told}")
            if verdict.decision is Decision.FAILED:
                why = f"wave {wave} failed its gate: {'; '.join(verdict.reasons)}"
                self._note(found, Entry("intent", self.now_ms(), ROLLBACK, {"reason": why}))
                return
            if verdict.decision is Decision.TOO_LITTLE:
                self._halt(found, "too-little-data", "; ".join(verdict.reasons))
                return
        self._note(found, Entry("finished", self.now_ms(), data={"outcome": DONE}))

    def _begin(self, found: Standing, wave: int, pending: Sequence[Step]) -> Mapping[str, Health]:
        """How the wave did before. Who may not see that finds out before anything is changed."""
        steps = found.of(wave)
        before = self._before(found, wave, steps)
        if wave not in found.begun_ms:
            data = {"functions": len(steps)}
            self._note(found, Entry("intent", self.now_ms(), f"wave:{wave}", data))
        if pending:
            calls = sum(one.invocations for one in before.values())
            self.tell(f"wave {wave}: {len(pending):,} to change; {calls:,} invocations before")
            gone = self.fleet.missing(sorted({step.arguments["to"] for step in pending}))
            for arn, why in gone.items():
                self._halt(found, "missing-layer", f"{short(arn)} {why}")
        return before

    def _before(self, found: Standing, wave: int, steps: Sequence[Step]) -> Mapping[str, Health]:
        """How these functions did in the time before the wave."""
        rules = rules_of(found.plan)
        begun = found.begun_ms.get(wave) or self.now_ms()
        start = begun - rules.baseline_s * 1000
        return self._health(found, steps, start, begun, inits=rules.min_inits > 0)

    def _health(
        self, found: Standing, steps: Sequence[Step], start_ms: int, end_ms: int, *, inits: bool
    ) -> Mapping[str, Health]:
        """How functions do, by what they are called."""
        if not steps:
            return {}
        health = self.evidence.health(steps, start_ms, end_ms, inits=inits)
        return {found.names[step.id]: health[step.target] for step in steps}

    def _substitute(self, found: Standing, wave: int) -> None:
        """A wave that could change none of its own takes the next ones: its size is a promise."""
        while not (found.halted[0] or found.unhealthy or found.changed_in(wave)):
            step = found.substitute(wave)
            if step is None:
                return
            self.tell(f"{found.names[step.id]} takes the place of one that is held")
            data = {"instead": step.id}
            self._note(found, Entry("intent", self.now_ms(), f"wave:{wave}", data))
            self._each(found, [step], self._change)

    def _change(self, found: Standing, step: Step) -> None:
        if found.unhealthy:
            return  # its wave has failed
        pressed = self.stop.pressed()
        if pressed:
            self._halt(found, "stopped", f"{pressed}; before {found.names[step.id]}")
            return
        resumed = step.id in found.open
        if not resumed:
            self._note(found, Entry("intent", self.now_ms(), step.id, {"found": step.before}))
        try:
            result = self.fleet.change(step, resumed=resumed)
        except Held as held:
            refused = {"code": held.code, "reason": str(held)}
            self._note(found, Entry("failed", self.now_ms(), step.id, refused))
            self.tell(f"{found.names[step.id]}: held: {held}")
            return
        except NotAllowed as error:
            # It was put back, and is tried again when it is allowed.
            data: dict[str, Any] = {"code": "not-allowed", "reason": str(error), "again": True}
            self._note(found, Entry("failed", self.now_ms(), step.id, data))
            self._halt(found, "not-allowed", str(error))
            return
        except MillraceError as error:
            self._halt(found, "failed", f"{found.names[step.id]}: {error}")
            return
        self._note(found, Entry("done", self.now_ms(), step.id, result))
        count = f"{len(found.changed):,} of {len(found.plan.steps):,}"
        what = step.why.partition(": ")[2]
        self.tell(f"{found.names[step.id]}: {what}: done ({count})")

    def _gate(self, found: Standing, wave: int, before: Mapping[str, Health]) -> Verdict | None:
        """The verdict on a wave, after its time; None where it was stopped."""
        rules, steps = rules_of(found.plan), found.changed_in(wave)
        if found.unhealthy:
            return Verdict(Decision.FAILED, found.unhealthy, {})
        if not steps:
            return Verdict(Decision.NOTHING, ("all of its functions are held",), {})
        unknown = [step for step in steps if found.names[step.id] not in before]
        before = {**self._before(found, wave, unknown), **before}
        was = {name: before[name] for name in (found.names[step.id] for step in steps)}
        since = found.changed_ms[wave]
        baked = since + rules.bake_s * 1000
        end = baked + _patience_s(was, rules) * 1000
        while True:
            now = self.now_ms()
            last = now >= baked
            inits = last and rules.min_inits > 0  # a query of logs is paid for; errors come first
            try:
                pressed = self.stop.pressed()
                if pressed:
                    self._halt(found, "stopped", f"{pressed}; while wave {wave} was watched")
                    return None
                after = self._health(found, steps, since, now, inits=inits)
            except TransientError as error:
                # A wave that bakes for hours must not be lost for one answer.
                if now >= end:
                    raise
                self.tell(f"wave {wave}: {error}")
                self.sleep(rules.poll_s)
                continue
            verdict = judge(was, after, rules, inits=inits)
            if verdict.decision is Decision.FAILED:
                return verdict
            if last and (verdict.decision is Decision.PASSED or now >= end or self.accept):
                return self._accepted(verdict)
            left_ms = (baked if now < baked else end) - now
            self.sleep(min(rules.poll_s, left_ms / 1000))

    def _accepted(self, verdict: Verdict) -> Verdict:
        if verdict.decision is not Decision.TOO_LITTLE or not self.accept:
            return verdict
        reasons = (f"passed on the word of {self.accept}", *verdict.reasons)
        self.accept = ""  # for this wave, not for those that nobody has seen
        return Verdict(Decision.PASSED, reasons, verdict.figures)

    def _undo(self, found: Standing) -> None:
        steps = found.to_undo()
        self.tell(f"rolling back {len(steps):,}: {found.rollback}")
        arns = {arn for step in steps for arn in step.before["layers"]}
        gone = self.fleet.missing(sorted(arns))
        self._each(found, steps, lambda one, step: self._restore(one, step, gone))
        if not found.halted[0]:
            self._note(found, Entry("finished", self.now_ms(), data={"outcome": ROLLED_BACK}))

    def _restore(self, found: Standing, step: Step, gone: Mapping[str, str]) -> None:
        name, undo = found.names[step.id], f"undo:{step.id}"
        lost = [f"{short(arn)} {gone[arn]}" for arn in step.before["layers"] if arn in gone]
        self._note(found, Entry("intent", self.now_ms(), undo, {"to": step.before}))
        try:
            result = self.fleet.restore(step, found.changed.get(step.id, {}), layers=not lost)
            if lost:
                raise Held("missing-layer", _kept(step, lost))
        except Held as held:
            data = {"code": held.code, "reason": str(held)}
            self._note(found, Entry("failed", self.now_ms(), undo, data))
            self.tell(f"{name}: left: {held}")
        except MillraceError as error:
            self._halt(found, "failed", f"{name}: {error}")
        else:
            self._note(found, Entry("done", self.now_ms(), undo, result))
            self.tell(f"{name}: as it was")

    def _each(
        self, found: Standing, steps: Sequence[Step], do: Callable[[Standing, Step], None]
    ) -> None:
        """Do something for each; after one that halts the rollout no other is begun."""

        def one(step: Step) -> None:
            if not found.halted[0]:
                do(found, step)

        workers = int(found.plan.asked["parallel"])
        if workers == 1:
            for step in steps:
                one(step)
            return
        with ThreadPoolExecutor(workers) as pool:
            try:
                list(pool.map(one, steps))
            except BaseException:  # Ctrl-C must not wait until all that is queued is changed
                found.halted = ("interrupted", "it was interrupted")
                raise

    def _halt(self, found: Standing, code: str, reason: str) -> None:
        if found.halted[0]:
            return
        data = {"code": code, "reason": reason}
        self._note(found, Entry("stopped", self.now_ms(), data=data))

    def _note(self, found: Standing, entry: Entry) -> None:
        with self._lock:
            self.journal.append(entry)
            found.take(entry)


def _patience_s(before: Mapping[str, Health], rules: Rules) -> int:
    """Waiting brings data of after the change, none of before."""
    enough = sum(one.invocations for one in before.values()) >= rules.min_invocations
    return rules.patience_s if enough else 0


def _kept(step: Step, lost: Sequence[str]) -> str:
    aliases = ", ".join(step.arguments["aliases"])
    back = f" Alias {aliases} points again to what it did, which still works." if aliases else ""
    return (
        f"its layers cannot be put back: {'; '.join(lost)}, and a function cannot be given it."
        f" $LATEST keeps {short(step.arguments['to'])}.{back} Publish that layer's content again"
        " and roll that version out."
    )
