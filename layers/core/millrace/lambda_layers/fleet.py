"""What a rollout needs of the world: who changes functions, how they do, and who says stop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from millrace.lambda_layers.gate import Health
from millrace.plans.plan import State, Step


class Fleet(Protocol):
    """What changes functions. Its methods raise MillraceErrors, and are called by threads."""

    @property
    def account(self) -> str:
        """The account whose credentials these are."""
        ...

    def missing(self, arns: Sequence[str]) -> Mapping[str, str]:
        """The layer versions that cannot be given to a function, each with the reason."""
        ...

    def change(self, step: Step, *, resumed: bool) -> State:
        """Give a function the version; what is done of it already is not done again.

        Raises Held where the function is left as it was.
        """
        ...

    def restore(self, step: Step, result: State, *, layers: bool) -> State:
        """Put back what `change` did; `result` is empty where it did not come to its end.

        Without `layers` only what carries traffic is put back. Raises Held where somebody else has
        changed the function since.
        """
        ...


class Evidence(Protocol):
    """How functions do. Raises MillraceErrors."""

    def health(
        self, functions: Sequence[Step], start_ms: int, end_ms: int, *, inits: bool
    ) -> Mapping[str, Health]:
        """Of each function, by its ARN; with `inits` also how long its cold starts took."""
        ...


class Stop(Protocol):
    """A button that somebody else may press."""

    def pressed(self) -> str:
        """Who or what says stop; empty where nobody does."""
        ...
