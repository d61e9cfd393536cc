"""What there is: accounts and regions with their layers and functions."""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from localcloud.lambda_control.errors import Denied, NotFound
from localcloud.lambda_control.names import LayerName, Where

# One configuration as Lambda answers it.
Configuration = dict[str, Any]
# Reads an object out of a bucket of an account. Raises InvalidValue.
ReadObject = Callable[[str, str, str], bytes]


@dataclass(slots=True)
class Policy:
    """Who besides the owner may read a layer version: statements by their ids."""

    revision: str = ""
    statements: dict[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(slots=True)
class LayerVersion:
    """A version, which never changes; only its policy does."""

    number: int
    created: str
    description: str
    runtimes: tuple[str, ...]
    architectures: tuple[str, ...]
    license_info: str
    content: bytes
    policy: Policy = field(default_factory=Policy)

    @property
    def sha256(self) -> str:
        """The content's hash, as Lambda writes it."""
        return base64.b64encode(hashlib.sha256(self.content).digest()).decode()


@dataclass(slots=True)
class Layer:
    """A layer; a number is never given twice, whatever is deleted."""

    name: str
    versions: dict[int, LayerVersion] = field(default_factory=dict)
    last: int = 0


@dataclass(slots=True)
class Function:
    """A function: `$LATEST`, versions by number, aliases by name."""

    latest: Configuration
    versions: dict[int, Configuration] = field(default_factory=dict)
    aliases: dict[str, Configuration] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    last: int = 0
    busy_until_s: float = 0.0


@dataclass(slots=True)
class Home:
    """One region of one account."""

    where: Where
    layers: dict[str, Layer] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)


@dataclass(slots=True)
class World:
    """All accounts and regions.

    Attributes:
        now: the time of day. What was seeded as older is told to `LayerVersion.created`.
        update_s: how long an update of a function is in progress.
        denied: (account, region, operation), each with wildcards, that is refused.
        organizations: account → its organisation.
    """

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    update_s: float = 0.0
    read_object: ReadObject | None = None
    denied: set[tuple[str, str, str]] = field(default_factory=set)
    organizations: dict[str, str] = field(default_factory=dict)
    _homes: dict[Where, Home] = field(default_factory=dict)

    def home(self, where: Where) -> Home:
        """A region of an account, empty where nothing was ever made."""
        return self._homes.setdefault(where, Home(where))

    def stamp(self) -> str:
        """The time as Lambda writes it."""
        return self.now().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"

    def require_allowed(self, caller: Where, operation: str) -> None:
        """Raises Denied where the caller was denied the operation."""
        for account, region, pattern in self.denied:
            if (
                fnmatchcase(caller.account, account)
                and fnmatchcase(caller.region, region)
                and fnmatchcase(operation, pattern)
            ):
                raise denied(caller, operation, "*")

    def layer_version(self, named: LayerName, caller: Where, number: int) -> LayerVersion:
        """A version that the caller may read. Raises NotFound or Denied."""
        layer = self.home(named.where).layers.get(named.name)
        found = layer.versions.get(number) if layer else None
        readable = found is not None and self._shared(found.policy, caller.account)
        if named.where.account != caller.account and not readable:
            # To others, what is not there and what is not shared look the same.
            arn = named.where.arn("layer", f"{named.name}:{number}")
            raise denied(caller, "GetLayerVersion", arn)
        if found is None:
            raise NotFound("The resource you requested does not exist.")
        return found

    def _shared(self, policy: Policy, account: str) -> bool:
        return any(self._grants(one, account) for one in policy.statements.values())

    def _grants(self, statement: Mapping[str, Any], account: str) -> bool:
        organization = (
            statement.get("Condition", {}).get("StringEquals", {}).get("aws:PrincipalOrgID")
        )
        if organization is not None:
            return self.organizations.get(account) == str(organization)
        principal = statement["Principal"]
        return principal == "*" or f":{account}:" in str(principal["AWS"])


def denied(caller: Where, operation: str, resource: str) -> Denied:
    """The refusal in AWS's words."""
    return Denied(
        f"User: arn:aws:iam::{caller.account}:user/local is not authorized to perform: "
        f"lambda:{operation} on resource: {resource} because no identity-based or resource-based "
        "policy allows it"
    )


def revision() -> str:
    """A RevisionId that was never given before."""
    return str(uuid.uuid4())
