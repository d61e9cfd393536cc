"""Two things to do with a plan: print it, or carry it out.

A plan is carried out only as a whole that still fits: everything it would change is looked at
first, and where one thing is neither as the plan found it nor as the plan would leave it, nothing
is done at all. Then the steps of a region run one after the other, regions side by side; each is
looked at once more, announced in the journal, done, and noted as done.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from textwrap import wrap
from typing import Any, Protocol

from millrace.errors import MillraceError, PlanError, PlanStopped, StalePlan
from millrace.plans import approval as approvals
from millrace.plans.approval import Approval
from millrace.plans.journal import Entry, Journal, progress, started
from millrace.plans.plan import Plan, State, Step, check, iso

_PARALLEL = 8
_NAMED = 5
# So many regions are named beside the account; more have lines of their own.
_ON_THE_LINE = 3


class Performer(Protocol):
    """What knows how to do the steps of one kind of plan.

    Both methods raise MillraceErrors that say what is wrong, and are called by several threads.
    """

    @property
    def account(self) -> str:
        """The account whose credentials these are."""
        ...

    def observe(self, step: Step) -> State:
        """How the target of a step is now: at least what its `before` and `after` speak of."""
        ...

    def perform(self, step: Step) -> State:
        """Do a step that was found ready; what came of it, for the journal."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of carrying out a plan.

    Attributes:
        done: the steps that were done now.
        already: those that had been done before, by this plan or by somebody else.
        results: what came of each, by its id.
    """

    done: tuple[Step, ...]
    already: tuple[Step, ...]
    results: Mapping[str, State]


class Executor(Protocol):
    """Does something with a plan."""

    def run(self, plan: Plan) -> Outcome:
        """What came of it."""
        ...


@dataclass(frozen=True, slots=True)
class PrintingExecutor:
    """Says what would be done, and does nothing."""

    write: Callable[[str], object]

    def run(self, plan: Plan) -> Outcome:
        """Write the plan's lines."""
        for line in lines(plan):
            self.write(line)
        return Outcome((), (), {})


def lines(plan: Plan) -> Iterator[str]:
    """A plan for people."""
    where = ", ".join(plan.regions)
    head = f"plan {plan.hash[:12]}: {plan.kind} in account {plan.account}"
    if len(plan.regions) <= _ON_THE_LINE:
        yield f"{head}, {where}"
    else:
        yield f"{head}, {len(plan.regions):,} regions:"
        yield from wrap(
            where, 76, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False
        )
    for step in plan.steps:
        sign = "-" if step.destroys or step.action.startswith("remove-") else "+"
        yield f"  {sign} {step.action} {step.target}"
        yield f"      {step.why}"
    for note in plan.notes:
        yield f"  note: {note}"
    count = len(plan.steps)
    yield f"  {count:,} step{'' if count == 1 else 's'}, good until {iso(plan.expires_ms)}"


@dataclass(slots=True)
class PerformingExecutor:
    """Carries a plan out, or goes on where its journal ends.

    Attributes:
        now_ms: the time of day.
        stopped: whether somebody wants it to end after the step that is under way.
        watch: is told of every step that is done.
    """

    performer: Performer
    journal: Journal
    now_ms: Callable[[], int]
    approval: Approval | None = None
    stopped: Callable[[], bool] = lambda: False
    watch: Callable[[Step, State], object] = lambda step, result: None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, plan: Plan) -> Outcome:
        """Carry the plan out.

        Raises PlanRefused or StalePlan before anything is changed, PlanStopped after.
        """
        check(plan, self.performer.account, self.now_ms())
        approvals.check(plan, self.approval)
        known = progress(self.journal.entries(), plan)
        pending = [step for step in plan.steps if step.id not in known.results]
        self._require_fresh(plan, pending)
        if not known.started:
            self.journal.append(started(plan, self.now_ms()))
        run = _Run(dict(known.results))
        self._carry_out(pending, run)
        if run.problem is not None:
            raise run.problem
        self._note(Entry("finished", self.now_ms()))
        return run.outcome(plan)

    def _require_fresh(self, plan: Plan, pending: Sequence[Step]) -> None:
        """Look at everything that the plan would change, but for what its own steps will make."""
        waiting = {step.id for step in pending}
        first = [step for step in pending if not waiting & set(step.needs)]
        with ThreadPoolExecutor(_PARALLEL) as pool:
            found = pool.map(self.performer.observe, first)
            differences = [
                f"{step.target}: {difference}"
                for step, observed in zip(first, found, strict=True)
                if (difference := difference_of(step, observed))
            ]
        if differences:
            more = len(differences) - _NAMED
            named = "; ".join(differences[:_NAMED]) + (f"; and {more} more" if more > 0 else "")
            raise StalePlan(
                "stale",
                f"Plan {plan.hash[:12]} no longer fits, and nothing was changed now: {named}. Make"
                " the plan again.",
            )

    def _carry_out(self, pending: Sequence[Step], run: _Run) -> None:
        lanes: dict[str, list[Step]] = {}
        for step in pending:
            lanes.setdefault(step.region, []).append(step)
        with ThreadPoolExecutor(max(1, min(_PARALLEL, len(lanes)))) as pool:
            for lane in [pool.submit(self._lane, steps, run) for steps in lanes.values()]:
                lane.result()

    def _lane(self, steps: Sequence[Step], run: _Run) -> None:
        for step in steps:
            if run.problem is not None:
                return
            if self.stopped():
                self._note(Entry("stopped", self.now_ms(), step.id))
                run.fail(PlanStopped("stopped", f"Stopped before {step.action} {step.target}."))
                return
            try:
                self._do(step, run)
            except MillraceError as error:
                run.fail(_stop(step, error))

    def _do(self, step: Step, run: _Run) -> None:
        observed = self.performer.observe(step)
        if _holds(step.after, observed):
            self._note(Entry("done", self.now_ms(), step.id, {"found": dict(observed)}))
            run.results[step.id] = observed
            return
        problem = difference_of(step, observed)
        if problem:
            raise StalePlan("stale", f"{step.target}: {problem}")
        self._note(Entry("intent", self.now_ms(), step.id, {"found": dict(observed)}))
        try:
            result = self.performer.perform(step)
        except MillraceError as error:
            reason = {"reason": str(error), "error": type(error).__name__}
            self._note(Entry("failed", self.now_ms(), step.id, reason))
            raise
        self._note(Entry("done", self.now_ms(), step.id, result))
        run.results[step.id] = result
        run.done.append(step)
        self.watch(step, result)

    def _note(self, entry: Entry) -> None:
        with self._lock:
            self.journal.append(entry)


@dataclass(slots=True)
class _Run:
    """What the lanes of one run share."""

    results: dict[str, State]
    done: list[Step] = field(default_factory=list)
    problem: PlanError | None = None

    def fail(self, problem: PlanError) -> None:
        """Let all lanes end after the step that they are at; the first reason is told."""
        self.problem = self.problem or problem

    def outcome(self, plan: Plan) -> Outcome:
        """What came of it."""
        now = {step.id for step in self.done}
        return Outcome(
            tuple(step for step in plan.steps if step.id in now),
            tuple(step for step in plan.steps if step.id not in now),
            self.results,
        )


def difference_of(step: Step, observed: State) -> str:
    """Why a step is neither ready nor done; empty where it is one of both.

    >>> step = Step("1", "delete", "t", "r", "", {"there": True, "users": 0}, {"there": False})
    >>> difference_of(step, {"there": True, "users": 2})
    'users is 2, not 0'
    >>> difference_of(step, {"there": False, "users": 0})
    ''
    """
    if _holds(step.after, observed) or _holds(step.before, observed):
        return ""
    return ", ".join(
        f"{name} is {_shown(observed.get(name))}, not {_shown(value)}"
        for name, value in step.before.items()
        if observed.get(name) != value
    )


def _holds(expected: State, observed: State) -> bool:
    return all(name in observed and observed[name] == value for name, value in expected.items())


def _shown(value: Any) -> str:  # noqa: ANN401  any JSON value
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "nothing"}[value]
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _stop(step: Step, error: MillraceError) -> PlanStopped:
    code = error.code if isinstance(error, PlanError) else "failed"
    return PlanStopped(
        code,
        f"Stopped at {step.action} {step.target}: {error} What is done stands in the journal; the"
        " same plan goes on from there, as long as it is good.",
    )
