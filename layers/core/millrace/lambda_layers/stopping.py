"""The stop button of a rollout: a file beside its journal, or a parameter that others can set."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from millrace.errors import ConfigurationError
from millrace.lambda_layers.aws import Gone, LambdaAccount, Maker

MAKERS: Mapping[str, Maker] = {
    "ssm": lambda session, **where: session.client("ssm", **where),
}
_WORD = "stop"


@dataclass(frozen=True, slots=True)
class StopFile:
    """Pressed while the file is there."""

    path: Path

    def pressed(self) -> str:
        """See Stop."""
        return f"{self.path} says stop" if self.path.exists() else ""

    def press(self) -> None:
        """Let the rollout stop before the next function. Raises ConfigurationError."""
        try:
            self.path.write_text(f"{_WORD}\n", encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(f"Cannot write {self.path}: {error.strerror}.") from error

    def release(self) -> None:
        """Let it go on."""
        self.path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class StopParameter:
    """Pressed while an SSM parameter says "stop": from another machine, or by an alarm's action.

    "stop" alone stops every rollout that looks at it; with the id of one behind it, that one.
    """

    cloud: LambdaAccount
    region: str
    name: str
    rollout: str

    def pressed(self) -> str:
        """See Stop. A parameter that is not there says nothing."""
        word, _, rollout = self._value().partition(" ")
        says = word.lower() == _WORD and rollout in ("", self.rollout)
        return f"SSM parameter {self.name} says stop" if says else ""

    def press(self) -> None:
        """See StopFile."""
        value = f"{_WORD} {self.rollout}"
        members = {"Name": self.name, "Value": value, "Type": "String", "Overwrite": True}
        self.cloud.call("ssm:PutParameter", self.region, members)

    def release(self) -> None:
        """Undo `press`; what somebody else has set is not ours to take away."""
        if self._value() == f"{_WORD} {self.rollout}":
            with contextlib.suppress(Gone):
                self.cloud.call("ssm:DeleteParameter", self.region, {"Name": self.name})

    def _value(self) -> str:
        try:
            answer = self.cloud.call("ssm:GetParameter", self.region, {"Name": self.name})
        except Gone:
            return ""
        return str(answer["Parameter"]["Value"]).strip()


@dataclass(frozen=True, slots=True)
class Buttons:
    """Several buttons: any of them stops."""

    each: tuple[StopFile | StopParameter, ...]

    def pressed(self) -> str:
        """See Stop."""
        return next((says for one in self.each if (says := one.pressed())), "")

    def press(self) -> None:
        """Press them all."""
        for one in self.each:
            one.press()

    def release(self) -> None:
        """Release them all."""
        for one in self.each:
            one.release()
