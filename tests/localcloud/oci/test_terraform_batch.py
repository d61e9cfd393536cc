"""The connector's batches are as large as Terraform makes them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from millrace.errors import StartupError

from localcloud.oci.batching import Limits, cut
from localcloud.oci.errors import InvalidParameter
from localcloud.oci.partition import Message
from localcloud.oci.terraform import FOLDER, batch_limits
from tests.localcloud.oci.serving import ROOT

VARIABLES = (ROOT / FOLDER / "variables.tf").read_text(encoding="utf-8")


def made(folder: Path, variables: str = VARIABLES, values: str | None = None) -> Path:
    (folder / "variables.tf").write_text(variables)
    if values is not None:
        (folder / "terraform.tfvars").write_text(values)
    return folder


def test_as_it_stands_there() -> None:
    kb = re.search(r"kb\s+= optional\(number, (\d+)\)", VARIABLES)
    assert kb is not None
    assert batch_limits(ROOT / FOLDER) == Limits(messages=None, kb=int(kb[1]), seconds=1.0)
    assert batch_limits(ROOT / FOLDER, 60).seconds == 60


def test_what_is_set_comes_first(tmp_path: Path) -> None:
    given = 'batch = { kb = 64 }\nprefix = "mine"\n'
    assert batch_limits(made(tmp_path, values=given)) == Limits(None, 64)
    given = "batch = { kb = null }\n"
    assert batch_limits(made(tmp_path, values=given)) == batch_limits(ROOT / FOLDER)
    given = "batch = { messages = 7, kb = 64 }\n"
    assert batch_limits(made(tmp_path, values=given)) == Limits(7, None)
    assert batch_limits(made(tmp_path, values='prefix = "mine"')).messages is None
    changed = VARIABLES.replace("messages = optional(number)", "messages = optional(number, 9)")
    assert changed != VARIABLES
    assert batch_limits(made(tmp_path, changed, "")) == Limits(9, None)


@pytest.mark.parametrize(
    ("variables", "values"),
    [
        ("variable {{", None),
        ('variable "region" {\n  type = string\n}\n', None),
        (VARIABLES, "batch = { messages = 0 }\n"),
        (VARIABLES, 'batch = { kb = "many" }\n'),
        (VARIABLES, "batch = {{\n"),
    ],
)
def test_what_says_no_size_is_named(tmp_path: Path, variables: str, values: str | None) -> None:
    with pytest.raises(StartupError, match=f"{tmp_path} must say by its variable batch"):
        batch_limits(made(tmp_path, variables, values))


def test_a_time_that_cannot_be_is_not_laid_to_terraform() -> None:
    with pytest.raises(InvalidParameter, match=r"A batch of \d+ KB, -1 s cannot be"):
        batch_limits(ROOT / FOLDER, -1)


def test_no_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="must say by its variable batch"):
        batch_limits(tmp_path / "none")


def test_a_batch_without_a_limit_is_what_a_function_takes() -> None:
    messages = [Message("0", number, 0, None, b"x" * 500_000) for number in range(12)]
    assert len(cut(messages, Limits(None, None)).messages) == 9
    assert len(cut(messages[:5], Limits(None, None)).messages) == 5
