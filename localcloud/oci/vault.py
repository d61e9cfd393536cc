"""The Vault: secrets in versions, each in its stages, as Oracle rotates them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from localcloud.oci.errors import InvalidParameter, NotFound, WrongState
from localcloud.ports import Clock

MAX_CONTENT_BYTES = 25 * 1024
VAULT_ID = "ocid1.vault.oc1.local"
_STAGES = ("CURRENT", "PENDING", "LATEST", "PREVIOUS", "DEPRECATED")


@dataclass(frozen=True, slots=True)
class Version:
    """One content. A name is the caller's own."""

    number: int
    content: bytes = field(repr=False)
    made_ms: int
    name: str | None = None


@dataclass(slots=True)
class Secret:
    """`reads` counts how often its content was given out."""

    id: str
    name: str
    made_ms: int
    versions: list[Version] = field(default_factory=list)
    current: int = 0
    previous: int | None = None
    pending: int | None = None
    reads: int = 0

    def stages(self, version: Version) -> Sequence[str]:
        """In which stages a version is; in none of the others it is deprecated."""
        held = {
            "CURRENT": self.current,
            "PENDING": self.pending,
            "LATEST": self.versions[-1].number,
            "PREVIOUS": self.previous,
        }
        return [stage for stage, number in held.items() if number == version.number] or [
            "DEPRECATED"
        ]

    def add(self, content: bytes, now_ms: int, name: str | None, stage: str) -> Version:
        """A new version, in stage CURRENT or PENDING."""
        if name is not None and any(one.name == name for one in self.versions):
            raise WrongState(f"The secret {self.name} has a version {name!r:.80} already")
        made = Version(len(self.versions) + 1, content, now_ms, name)
        self.versions.append(made)
        if stage == "PENDING" and self.current:
            self.pending = made.number
        else:
            self.promote(made.number)
        return made

    def promote(self, number: int) -> None:
        """Make a version the current one; the current one becomes the previous one."""
        if not 1 <= number <= len(self.versions):
            raise InvalidParameter(f"The secret {self.name} has no version {number}")
        if number == self.current:
            return
        self.previous, self.current = self.current or None, number
        if self.pending == number:
            self.pending = None

    def find(
        self, number: int | None = None, name: str | None = None, stage: str | None = None
    ) -> Version:
        """A version by one of the three; the current one without any. Raises NotFound."""
        if [number, name, stage].count(None) < 2:
            raise InvalidParameter("Ask for a version by its number, its name or its stage")
        if stage is not None and stage not in _STAGES:
            raise InvalidParameter(f"stage is {stage!r:.40}; it may be {', '.join(_STAGES)}")
        if number is None and name is None:
            stage = stage or "CURRENT"
        for one in reversed(self.versions):
            if one.number == number or (name is not None and one.name == name):
                return one
            if stage is not None and stage in self.stages(one):
                return one
        raise NotFound(f"The secret {self.name} has no such version")


class Vault:
    """The secrets of one tenancy, in memory."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._secrets: dict[str, Secret] = {}

    def create(self, name: str, content: bytes, version: str | None = None) -> Secret:
        """A new secret; its id is made of its name."""
        secret_id = f"ocid1.vaultsecret.oc1.local.{name}"
        if secret_id in self._secrets:
            raise WrongState(f"There is a secret {name} already")
        _check(content)
        made = Secret(secret_id, name, self._clock.now_ms())
        made.add(content, made.made_ms, version, "CURRENT")
        self._secrets[secret_id] = made
        return made

    def update(
        self, secret_id: str, content: bytes, version: str | None = None, stage: str = "CURRENT"
    ) -> Version:
        """A new version of a secret."""
        _check(content)
        return self.secret(secret_id).add(content, self._clock.now_ms(), version, stage)

    def secret(self, secret_id: str) -> Secret:
        """A secret by its id."""
        if secret_id not in self._secrets:
            raise NotFound(f"There is no secret {secret_id:.200}")
        return self._secrets[secret_id]

    def named(self, name: str, vault_id: str) -> Secret:
        """A secret by its name."""
        for one in self._secrets.values():
            if one.name == name and vault_id == VAULT_ID:
                return one
        raise NotFound(f"There is no secret {name:.200} in {vault_id:.200}")


def _check(content: bytes) -> None:
    if not content or len(content) > MAX_CONTENT_BYTES:
        raise InvalidParameter(
            f"A secret has 1 to {MAX_CONTENT_BYTES} bytes, but not {len(content)}"
        )
