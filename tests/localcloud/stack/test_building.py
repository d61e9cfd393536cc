"""Building code by the Makefile that sam would run."""

from __future__ import annotations

from pathlib import Path

import pytest
from millrace.errors import StartupError

from localcloud.stack import build
from localcloud.stack.model import CodeFolder

MAKEFILE = 'build-Work:\n\t@cp *.py "$(ARTIFACTS_DIR)"\nbuild-Bad:\n\t@echo no luck >&2; exit 3\n'


@pytest.fixture
def code(tmp_path: Path) -> CodeFolder:
    folder = tmp_path / "with a space" / "work"
    folder.mkdir(parents=True)
    (folder / "app.py").write_text("answer = 42\n")
    makefile = folder.parent / "Makefile"
    makefile.write_text(MAKEFILE)
    return CodeFolder(folder, makefile)


def test_the_makefile_fills_the_folder(code: CodeFolder, tmp_path: Path) -> None:
    built = build(code, "Work", tmp_path / "out")
    assert built == tmp_path / "out"
    assert (built / "app.py").read_text() == "answer = 42\n"


def test_without_a_makefile_the_code_runs_where_it_is(code: CodeFolder, tmp_path: Path) -> None:
    assert build(CodeFolder(code.folder, None), "Work", tmp_path / "out") == code.folder


def test_a_failed_build_says_what_make_said(code: CodeFolder, tmp_path: Path) -> None:
    with pytest.raises(StartupError, match=r"Bad could not be built by .*Makefile: no luck"):
        build(code, "Bad", tmp_path / "out")


def test_an_old_build_is_not_run_by_mistake(code: CodeFolder, tmp_path: Path) -> None:
    build(code, "Work", tmp_path / "out")
    with pytest.raises(StartupError, match="must be empty"):
        build(code, "Work", tmp_path / "out")


def test_a_machine_without_make_is_told_so(
    code: CodeFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StartupError, match="apt-get install make"):
        build(code, "Work", tmp_path / "out")
