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
    """Pressed while an SSM parameter says "stop": from another machine, or by an alarm's action."""

    cloud: LambdaAccount
    region: str
    name: str

    def pressed(self) -> str:
        """See Stop. A parameter that is not there says nothing."""
        try:
            answer = self.cloud.call("ssm:GetParameter", self.region, {"Name": self.name})
        except Gone:
            return ""
        value = str(answer["Parameter"]["Value"]).strip().lower()
        return f"SSM parameter {self.name} says stop" if value == _WORD else ""

    def press(self) -> None:
        """See StopFile."""
        members = {"Name": self.name, "Value": _WORD, "Type": "String", "Overwrite": True}
        self.cloud.call("ssm:PutParameter", self.region, members)

    def release(self) -> None:
        """See StopFile."""
        with contextlib.suppress(Gone):
            self.cloud.call("ssm:DeleteParameter", self.region, {"Name": self.name})


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
