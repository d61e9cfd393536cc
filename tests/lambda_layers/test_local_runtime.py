"""Layers in /opt on this machine: read-only, and nothing beside them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from millrace.errors import ConfigurationError
from millrace.lambda_layers.installing import Target
from millrace.lambda_layers.stripping import host
from millrace.lambda_layers.testing import PROBE, Answer, Function

from cli.layer_runtime import LocalRuntime
from localcloud.functions.emulator import find_emulator
from tests.architecture.interpreters import found
from tests.architecture.source import ROOT

RUNNING = "{}.{}".format(*sys.version_info[:2])
PROBED = Function(handler="probe.handler", code=PROBE)
HANDLER = """
import os, pathlib, sys
import thing

def handler(event, context):
    tried = {}
    for name in ("/opt/python/new.py", os.path.join(os.environ["LAMBDA_TASK_ROOT"], "new.py")):
        try:
            pathlib.Path(name).write_text("x = 1")
            tried[name] = "written"
        except OSError as error:
            tried[name] = os.strerror(error.errno)
    tool = os.popen("tool").read().strip()
    return {"tried": list(tried.values()), "where": thing.__file__, "tool": tool, **event}
"""


@pytest.fixture
def opt(tmp_path: Path) -> Path:
    """A merged layer: a package, and a program."""
    for name, text in {
        "python/thing/__init__.py": "import json\nNUMBER = 1\n",
        "python/broken.py": "import absent\n",
        "bin/tool": "#!/bin/sh\necho from the layer\n",
    }.items():
        path = tmp_path / "opt" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
    return tmp_path / "opt"


@pytest.fixture
def runtime(opt: Path, tmp_path: Path) -> LocalRuntime:
    """This Python's."""
    return LocalRuntime(opt, Target(f"python{RUNNING}", host()), tmp_path / "scratch")


def told(answer: Answer) -> dict[str, Any]:
    assert answer.error is None, answer
    found = json.loads(answer.payload)
    assert isinstance(found, dict)
    return found


def test_what_runs_is_lambdas_own_client_where_it_is_here(runtime: LocalRuntime) -> None:
    assert ("Lambda's runtime client" in runtime.how) == (find_emulator(ROOT) is not None)


def test_modules_come_from_the_layer_and_from_nowhere_else(runtime: LocalRuntime) -> None:
    (answer,) = runtime.call(PROBED, [b'{"modules": ["thing"]}'])
    found = told(answer)
    assert found["places"] == {"thing": f"{runtime.mount}/python/thing/__init__.py"}
    assert 0 < found["import_ms"] <= found["total_ms"]
    assert found["peak_kb"] > 1000
    # pytest is what runs this test, and no business of a function.
    (answer,) = runtime.call(PROBED, [b'{"modules": ["pytest"]}'])
    assert told(answer)["error"] == "ModuleNotFoundError: No module named 'pytest'"


def test_why_a_module_cannot_be_imported_is_told(runtime: LocalRuntime) -> None:
    (answer,) = runtime.call(PROBED, [b'{"modules": ["broken"]}'])
    assert told(answer)["error"] == "ModuleNotFoundError: No module named 'absent'"


def test_handlers_can_write_neither_to_layers_nor_to_their_code(
    runtime: LocalRuntime, opt: Path, tmp_path: Path
) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "app.py").write_text(HANDLER, encoding="utf-8")
    function = Function(handler="app.handler", code=code, environment={"X": "1"})
    one, two = (told(a) for a in runtime.call(function, [b'{"n": 1}', b'{"n": 2}']))
    assert (one["n"], two["n"]) == (1, 2)
    if runtime.mount != "/opt":
        return  # nothing can be mounted here, and `how` says so: see below
    assert one["tried"] == ["Read-only file system"] * 2
    assert one["where"] == "/opt/python/thing/__init__.py"
    assert one["tool"] == "from the layer"
    assert not list(opt.rglob("*.pyc"))


def test_a_handler_that_fails_is_told_with_its_log(runtime: LocalRuntime, tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "app.py").write_text("def handler(e, c):\n  print('hm')\n  raise KeyError('x')\n")
    (answer,) = runtime.call(Function(handler="app.handler", code=code), [b"{}"])
    assert answer.error == "KeyError"
    assert "hm" in answer.log


def test_where_nothing_can_be_mounted_it_is_said(opt: Path, tmp_path: Path) -> None:
    target = Target(f"python{RUNNING}", host())
    runtime = LocalRuntime(opt, target, tmp_path / "scratch", unshared=[["false"]])
    assert "nothing can be mounted here" in runtime.how
    (answer,) = runtime.call(PROBED, [b'{"modules": ["thing"]}'])
    copy = Path(runtime.mount)
    assert told(answer)["places"] == {"thing": f"{copy}/python/thing/__init__.py"}
    assert not list(copy.rglob("*.pyc"))
    assert not [path for path in copy.rglob("*.py") if path.stat().st_mode & 0o222]
    assert all(path.stat().st_mode & 0o200 for path in opt.rglob("*.py")), "the layer's own stay"


@pytest.mark.parametrize("version", sorted(set(found()) - {RUNNING}))
def test_a_layer_for_another_python_runs_under_that(
    opt: Path, tmp_path: Path, version: str
) -> None:
    runtime = LocalRuntime(opt, Target(f"python{version}", host()), tmp_path / "scratch")
    assert f"Python {version}, a plain process" in runtime.how
    (answer,) = runtime.call(PROBED, [b'{"modules": ["thing"]}'])
    assert told(answer)["runtime"].startswith(f"Python {version}.")


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (Target("python3.99", host()), "is for Python 3.99, and there is none here"),
        (
            Target("python3.13", "arm64" if host() != "arm64" else "x86_64"),
            f"--architecture {host()}",
        ),
    ],
)
def test_what_cannot_run_here_is_said(
    opt: Path, tmp_path: Path, target: Target, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        LocalRuntime(opt, target, tmp_path / "scratch")
