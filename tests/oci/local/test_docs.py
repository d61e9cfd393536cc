"""What docs/local-cloud.md says of Oracle Cloud is true: its code runs, its plan is one."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from localcloud.faults.loading import parse
from localcloud.faults.plan import Crash, Drop, Fail
from tests.localcloud.oci.serving import ROOT

PAGE = (ROOT / "docs/local-cloud.md").read_text(encoding="utf-8")
SECTION = PAGE.split("\n## Oracle Cloud\n")[1].split("\n## ")[0]


def block(language: str) -> str:
    """The one block of a language."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", SECTION, re.S)
    return str(found)


def test_its_code_runs(tmp_path: Path) -> None:
    code = block("python").replace('Path(".")', f"Path({str(ROOT)!r})")
    code = code.replace('Path(".local/oci")', f"Path({str(tmp_path)!r})")
    exec(compile(code, "docs/local-cloud.md", "exec"), {})
    assert (tmp_path / "millrace.db").exists()


def test_its_plan_is_one() -> None:
    plan = parse(tomllib.loads(block("toml")))
    kinds = [type(rule.effect) for rule in plan.rules]
    assert kinds == [Fail, Drop, Crash, Drop, type(None)]
