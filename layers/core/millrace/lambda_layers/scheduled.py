"""The function that cleans layer versions up: once a day, or for one layer when it is asked.

By default it only plans. It deletes where the stack says `execute`, nothing above its limit, and
leaves a record of every plan and every deletion in a bucket.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from millrace.errors import ConfigurationError, InvalidEvent, PlanRefused
from millrace.features.environment import required
from millrace.lambda_layers import retention
from millrace.lambda_layers.aws import LambdaAccount
from millrace.lambda_layers.inventory import is_layer_name
from millrace.lambda_layers.prune import Deleter, Pruning, prepare
from millrace.lambda_layers.retention import Rules
from millrace.objects import Objects
from millrace.plans.executors import PerformingExecutor
from millrace.plans.journal_objects import ObjectJournal
from millrace.s3 import S3Objects

# Where it is off it is not deployed; `sam local invoke` runs it all the same, and it only plans.
MODES = ("off", "plan", "execute")
_PREFIX = "layers"
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
_KEYS = ("LayerName", "KeepVersions")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the stack says: see the parameters Layer… of template.yaml."""

    execute: bool
    rules: Rules
    regions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What one invocation did.

    Attributes:
        refused: why the plan was not carried out, as a code; empty where it was, or was to be only
            made.
        audit: where the record is.
    """

    pruning: Pruning
    executed: bool
    deleted: tuple[str, ...]
    refused: str
    audit: str

    @property
    def answer(self) -> dict[str, Any]:
        """What the function answers."""
        return {
            "deleted_versions": len(self.deleted),
            "deleted": list(self.deleted),
            "planned": [step.target for step in self.pruning.plan.steps],
            "executed": self.executed,
            "refused": self.refused or None,
            "missing": list(self.pruning.missing),
            "plan": self.pruning.plan.hash,
            "audit": self.audit,
        }


@dataclass(frozen=True, slots=True)
class Cleaner:
    """Makes a plan of every event, and carries it out where it may."""

    account: LambdaAccount
    settings: Settings
    records: Objects
    now_ms: Callable[[], int]
    bucket: str

    def handle(self, event: object) -> Cleaned:
        """Clean up what the event names: {"LayerName": …, "KeepVersions": …}, or all layers.

        Raises InvalidEvent for another event, and MillraceErrors where AWS refuses something.
        """
        layers, rules = read(event, self.settings.rules)
        pruning = prepare(self.account, self.settings.regions, rules, self.now_ms(), layers)
        plan = pruning.plan
        journal = ObjectJournal(self.records, _PREFIX, plan, new=True)
        audit = f"s3://{self.bucket}/{journal.folder}"
        if not self.settings.execute:
            return Cleaned(pruning, False, (), "", audit)
        try:
            retention.check_limit(plan, rules.limit)
        except PlanRefused as refused:
            return Cleaned(pruning, False, (), refused.code, audit)
        performer = Deleter(self.account, self.now_ms)
        outcome = PerformingExecutor(performer, journal, self.now_ms).run(plan)
        return Cleaned(pruning, True, tuple(step.target for step in outcome.done), "", audit)


def read(event: object, rules: Rules) -> tuple[list[str] | None, Rules]:
    """The layers that an event names (None is all of them), and the rules for them.

    >>> read({"LayerName": "deps", "KeepVersions": "3"}, Rules())[1].keep
    3
    """
    if not isinstance(event, Mapping):
        raise InvalidEvent("no-object", f"The event must be an object but is {event!r:.80}.")
    # Without a name it is all layers, so one that is misspelt must not count as none; but what
    # EventBridge sends of itself has none.
    unknown = sorted(set(map(str, event)) - set(_KEYS))
    if unknown and "detail-type" not in event:
        raise InvalidEvent(
            "unknown-key",
            f"{', '.join(unknown):.80} is unknown; an event has {' and '.join(_KEYS)}.",
        )
    name = event.get("LayerName")
    if "LayerName" in event and not (isinstance(name, str) and is_layer_name(name)):
        raise InvalidEvent(
            "layer-name", f"LayerName must be a layer's name, not its ARN, but is {name!r:.80}."
        )
    keep = event.get("KeepVersions", rules.keep)
    text = str(keep) if not isinstance(keep, bool) else ""
    if not _NUMBER.fullmatch(text) or int(text) < 1:
        raise InvalidEvent(
            "keep-versions", f"KeepVersions must be a whole number above 0 but is {keep!r:.80}."
        )
    # An event may keep more or fewer; how old a version must be, and how many may go at once, not.
    return [name] if name else None, Rules(int(text), rules.grace_days, rules.limit)


def cleaner(environment: Mapping[str, str], now_ms: Callable[[], int]) -> Cleaner:
    """What the environment describes. Raises ConfigurationError."""
    bucket = required(environment, "AUDIT_BUCKET")
    account = LambdaAccount()
    return Cleaner(account, settings(environment), S3Objects(bucket), now_ms, bucket)


def settings(environment: Mapping[str, str]) -> Settings:
    """What the environment says. Raises ConfigurationError, naming the variable."""
    mode = environment.get("PRUNE_MODE", "plan")
    if mode not in MODES:
        raise ConfigurationError(f"PRUNE_MODE is {mode!r}; it must be one of {', '.join(MODES)}.")
    regions = [one.strip() for one in environment.get("PRUNE_REGIONS", "").split(",")]
    return Settings(
        execute=mode == "execute",
        rules=Rules(
            keep=_number(environment, "PRUNE_KEEP", 5),
            grace_days=_number(environment, "PRUNE_GRACE_DAYS", 14),
            limit=_number(environment, "PRUNE_LIMIT", 20),
        ),
        regions=tuple(dict.fromkeys(one for one in regions if one))
        or (required(environment, "AWS_REGION"),),
    )


def _number(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name) or str(default)
    if not _NUMBER.fullmatch(text):
        raise ConfigurationError(
            f"{name} is {text!r}; it must be a whole number, such as {default}."
        )
    return int(text)
