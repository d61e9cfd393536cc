"""Where a local stack stands: what its pseudo parameters and physical names are made of."""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from millrace.errors import ConfigurationError

_NAME = re.compile(r"[A-Za-z][-A-Za-z0-9]{0,127}")


@dataclass(frozen=True, slots=True)
class Place:
    """A stack's name and surroundings.

    `root` is the checkout, in which code folders lie. `http_api_url` is asked for the address of an
    HTTP API by its logical id, since that stands in outputs before anything serves it.

    Physical names follow from the stack's name alone: the same stack has the same names every time.
    """

    stack: str
    root: Path
    http_api_url: Callable[[str], str]
    region: str = "us-east-1"
    account_id: str = "123456789012"

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.stack):
            raise ConfigurationError(
                f"'{self.stack}' is no stack name: expected a letter, then at most 127 letters, "
                "digits and hyphens."
            )

    @property
    def stack_id(self) -> str:
        """The stack's ARN, as AWS::StackId gives it."""
        unique = uuid.uuid5(uuid.NAMESPACE_URL, f"{self.account_id}/{self.region}/{self.stack}")
        return self.arn("cloudformation", f"stack/{self.stack}/{unique}")

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource of this region and account."""
        return f"arn:aws:{service}:{self.region}:{self.account_id}:{resource}"

    def unique(self, logical_id: str, length: int = 12) -> str:
        """Upper-case letters and digits that belong to one resource of one stack."""
        digest = hashlib.sha256(f"{self.stack_id}/{logical_id}".encode()).digest()
        return base64.b32encode(digest).decode()[:length]

    def unique_uuid(self, logical_id: str) -> str:
        """A UUID that belongs to one resource of one stack."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.stack_id}/{logical_id}"))

    def name(self, logical_id: str, limit: int = 64) -> str:
        """A physical name as CloudFormation makes it: `stack-LogicalId-SUFFIX`, cut to `limit`."""
        suffix = self.unique(logical_id)
        return f"{self.stack}-{logical_id}"[: limit - len(suffix) - 1] + f"-{suffix}"
