"""A plan as plain data: steps with what must be true before each, and what is true after it.

It is stored as JSON with a hash over its canonical form, and a seal (HMAC-SHA256) where there is a
key. A hash alone detects an edited plan only from those who do not know how to make one; the key
makes it proof.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from millrace.errors import PlanRefused

# JSON without numbers that are not whole: what is written is read back the same everywhere.
State = Mapping[str, Any]

FORMAT = "millrace-plan/1"
# Two machines' clocks differ.
_AHEAD_MS = 5 * 60_000


@dataclass(frozen=True, slots=True)
class Step:
    """One change of one thing.

    Attributes:
        id: unique in its plan.
        action: what is done, in the words of the capability: "delete-layer-version".
        target: what it is done to, as an ARN where there is one.
        why: the reason, for people.
        before: what must be true of the target, or the plan is stale.
        after: what is true of it then; a step for which that holds already is done.
        arguments: what the performer needs beside the target.
        needs: ids of steps that come first.
        destroys: what it takes away cannot be brought back.
    """

    id: str
    action: str
    target: str
    region: str
    why: str
    before: State
    after: State
    arguments: State = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    destroys: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What to change, for one account and for some hours.

    Attributes:
        kind: which capability made it and will carry it out: "layers.prune".
        asked: what it was asked for, so that a person sees what it follows from.
        notes: what is not changed although one could think so, and why.
        needs_approval: it is refused without the approval of somebody else than made it.
        made_by: who that is, as AWS names callers; empty where nobody asked.
    """

    kind: str
    account: str
    regions: tuple[str, ...]
    made_ms: int
    expires_ms: int
    asked: State
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()
    needs_approval: bool = False
    made_by: str = ""

    @property
    def document(self) -> dict[str, Any]:
        """The plan as JSON holds it, without hash and seal."""
        return {
            "format": FORMAT,
            "kind": self.kind,
            "account": self.account,
            "regions": list(self.regions),
            "made_at": iso(self.made_ms),
            "expires_at": iso(self.expires_ms),
            "made_by": self.made_by,
            "needs_approval": self.needs_approval,
            "asked": dict(self.asked),
            "steps": [_step_document(step) for step in self.steps],
            "notes": list(self.notes),
        }

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical JSON: the plan's name in approvals and journals."""
        return hashlib.sha256(canonical(self.document)).hexdigest()


def canonical(document: Any) -> bytes:  # noqa: ANN401  any JSON value
    """The one spelling of a JSON value.

    >>> canonical({"b": [1, None], "a": "é"})
    b'{"a":"\\xc3\\xa9","b":[1,null]}'
    """
    text = json.dumps(
        document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def write(plan: Plan, key: bytes | None = None) -> str:
    """The plan as a file holds it: its document, hash and, with a key, its seal."""
    document = plan.document | {"hash": plan.hash}
    if key is not None:
        document["seal"] = seal(plan.hash, key)
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def read(text: str, key: bytes | None = None) -> Plan:
    """The plan in a file. Raises PlanRefused for one that is not as it was written.

    With a key, a plan without its seal is refused too.
    """
    try:
        document = json.loads(text)
        if document.get("format") != FORMAT:
            raise PlanRefused(
                "unknown-format",
                f"The plan's format is {document.get('format')!r}; this version reads {FORMAT}."
                " Make the plan again.",
            )
        stated = {name: document.pop(name, None) for name in ("hash", "seal")}
        plan = _plan(document)
        found = canonical(document)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise PlanRefused(
            "unreadable", f"This is no plan: {type(error).__name__}: {error}. Make the plan again."
        ) from error
    # The hash is over what stands there: what `_plan` would not read must not be added either.
    digest = hashlib.sha256(found).hexdigest()
    if not hmac.compare_digest(digest, str(stated["hash"])) or plan.hash != digest:
        raise PlanRefused(
            "tampered",
            f"The plan was changed after it was made: its content has the hash {digest[:12]}, it"
            f" says {str(stated['hash'])[:12]}. Make the plan again; to change it, change what it"
            " is asked for.",
        )
    if key is not None:
        check_seal(plan.hash, stated["seal"], key, "plan")
    return plan


def seal(content: str, key: bytes) -> str:
    """The seal that only who has the key can make."""
    return "hmac-sha256:" + hmac.new(key, content.encode(), hashlib.sha256).hexdigest()


def check_seal(content: str, stated: object, key: bytes, what: str) -> None:
    """Raises PlanRefused where the seal is not that of the key."""
    if stated is None:
        raise PlanRefused(
            "unsealed",
            f"The {what} has no seal, and here only sealed ones are carried out. Make it where"
            " MILLRACE_PLAN_KEY is set.",
        )
    if not hmac.compare_digest(seal(content, key), str(stated)):
        raise PlanRefused(
            "wrong-seal",
            f"The {what} was sealed with another key, or changed since. Make it again with the"
            " MILLRACE_PLAN_KEY that is set here.",
        )


def check(plan: Plan, account: str, now_ms: int) -> None:
    """Raises PlanRefused for a plan of another account or another time."""
    if plan.account != account:
        raise PlanRefused(
            "other-account",
            f"The plan was made for account {plan.account}; the credentials are of {account}."
            " Choose the account with AWS_PROFILE, or make a plan for this one.",
        )
    if now_ms >= plan.expires_ms:
        raise PlanRefused(
            "expired",
            f"The plan was good until {iso(plan.expires_ms)}; now it is {iso(now_ms)}. Make it"
            " again: what it was made from may have changed.",
        )
    if plan.made_ms > now_ms + _AHEAD_MS:
        raise PlanRefused(
            "not-yet",
            f"The plan was made at {iso(plan.made_ms)}, which is still to come: here it is"
            f" {iso(now_ms)}. Set this machine's clock.",
        )


def require_arguments(plan: Plan, known: Mapping[str, Sequence[str]]) -> None:
    """Raises PlanRefused for an action that is not known, or that lacks what it needs.

    `known` are the arguments that an action needs, by its name; one inside another behind a dot.
    """
    ids = Counter(step.id for step in plan.steps)
    for step in plan.steps:
        lacking = ["action"] if step.action not in known else []
        lacking += ["id"] if ids[step.id] > 1 else []
        lacking += ["needs"] if set(step.needs) - set(ids) else []
        for path in known.get(step.action, ()):
            found: Any = step.arguments
            for name in path.split("."):
                found = found.get(name) if isinstance(found, dict) else None
            lacking += [path] if found is None else []
        if lacking or step.region not in plan.regions:
            raise PlanRefused(
                "unreadable",
                f"This is no plan of {plan.kind}: its step {step.id} ({step.action} in"
                f" {step.region}) has no good {lacking[0] if lacking else 'region'}. Make the plan"
                " again.",
            )


def iso(at_ms: int) -> str:
    """A time as plans write it.

    >>> iso(1_000)
    '1970-01-01T00:00:01.000Z'
    """
    text = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def from_iso(text: str) -> int:
    """Milliseconds since 1970 of a time with its zone.

    >>> from_iso("1970-01-01T00:00:01.000Z"), from_iso("2026-03-01T12:00:00.000+0000")
    (1000, 1772366400000)
    """
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def _step_document(step: Step) -> dict[str, Any]:
    return {
        "id": step.id,
        "action": step.action,
        "target": step.target,
        "region": step.region,
        "why": step.why,
        "before": dict(step.before),
        "after": dict(step.after),
        "arguments": dict(step.arguments),
        "needs": list(step.needs),
        "destroys": step.destroys,
    }


def _plan(document: Mapping[str, Any]) -> Plan:
    _require_types(document)
    return Plan(
        kind=document["kind"],
        account=document["account"],
        regions=tuple(document["regions"]),
        made_ms=from_iso(document["made_at"]),
        expires_ms=from_iso(document["expires_at"]),
        asked=document["asked"],
        steps=tuple(_step(step) for step in document["steps"]),
        notes=tuple(document["notes"]),
        needs_approval=document["needs_approval"],
        made_by=document["made_by"],
    )


def _require_types(document: Mapping[str, Any]) -> None:
    """Raises TypeError where something is another kind of thing than it must be."""
    steps = document["steps"]
    states = [one[name] for one in steps for name in ("before", "after", "arguments")]
    if not all(isinstance(one, dict) for one in (document["asked"], *states)):
        raise TypeError("what it is asked for, and what its steps say, are objects")
    texts = [document["kind"], document["account"], *document["regions"], *document["notes"]]
    for one in steps:
        texts += [one[name] for name in ("id", "action", "target", "region", "why")]
        texts += one["needs"]
    if not all(isinstance(one, str) for one in texts):
        raise TypeError("its kind, account, regions and notes, and what its steps name, are texts")


def _step(document: Mapping[str, Any]) -> Step:
    return Step(**{**document, "needs": tuple(document["needs"])})
