"""A resource's properties, each to be taken once: what nobody took is an error, never ignored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from millrace.errors import ConfigurationError, UnsupportedResource

from localcloud.stack.parameters import scalar_text


class Properties:
    """Resolved properties, read in the type that they must have.

    CloudFormation converts between texts, numbers and truth values; so do the readers here. Each
    raises ConfigurationError for a value that does not fit.
    """

    def __init__(self, values: Mapping[str, Any], where: str) -> None:
        """`where` names resource and type, for messages."""
        self._values = dict(values)
        self.where = where

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str, default: str | None = None) -> str:
        """A text; without a default it must be there."""
        value = self._values.pop(name, default)
        if value is None:
            raise ConfigurationError(f"{self.where}: the property '{name}' is missing.")
        if isinstance(value, Mapping | list):
            raise self._wrong(name, "a text", value)
        return scalar_text(value)

    def optional_text(self, name: str) -> str | None:
        """A text, or None when it is absent."""
        return self.text(name) if name in self else None

    def integer(self, name: str, default: int | None = None) -> int:
        """A whole number; without a default it must be there."""
        value = self.text(name, None if default is None else str(default))
        try:
            return int(value)
        except ValueError:
            raise self._wrong(name, "a whole number", value) from None

    def optional_integer(self, name: str) -> int | None:
        """A whole number, or None when it is absent."""
        return self.integer(name) if name in self else None

    def number(self, name: str) -> float:
        """A number; it must be there."""
        value = self.text(name)
        try:
            return float(value)
        except ValueError:
            raise self._wrong(name, "a number", value) from None

    def boolean(self, name: str, default: bool = False) -> bool:
        """true or false."""
        value = self.text(name, scalar_text(default))
        if value not in ("true", "false"):
            raise self._wrong(name, "true or false", value)
        return value == "true"

    def items(self, name: str) -> list[Any]:
        """A list; an absent one is empty."""
        value = self._values.pop(name, [])
        if not isinstance(value, list):
            raise self._wrong(name, "a list", value)
        return value

    def mapping(self, name: str) -> dict[str, Any]:
        """A mapping; an absent one is empty."""
        value = self._values.pop(name, {})
        if not isinstance(value, Mapping):
            raise self._wrong(name, "a mapping", value)
        return dict(value)

    def texts(self) -> dict[str, str]:
        """All that is left, each a text."""
        return {name: self.text(name) for name in list(self._values)}

    def nested(self, name: str) -> Properties:
        """A mapping, as properties of its own; the caller calls `done` on it."""
        return Properties(self.mapping(name), f"{self.where}.{name}")

    def ignore(self, names: Iterable[str]) -> None:
        """Take properties that have no meaning on one machine; the type's table says why."""
        for name in names:
            self._values.pop(name, None)

    def done(self) -> None:
        """All properties must have been taken.

        Raises:
            UnsupportedResource: one was not, so the local cloud would not behave as AWS does.
        """
        if self._values:
            raise UnsupportedResource(
                f"{self.where}: the local cloud does not know the property "
                f"'{sorted(self._values)[0]}'."
            )

    def _wrong(self, name: str, expected: str, value: object) -> ConfigurationError:
        return ConfigurationError(
            f"{self.where}: the property '{name}' must be {expected}, not {value!r}."
        )
