"""Plans and journals as files, and what becomes of a plan: printed by default, or carried out.

Where it is carried out without having been stored, the plan and its journal are kept in
`.local/plans` (MILLRACE_PLANS), under the plan's hash.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from millrace.errors import ConfigurationError, PlanRefused
from millrace.plans import approval as approvals
from millrace.plans import plan as plans
from millrace.plans.approval import Approval
from millrace.plans.executors import Outcome, Performer, PerformingExecutor, PrintingExecutor
from millrace.plans.journal_file import FileJournal, read_entries
from millrace.plans.plan import Plan, State, Step

from cli.output import print_json, print_line, quantity, say
from cli.surroundings import Surroundings

_PLANS = ".local/plans"
_PANEL = "Plan"

ExecuteOption = Annotated[
    bool,
    typer.Option(
        "--execute/--dry-run",
        help="Carry the plan out; by default it is only printed.",
        rich_help_panel=_PANEL,
    ),
]
OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        metavar="FILE",
        help="Store the plan, for millrace layers apply.",
        rich_help_panel=_PANEL,
    ),
]
NeedsApprovalOption = Annotated[
    bool,
    typer.Option(
        "--needs-approval",
        help="Make a plan that somebody must approve (millrace layers approve).",
        rich_help_panel=_PANEL,
    ),
]


# What a command's JSON says beside the plan, as it is when it is printed.
More = Callable[[], dict[str, Any]]


def _nothing() -> dict[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to become of a plan that was just made."""

    execute: bool
    output: Path | None
    as_json: bool

    def check(self) -> None:
        """Raises ConfigurationError for what cannot go together."""
        if self.execute and self.output is not None:
            raise ConfigurationError(
                "--output stores a plan to be looked at, --execute carries it out now; choose one."
                " A stored plan is carried out by: millrace layers apply FILE --execute"
            )


@dataclass(frozen=True, slots=True)
class Desk:
    """Where plans are stored, read and carried out."""

    world: Surroundings

    @property
    def key(self) -> bytes | None:
        """What seals plans and approvals (MILLRACE_PLAN_KEY), if there is one."""
        text = self.world.environment.get("MILLRACE_PLAN_KEY", "")
        return text.encode() if text else None

    def settle(self, plan: Plan, asked: Asked, performer: Performer, more: More = _nothing) -> None:
        """Print a plan that was just made, store it, or carry it out."""
        if asked.output is not None:
            self.store(plan, asked.output)
        if not asked.execute:
            self.show(plan, asked.as_json, more, stored=asked.output)
            return
        path = self.folder / f"{plan.kind}-{plan.hash[:16]}.json"
        self.store(plan, path)
        self.carry_out(plan, path, performer, asked.as_json, more=more)

    def show(
        self,
        plan: Plan,
        as_json: bool,
        more: More = _nothing,
        *,
        stored: Path | None = None,
    ) -> None:
        """Print a plan, and how to go on."""
        if as_json:
            print_json({**_plan_json(plan), **more(), "executed": False})
        else:
            PrintingExecutor(print_line).run(plan)
        if plan.steps:
            how = f"millrace layers apply {stored} --execute" if stored else "add --execute"
            say(f"Nothing was changed. To carry it out: {how}")

    def carry_out(
        self,
        plan: Plan,
        path: Path,
        performer: Performer,
        as_json: bool,
        *,
        approval: Approval | None = None,
        more: More = _nothing,
    ) -> None:
        """Carry a plan out; its journal is beside its file."""
        journal_path = journal_of(path)
        with FileJournal(journal_path) as journal:
            executor = PerformingExecutor(performer, journal, self.world.now_ms, approval)
            executor.watch = _tell
            outcome = executor.run(plan)
        if as_json:
            done = _outcome_json(outcome, journal_path)
            print_json({**_plan_json(plan), **more(), "executed": True, **done})
            return
        already = f", {len(outcome.already):,} had been before" if outcome.already else ""
        print_line(f"plan {plan.hash[:12]}: {quantity(len(outcome.done), 'step')} done{already}")
        print_line(f"journal {journal_path}")

    def store(self, plan: Plan, path: Path) -> None:
        """Write a plan to a file. Raises ConfigurationError, and PlanRefused where that would part
        another plan from its journal before it is carried out to its end.
        """
        try:
            _set_aside(journal_of(path), plan)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(plans.write(plan, self.key), encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(f"Cannot write {path}: {error.strerror}.") from error

    def load(self, path: Path) -> Plan:
        """The plan in a file. Raises ConfigurationError or PlanRefused."""
        return plans.read(_text(path), self.key)

    def approval(self, plan_path: Path, named: Path | None) -> Approval | None:
        """The approval in a file, by default the one beside the plan, if there is one."""
        path = named or approval_of(plan_path)
        if named is None and not path.exists():
            return None
        return approvals.read(_text(path), self.key)

    @property
    def folder(self) -> Path:
        """Where plans and journals are that nobody has named."""
        return Path(self.world.environment.get("MILLRACE_PLANS") or _PLANS)


def _set_aside(journal: Path, plan: Plan) -> None:
    """Give the journal of a finished plan that is about to be replaced a name of its own."""
    entries = read_entries(journal)
    of = str(entries[0].data.get("plan")) if entries else plan.hash
    if of == plan.hash:
        return
    if entries[-1].event != "finished":
        raise PlanRefused(
            "other-journal",
            f"{journal} is of plan {of[:12]}, which is not carried out to its end. Go on with it"
            " (millrace layers apply), or store this plan under another name.",
        )
    journal.rename(journal.with_name(f"{journal.name.partition('.journal')[0]}.{of[:12]}.jsonl"))


def journal_of(plan: Path) -> Path:
    """Where a plan's journal is: beside it."""
    return plan.with_name(f"{plan.stem}.journal.jsonl")


def approval_of(plan: Path) -> Path:
    """Where a plan's approval is: beside it."""
    return plan.with_name(f"{plan.stem}.approval.json")


def performer_of(plan: Plan, known: dict[str, Callable[[], Performer]]) -> Performer:
    """What carries out this kind of plan. Raises PlanRefused for a kind that nobody knows."""
    if plan.kind not in known:
        raise PlanRefused(
            "unknown-kind",
            f"Plans of kind {plan.kind!r} are not known here; known: {', '.join(sorted(known))}.",
        )
    return known[plan.kind]()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}.") from error


def _tell(step: Step, _: State) -> None:
    say(f"{step.action} {step.target}: done")


def _plan_json(plan: Plan) -> dict[str, Any]:
    return {"plan": plan.document | {"hash": plan.hash}}


def _outcome_json(outcome: Outcome, journal: Path) -> dict[str, Any]:
    return {
        "done": [step.id for step in outcome.done],
        "already": [step.id for step in outcome.already],
        "results": {name: dict(result) for name, result in outcome.results.items()},
        "journal": str(journal),
    }
