"""Whom a layer version is shared with: its policy's statements, read and named.

A layer's policy knows an account, everyone, or everyone in an organisation, and only the action
lambda:GetLayerVersion; no role, and no other condition can stand in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from millrace.errors import ConfigurationError

# What the policy of a version may have: some hundred accounts.
MOST_BYTES = 20_480
_ACCOUNT = re.compile(r"\d{12}")
_ORGANIZATION = re.compile(r"o-[a-z0-9]{10,32}")
_IN_ARN = re.compile(r"arn:aws[\w-]*:iam::(\d{12}):root")


@dataclass(frozen=True, slots=True, order=True)
class Grantee:
    """Who may read a version: an account's number, an organisation's id, or `everyone`."""

    kind: str
    name: str

    @property
    def statement_id(self) -> str:
        """The id that our own statements have: the same grantee, the same id."""
        return f"millrace-{self.name}"

    @property
    def members(self) -> dict[str, str]:
        """What AddLayerVersionPermission calls it."""
        if self.kind == "account":
            return {"Principal": self.name}
        organization = {"OrganizationId": self.name} if self.kind == "organization" else {}
        return {"Principal": "*", **organization}

    def __str__(self) -> str:
        return self.name if self.kind == "everyone" else f"{self.kind} {self.name}"


EVERYONE = Grantee("everyone", "everyone")


def account(name: str) -> Grantee:
    """An account. Raises ConfigurationError for what is no number of one.

    >>> account("1234")
    Traceback (most recent call last):
    millrace.errors.ConfigurationError: '1234' is no account; twelve digits are.
    """
    if not _ACCOUNT.fullmatch(name):
        raise ConfigurationError(f"{name!r} is no account; twelve digits are.")
    return Grantee("account", name)


def organization(name: str) -> Grantee:
    """An organisation. Raises ConfigurationError for what is no id of one."""
    if not _ORGANIZATION.fullmatch(name):
        raise ConfigurationError(f"{name!r} is no organisation; its id looks like o-a1b2c3d4e5.")
    return Grantee("organization", name)


@dataclass(frozen=True, slots=True)
class Share:
    """One statement of a version's policy; `grantee` is None where it is none of ours to read."""

    statement_id: str
    grantee: Grantee | None
    text: str


def shares(policy: str) -> tuple[Share, ...]:
    """The statements of a policy document.

    >>> to_one = {"Sid": "s", "Effect": "Allow", "Principal": {"AWS": "123456789012"}}
    >>> shares(json.dumps({"Statement": [to_one]}))[0].grantee
    Grantee(kind='account', name='123456789012')
    """
    return tuple(
        Share(one.get("Sid", ""), _grantee(one), json.dumps(one, sort_keys=True))
        for one in json.loads(policy).get("Statement", ())
    )


def size(found: Iterable[Share], more: Iterable[Grantee], arn: str) -> int:
    """The bytes of a version's policy when these are granted beside what there is."""
    statements = [json.loads(one.text) for one in found]
    statements += [_statement(one, arn) for one in more]
    document = {"Version": "2012-10-17", "Id": "default", "Statement": statements}
    return len(json.dumps(document, separators=(",", ":")))


def _statement(grantee: Grantee, arn: str) -> dict[str, Any]:
    partition = arn.split(":")[1]
    account = {"AWS": f"arn:{partition}:iam::{grantee.name}:root"}
    statement: dict[str, Any] = {
        "Sid": grantee.statement_id,
        "Effect": "Allow",
        "Principal": account if grantee.kind == "account" else "*",
        "Action": "lambda:GetLayerVersion",
        "Resource": arn,
    }
    if grantee.kind == "organization":
        statement["Condition"] = {"StringEquals": {"aws:PrincipalOrgID": grantee.name}}
    return statement


def _grantee(statement: Mapping[str, Any]) -> Grantee | None:
    condition = statement.get("Condition") or {}
    principals = list(_principals(statement.get("Principal")))
    if statement.get("Effect") != "Allow" or len(principals) != 1:
        return None
    (principal,) = principals
    if condition:
        named = condition == {"StringEquals": condition.get("StringEquals")}
        of = (condition.get("StringEquals") or {}).get("aws:PrincipalOrgID") if named else None
        return Grantee("organization", of) if of and principal == "*" else None
    if principal == "*":
        return EVERYONE
    found = _IN_ARN.fullmatch(principal)
    number = found[1] if found else principal
    return Grantee("account", number) if _ACCOUNT.fullmatch(number) else None


def _principals(principal: object) -> Iterable[str]:
    if isinstance(principal, Mapping):
        principal = principal.get("AWS")
    yield from principal if isinstance(principal, list) else [str(principal)]
