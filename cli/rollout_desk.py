"""Rollouts by their ids: where their plans and journals are, how they run and what is said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from millrace.errors import ConfigurationError, PlanRefused
from millrace.lambda_layers import codedeploy, evidence, stopping, survey, waves
from millrace.lambda_layers.aws import LambdaAccount
from millrace.lambda_layers.codedeploy import CodeDeploy
from millrace.lambda_layers.evidence import CloudWatch
from millrace.lambda_layers.rolling import Rolling
from millrace.lambda_layers.rollout import KIND, wave_of
from millrace.lambda_layers.rollout_aws import AwsFleet
from millrace.lambda_layers.rollout_check import require_whole
from millrace.lambda_layers.standing import Standing, document, names, standing
from millrace.lambda_layers.stopping import Buttons, StopFile, StopParameter
from millrace.plans.journal_file import FileJournal, read_entries
from millrace.plans.plan import Plan, iso

from cli.lambda_account import connect
from cli.output import print_facts, print_json, print_line, print_table, quantity, say
from cli.plan_files import Asked, Desk, journal_of
from cli.surroundings import Surroundings

MAKERS = {**codedeploy.MAKERS, **evidence.MAKERS, **stopping.MAKERS, **survey.MAKERS}
_SHORTEST = 4
_NAMED = 6


@dataclass(frozen=True, slots=True)
class Stored:
    """A rollout's plan, the file that holds it, and its approval where that is not beside it."""

    plan: Plan
    path: Path
    approval: Path | None = None

    @property
    def id(self) -> str:
        """What it is called."""
        return self.plan.hash[:12]

    @property
    def file(self) -> StopFile:
        """The stop button beside it."""
        return StopFile(self.path.with_name(f"{self.path.stem}.stop"))


@dataclass(frozen=True, slots=True)
class RolloutDesk:
    """Where rollouts are stored, found and carried out."""

    world: Surroundings

    def connect(self) -> LambdaAccount:
        """The account, with all services that a rollout needs."""
        return connect(self.world.environment, MAKERS)

    def settle(self, plan: Plan, asked: Asked, account: LambdaAccount) -> Standing | None:
        """Print a plan that was just made, store it, or carry it out."""
        desk = Desk(self.world)
        if not asked.execute:
            if asked.output is not None:
                desk.store(plan, asked.output)
            self.show(plan, asked.as_json, asked.output, dict(account.calls))
            return None
        stored = Stored(plan, desk.folder / f"{KIND}-{plan.hash[:16]}.json")
        if not plan.steps:
            self.show(plan, asked.as_json, None, dict(account.calls))
            return None
        desk.store(plan, stored.path)
        with self._rolling(stored, account) as rolling:
            found = rolling.run(plan)
        self.report(found, stored, asked.as_json, account)
        return found

    def find(self, text: str) -> Stored:
        """A rollout by its id, or by its plan's file. Raises ConfigurationError or PlanRefused."""
        desk, path = Desk(self.world), Path(text)
        if not path.is_file():
            path = self._by_id(desk.folder, text)
        plan = desk.load(path)
        require_whole(plan)
        return Stored(plan, path)

    def go_on(
        self, stored: Stored, as_json: bool, *, release: bool = False, accept: bool = False
    ) -> Standing:
        """Begin a stored rollout, or take it up where its journal ends.

        With `release` the stop button that `stop` has pressed is released first.
        """
        self._remember(stored)
        account = self.connect()
        who = account.identity["Arn"] if accept else ""
        with self._rolling(stored, account, who) as rolling:
            if release:
                self.buttons(stored, account).release()
            found = rolling.run(stored.plan)
        self.report(found, stored, as_json, account)
        return found

    def undo(self, stored: Stored, why: str, as_json: bool) -> Standing:
        """Put everything back."""
        account = self.connect()
        with self._rolling(stored, account) as rolling:
            found = rolling.roll_back(stored.plan, why)
        self.report(found, stored, as_json, account)
        return found

    def stands(self, stored: Stored) -> Standing:
        """How far it is, by its journal; it may be running."""
        return standing(read_entries(journal_of(stored.path)), stored.plan)

    def running(self, stored: Stored) -> bool:
        """Whether a process carries it out just now."""
        path = journal_of(stored.path)
        if not path.exists():
            return False
        try:
            FileJournal(path).close()
        except PlanRefused as error:
            return error.code == "in-use"
        return False

    def buttons(self, stored: Stored, account: LambdaAccount) -> Buttons:
        """What stops it."""
        name = str(stored.plan.asked["stop"])
        parameter = StopParameter(account, stored.plan.regions[0], name, stored.id)
        return Buttons((stored.file, parameter) if name else (stored.file,))

    @contextmanager
    def _rolling(
        self, stored: Stored, account: LambdaAccount, accept: str = ""
    ) -> Iterator[Rolling]:
        sleep = self.world.sleep
        fleet = AwsFleet(account, stored.id, sleep, CodeDeploy(account, sleep))
        with FileJournal(journal_of(stored.path)) as journal:
            yield Rolling(
                fleet,
                CloudWatch(account, sleep),
                self.buttons(stored, account),
                journal,
                self.world.now_ms,
                sleep,
                approval=Desk(self.world).approval(stored.path, stored.approval),
                accept=accept,
                tell=say,
            )

    def _remember(self, stored: Stored) -> None:
        """Let a rollout that was stored elsewhere be found by its id, too."""
        folder, path = Desk(self.world).folder, stored.path.resolve()
        if path.parent != folder.resolve():
            folder.mkdir(parents=True, exist_ok=True)
            place = folder / f"{KIND}-{stored.plan.hash[:16]}.place"
            place.write_text(str(path), encoding="utf-8")

    def _by_id(self, folder: Path, text: str) -> Path:
        names = f"{KIND}-{text[:16]}*.json" if text.isalnum() and len(text) >= _SHORTEST else ""
        found = sorted(folder.glob(names)) if names else []
        found = [path for path in found if "." not in path.stem.removeprefix(KIND)]
        found += [Path(place.read_text(encoding="utf-8")) for place in _places(folder, names)]
        if len(found) == 1:
            return found[0]
        there = ", ".join(
            path.stem.rpartition("-")[2][:12] for path in folder.glob(f"{KIND}-*.json")
        )
        problem = f"fits {len(found)} rollouts" if found else "is no rollout that is known here"
        raise ConfigurationError(
            f"{text!r} {problem}. Name one by its id, or by the file of its plan; in {folder} there"
            f" are: {there or 'none'}."
        )

    def show(
        self, plan: Plan, as_json: bool, path: Path | None, calls: dict[str, int] | None = None
    ) -> None:
        """Print a plan, and how to go on."""
        if as_json:
            plain = {"plan": plan.document | {"hash": plan.hash}, "waves": list(_waves(plan))}
            print_json({**plain, "rollout": plan.hash[:12], "calls": calls, "executed": False})
        else:
            _show(plan)
        if plan.steps:
            how = f"millrace layers apply {path} --execute" if path else "add --execute"
            say(f"Nothing was changed. To carry it out: {how}")
        else:
            say("There is nothing to roll out.")

    def report(
        self, found: Standing, stored: Stored, as_json: bool, account: LambdaAccount | None = None
    ) -> None:
        """Print how far a rollout is."""
        journal = journal_of(stored.path)
        plain = document(found) | {"journal": str(journal), "plan": str(stored.path)}
        # A parameter is only looked at where there are credentials; it is told when it stops.
        plain["stop_pressed"] = not found.outcome and bool(stored.file.pressed())
        if found.state in ("running", "rolling-back") and not self.running(stored):
            plain["state"] = "interrupted"
        if as_json:
            calls = dict(account.calls) if account else {}
            print_json(plain | {"calls": calls})
            return
        print_table(
            ["wave", "functions", "changed", "held", "gate"],
            [
                (w["wave"], len(w["functions"]), w["changed"], w["held"], _gate(w))
                for w in plain["waves"]
            ],
            title=f"rollout {stored.id}: {plain['state']}",
            right=["wave", "functions", "changed", "held"],
        )
        empty = waves.left_out(stored.plan.asked["waves"], len(stored.plan.steps))
        for line in (empty, plain["reason"]):
            if line:
                print_line(line)
        for title in ("held", "left"):
            for one in plain[title]:
                print_line(f"{one['function']} is {title}: {one['reason']}")
        for name in plain["under_way"]:
            print_line(f"{name} was under way")
        if plain["stop_pressed"]:
            print_line(f"the stop button is pressed: {stored.file.path}")
        for line in _next(found, stored):
            print_line(line)


def _places(folder: Path, names: str) -> list[Path]:
    """Files that say where the plan of a rollout is."""
    return sorted(folder.glob(names.replace(".json", ".place"))) if names else []


def _waves(plan: Plan) -> Iterator[dict[str, Any]]:
    called = names(plan)
    for wave in sorted({wave_of(step) for step in plan.steps}):
        steps = [called[one.id] for one in plan.steps if wave_of(one) == wave]
        yield {"wave": wave, "functions": steps}


def _show(plan: Plan) -> None:
    print_facts(
        [
            ("layer", "\n".join(plan.asked["layer"].values())),
            ("account", f"{plan.account}, {', '.join(plan.regions)}"),
            ("functions", f"{len(plan.steps):,}"),
            ("good until", iso(plan.expires_ms)),
        ],
        title=f"rollout {plan.hash[:12]}",
    )
    rows = []
    for one in _waves(plan):
        steps = [step for step in plan.steps if wave_of(step) == one["wave"]]
        shown = [
            f"{name}: {step.why.partition(': ')[2]}"
            for name, step in zip(one["functions"], steps[:_NAMED], strict=False)
        ]
        more = [f"and {len(steps) - _NAMED:,} more"] if len(steps) > _NAMED else []
        rows.append((one["wave"], len(steps), "\n".join([*shown, *more])))
    if rows:
        print_table(["wave", "functions", "what"], rows, right=["wave", "functions"])
    for note in plan.notes:
        reason, _, left = note.rpartition(": ")
        listed = left.split(", ")
        others = f" and {len(listed) - _NAMED:,} more" if len(listed) > _NAMED else ""
        if reason:
            print_line(f"{reason}: {', '.join(listed[:_NAMED])}{others}")
        else:
            print_line(note)


def _gate(wave: dict[str, Any]) -> str:
    gate = wave["gate"]
    return "" if gate is None else "; ".join([gate["decision"], *gate["reasons"]])


def _next(found: Standing, stored: Stored) -> Iterator[str]:
    """What a person may do now."""
    changed = [one for one in found.changed if one not in found.undone]
    command = "millrace layers rollout"
    if found.state in ("stopped", "held", "running", "rolling-back"):
        yield f"to go on:     {command} resume {stored.id}"
    if changed and not found.rollback:
        yield f"to take back: {command} rollback {stored.id} --execute"
    if found.held and found.outcome:
        held = quantity(len(found.held), "function")
        yield f"{held} held: plan the rollout again; it takes up what has not got the version"
