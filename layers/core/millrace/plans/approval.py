"""A second person's consent to one plan, by the plan's hash."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from millrace.errors import PlanRefused
from millrace.plans.plan import Plan, canonical, check_seal, from_iso, iso, seal

FORMAT = "millrace-approval/1"


@dataclass(frozen=True, slots=True)
class Approval:
    """Who agreed to which plan, and when; `by` is the name that AWS gives the caller."""

    plan: str
    by: str
    at_ms: int

    def write(self, key: bytes | None = None) -> str:
        """The approval as a file holds it."""
        document = self._document()
        if key is not None:
            document["seal"] = seal(canonical(document).decode(), key)
        return json.dumps(document, indent=2) + "\n"

    def _document(self) -> dict[str, str]:
        return {"format": FORMAT, "plan": self.plan, "by": self.by, "at": iso(self.at_ms)}


def asked_for(plan: Plan, made_by: str) -> Plan:
    """The plan as one that somebody else than who made it must approve."""
    return replace(plan, needs_approval=True, made_by=made_by)


def read(text: str, key: bytes | None = None) -> Approval:
    """The approval in a file. Raises PlanRefused for none, and for one not sealed with the key."""
    try:
        document = json.loads(text)
        stated = document.pop("seal", None)
        if document.pop("format") != FORMAT:
            raise ValueError(f"its format is not {FORMAT}")
        approval = Approval(str(document["plan"]), str(document["by"]), from_iso(document["at"]))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise PlanRefused(
            "unreadable-approval",
            f"This is no approval: {type(error).__name__}: {error}. Approve the plan again.",
        ) from error
    if key is not None:
        check_seal(canonical(approval._document()).decode(), stated, key, "approval")
    return approval


def check(plan: Plan, approval: Approval | None) -> None:
    """Raises PlanRefused for a plan that needs an approval and has none, or one that is not for it.

    Nobody approves a plan of their own.
    """
    if approval is not None and approval.plan != plan.hash:
        raise PlanRefused(
            "other-approval",
            f"The approval of {approval.by} is for plan {approval.plan[:12]}, not for"
            f" {plan.hash[:12]}. Have this plan approved.",
        )
    if plan.needs_approval and approval is not None and approval.by == plan.made_by:
        raise PlanRefused(
            "own-approval",
            f"Plan {plan.hash[:12]} was approved by {approval.by}, who made it. Let somebody else"
            " read and approve it.",
        )
    if plan.needs_approval and approval is None:
        raise PlanRefused(
            "not-approved",
            f"Plan {plan.hash[:12]} needs an approval. Let somebody read it and run: millrace"
            " layers approve PLAN",
        )
