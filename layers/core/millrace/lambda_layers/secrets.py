"""Secrets that were left in a layer's files, by the patterns of detect-secrets.

Its patterns are used, not its scan: that goes line by line through every heuristic, which takes
minutes for a layer. What is found is named by kind and line, never shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from detect_secrets.plugins.aws import AWSKeyDetector
from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
from detect_secrets.plugins.discord import DiscordBotTokenDetector
from detect_secrets.plugins.github_token import GitHubTokenDetector
from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
from detect_secrets.plugins.mailchimp import MailchimpDetector
from detect_secrets.plugins.npm import NpmDetector
from detect_secrets.plugins.openai import OpenAIDetector
from detect_secrets.plugins.private_key import PrivateKeyDetector
from detect_secrets.plugins.pypi_token import PypiTokenDetector
from detect_secrets.plugins.sendgrid import SendGridDetector
from detect_secrets.plugins.slack import SlackDetector
from detect_secrets.plugins.square_oauth import SquareOAuthDetector
from detect_secrets.plugins.stripe import StripeDetector

from millrace.lambda_layers.findings import Finding, Severity

# Tokens that can be told by their form. Passwords in URLs are in every package's examples.
_DETECTORS = (
    AWSKeyDetector,
    AzureStorageKeyDetector,
    DiscordBotTokenDetector,
    GitHubTokenDetector,
    GitLabTokenDetector,
    MailchimpDetector,
    NpmDetector,
    OpenAIDetector,
    PrivateKeyDetector,
    PypiTokenDetector,
    SendGridDetector,
    SlackDetector,
    SquareOAuthDetector,
    StripeDetector,
)
_MOST_BYTES = 4_000_000
_BINARY = (".so", ".pyc", ".gz", ".zip", ".png", ".woff", ".woff2", ".ico")
# Documentation's own keys, such as AKIAIOSFODNN7EXAMPLE.
_EXAMPLE = re.compile("example", re.IGNORECASE)
# The head of a private key is no key: what follows it must look like one.
_KEY_BODY = re.compile(
    r"[A-Z ]*-----\s*(\\n|\s)*([A-Za-z-]+: [^\n]*\n)*\s*[A-Za-z0-9+/=\\\s]{120,}"
)
_NAMED_FILES = {".env", ".npmrc", ".pypirc", ".netrc", "credentials", "id_rsa", "id_ed25519"}


@cache
def _patterns() -> Sequence[tuple[str, re.Pattern[str]]]:
    return [(str(one.secret_type), pattern) for one in _DETECTORS for pattern in one.denylist]


def of_folder(folder: Path) -> list[Finding]:
    """What looks like a secret in the files below a folder."""
    found: list[Finding] = []
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        name = path.relative_to(folder).as_posix()
        if path.name in _NAMED_FILES:
            found.append(_finding(name, "a file that holds credentials by its name"))
        if path.suffix in _BINARY or _is_binary(path):
            continue
        if path.stat().st_size > _MOST_BYTES:
            found.append(_not_searched(name, path.stat().st_size))
        else:
            found += _of_text(name, path.read_text("utf-8", "replace"))
    return found


def _is_binary(path: Path) -> bool:
    with path.open("rb") as file:
        return b"\0" in file.read(1024)


def _of_text(name: str, text: str) -> Iterator[Finding]:
    for kind, pattern in _patterns():
        for match in pattern.finditer(text):
            if _EXAMPLE.search(match[0]) or _is_mere_head(kind, text, match):
                continue
            line = text.count("\n", 0, match.start()) + 1
            yield _finding(f"{name}:{line}", f"what looks like a secret: {kind}")


def _is_mere_head(kind: str, text: str, match: re.Match[str]) -> bool:
    return kind == "Private Key" and _KEY_BODY.match(text, match.end()) is None


def _not_searched(place: str, size: int) -> Finding:
    return Finding(
        Severity.LOW,
        "not-searched",
        place,
        f"has {size:,} bytes of text; above {_MOST_BYTES:,} it is not searched for secrets",
        "Search it yourself, or leave it out of the layer: it is large for one.",
    )


def _finding(place: str, what: str) -> Finding:
    return Finding(
        Severity.HIGH,
        "secret",
        place,
        f"holds {what}; whoever may read the layer has it",
        "Revoke it now, remove the file, and let the function ask for it when it runs.",
    )
