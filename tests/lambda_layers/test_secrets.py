"""Secrets in a layer's files: named by kind and line, never shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from millrace.lambda_layers.findings import Severity
from millrace.lambda_layers.scanning import Asked, scan

from tests.lambda_layers.test_scan import folder, rules, scratch

__all__ = ["folder", "scratch"]

# Put together here, so that nobody takes this file's text for a secret that was left.
KEY_ID = "AKIA" + "QWERTYUIOPASDFGH"
SECRET_KEY = "aws_secret_access_key = '" + "b2" * 20 + "'"
PRIVATE_KEY = "-----BEGIN RSA " + "PRIVATE KEY-----\n" + ("MIIEow" * 11 + "\n") * 4


@pytest.mark.parametrize("text", [f"id = '{KEY_ID}'", SECRET_KEY, PRIVATE_KEY])
def test_a_secret_is_named_and_not_shown(folder: Path, scratch: Path, text: str) -> None:
    (folder / "python" / "settings.py").write_text(f"\n{text}\n", encoding="utf-8")
    (one,) = scan(folder, Asked(service=None), scratch).findings
    assert (one.rule, one.severity, one.place) == (
        "secret",
        Severity.HIGH,
        "python/settings.py:2",
    )
    shown = json.dumps(scan(folder, Asked(service=None), scratch).document)
    assert text[-20:].strip() not in shown


def test_a_text_that_is_too_large_to_be_searched_is_said(folder: Path, scratch: Path) -> None:
    (folder / "python" / "data.json").write_text("x" * 4_000_001, encoding="utf-8")
    (folder / "python" / "model.bin").write_bytes(b"\0" * 4_000_001)
    (one,) = scan(folder, Asked(service=None), scratch).findings
    assert (one.rule, one.severity, one.place) == (
        "not-searched", Severity.LOW, "python/data.json",
    )  # fmt: skip
    assert "4,000,001 bytes" in one.message


def test_what_only_looks_like_a_secret(folder: Path, scratch: Path) -> None:
    """The documentation's key, a head that a parser looks for, and a file's name that tells."""
    text = 'ID = "AKIAIOSFODNN7EXAMPLE"\nHEAD = "-----BEGIN RSA ' + 'PRIVATE KEY-----"\n'
    (folder / "python" / "parser.py").write_text(text, encoding="utf-8")
    assert rules(folder, scratch) == {}
    (folder / "python" / ".npmrc").write_text("registry = none\n", encoding="utf-8")
    assert rules(folder, scratch) == {"secret": Severity.HIGH}
