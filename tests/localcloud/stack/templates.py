"""Small templates in a folder of their own, deployed with a fake AWS."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent, indent

from localcloud.stack import Place, Stack, deploy
from tests.localcloud.stack.fake_aws import FakeAws


def place(root: Path, stack: str = "demo") -> Place:
    """A place in which the HTTP API called X is served at http://x.test."""
    return Place(stack, root, lambda logical_id: f"http://{logical_id.lower()}.test/")


def write(folder: Path, resources: str, rest: str = "") -> Path:
    """A template with these resources, and other sections in `rest`."""
    path = folder / "template.yaml"
    head = "Transform: AWS::Serverless-2016-10-31\n"
    body = indent(dedent(resources), "  ")
    path.write_text(f"{head}{dedent(rest)}\nResources:\n{body}", encoding="utf-8")
    return path


def up(
    folder: Path,
    resources: str,
    aws: FakeAws | None = None,
    rest: str = "",
    overrides: Mapping[str, str] | None = None,
) -> Stack:
    """Deploy a template with these resources."""
    path = write(folder, resources, rest)
    return deploy(path, place(folder), aws or FakeAws(), overrides)
