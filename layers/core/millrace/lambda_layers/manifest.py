"""What a published version says of itself: its tree and commit, in its description.

Lambda keeps 256 characters for it, and lists them with the versions: whether a tree is published
already costs no download.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from millrace.errors import ConfigurationError, LayerError
from millrace.lambda_layers.inventory import LayerVersion

FORMAT = "millrace-layer/1"
MOST = 256

_TREE = re.compile(r"\btree=([0-9a-f]{64})\b")
_ZIP = re.compile(r"\bzip=([0-9a-f]{64})\b")
_COMMIT = re.compile(r"\bcommit=([0-9a-f]{7,40})\b")
_HASH = re.compile(r"[0-9a-f]{64}")
_SHA = re.compile(r"[0-9a-f]{7,40}")


def describe(tree: str, commit: str | None, about: str = "") -> str:
    """A version's description. Raises ConfigurationError where it does not fit.

    >>> describe("0" * 64, "abc1234", "Our deps")[:9]
    'Our deps '
    """
    if not _HASH.fullmatch(tree):
        raise LayerError(f"{tree!r} is no tree hash: 64 hexadecimal digits are.")
    if commit is not None and not _SHA.fullmatch(commit):
        raise ConfigurationError(
            f"--commit {commit!r} is no commit: 7 to 40 hexadecimal digits are, as git rev-parse"
            " HEAD gives them."
        )
    parts = [about.strip(), f"tree={tree}", f"commit={commit}" if commit else ""]
    text = " ".join(part for part in parts if part)
    if len(text) > MOST:
        raise ConfigurationError(
            f"The description has {len(text)} characters with tree and commit; Lambda keeps {MOST}."
            f" Shorten --about by {len(text) - MOST}."
        )
    return text


def tree_of(description: str) -> str | None:
    """The tree that a description names, if it names one.

    >>> tree_of(describe("a" * 64, None)) == "a" * 64, tree_of("Deployed at noon")
    (True, None)
    """
    found = _TREE.search(description)
    return found[1] if found else None


def commit_of(description: str) -> str | None:
    """The commit that a description names, if it names one."""
    found = _COMMIT.search(description)
    return found[1] if found else None


def identity_of(description: str) -> str | None:
    """What a version's content is known by: its tree, or the hash of its zip.

    >>> identity_of(f"Theirs zip={'a' * 64}")[:7]
    'zip=aaa'
    """
    found = _TREE.search(description) or _ZIP.search(description)
    return found[0] if found else None


def copied(description: str, zip_sha256: str) -> str:
    """The description of a copy: the original's, with the zip's hash where it names no tree."""
    if identity_of(description):
        return description
    mark = f"zip={zip_sha256}"
    return f"{description[: MOST - len(mark) - 1]} {mark}".strip()


def holding(versions: Iterable[LayerVersion], identity: str) -> LayerVersion | None:
    """The newest version with this content."""
    fitting = [one for one in versions if identity_of(one.description) == identity]
    return max(fitting, key=lambda one: one.arn.version, default=None)


@dataclass(frozen=True, slots=True)
class Manifest:
    """Where the current version of a layer is, for those who cannot list versions.

    Another account cannot: ListLayerVersions cannot be granted. So this is kept in SSM or S3.
    """

    layer: str
    arn: str
    tree: str
    commit: str | None
    runtime: str
    architecture: str
    unzipped: int

    @property
    def document(self) -> dict[str, Any]:
        """The manifest as JSON holds it."""
        return {
            "format": FORMAT,
            "layer": self.layer,
            "arn": self.arn,
            "tree": self.tree,
            "commit": self.commit,
            "runtime": self.runtime,
            "architecture": self.architecture,
            "unzipped_bytes": self.unzipped,
        }
