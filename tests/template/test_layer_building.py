"""layers/build, which `sam build` runs: any Python of any host makes the same layer."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from millrace.lambda_layers import definition
from millrace.lambda_layers.installing import Target
from millrace.lambda_layers.order import sources
from millrace.lambda_layers.services import used
from millrace.lambda_layers.stripping import host

from localcloud.stack.template import load_template
from tests.template.reading import ROOT, TEMPLATE

BUILD = ROOT / "layers/build"


class Done(NamedTuple):
    """How a command ended."""

    status: int
    err: str
    out: str


@pytest.mark.parametrize("layer", ["core", "deps"])
def test_every_runtime_and_architecture_has_its_makefile(layer: str) -> None:
    parameters = load_template(TEMPLATE)["Parameters"]
    expected = {
        f"{runtime}/{architecture}"
        for runtime in parameters["Runtime"]["AllowedValues"]
        for architecture in parameters["Architecture"]["AllowedValues"]
    }
    makefiles = {path.parent for path in (ROOT / "layers" / layer).glob("*/*/Makefile")}
    assert {f"{path.parent.name}/{path.name}" for path in makefiles} == expected
    assert len({(path / "Makefile").read_bytes() for path in makefiles}) == 1


def layer(
    *arguments: str, script: Path = BUILD, path: str | None = None, folder: Path | None = None
) -> Done:
    environment = os.environ | {"PATH": path or os.environ["PATH"]}
    result = subprocess.run(
        ["sh", str(script), *arguments],
        env=environment,
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
    )
    return Done(result.returncode, result.stderr, result.stdout)


def fingerprint(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        digest.update(f"{path.relative_to(folder)} {path.stat().st_mode}\n".encode())
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()


def test_the_same_lock_gives_the_same_files_in_another_checkout(tmp_path: Path) -> None:
    script = copied(tmp_path)
    (script.parents[1] / ".venv").symlink_to(ROOT / ".venv")
    for name, which in (("one", BUILD), ("two", script)):
        done = layer("deps", "python3.11", "arm64", str(tmp_path / name), script=which)
        assert done.status == 0, done.err
    assert fingerprint(tmp_path / "one") == fingerprint(tmp_path / "two")


def test_the_copy_of_the_library_that_sam_runs_it_in_does_not_count(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    (copy / "millrace").mkdir(parents=True)
    (copy / "millrace/__init__.py").write_text("raise SystemExit('the copy')\n", encoding="utf-8")
    done = layer("core", "python3.11", "arm64", str(tmp_path / "out"), folder=copy)
    assert done.status == 0, done.err
    assert f"{ROOT}/.local/layers/core-python3.11-arm64/report.json" in done.out


def test_a_runtime_whose_python_is_missing_is_said_where_sam_shows_it(tmp_path: Path) -> None:
    done = layer("core", "python3.99", "arm64", str(tmp_path / "out"), script=copied(tmp_path))
    assert done.status == 0, done.err
    assert "Warning: Nothing is compiled: there is no Python 3.99 here. Every cold" in done.out
    assert not list((tmp_path / "out").rglob("*.pyc"))


def test_two_builds_at_once_are_one_and_the_next_is_none(tmp_path: Path) -> None:
    script = copied(tmp_path)
    arguments = ["sh", str(script), "core", "python3.11", "arm64"]
    builds = [
        subprocess.Popen([*arguments, str(tmp_path / name)], stdout=subprocess.PIPE, text=True)
        for name in ("one", "two")
    ]
    told = sorted(build.communicate()[0].partition(":")[2].split(":")[0] for build in builds)
    assert [build.returncode for build in builds] == [0, 0]
    assert told == [" layer core as built before", " layer core built"]
    assert fingerprint(tmp_path / "one") == fingerprint(tmp_path / "two")
    (script.parent / "core/millrace/paths.py").write_text("X = 1\n", encoding="utf-8")
    done = layer("core", "python3.11", "arm64", str(tmp_path / "three"), script=script)
    assert "layer core built" in done.out
    assert (tmp_path / "three/python/millrace/paths.py").read_text() == "X = 1\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("deps", "python3.13", "riscv", "x"), "Architecture 'riscv' is unknown; Lambda has arm64"),
        (("deps", "perl5", "arm64", "x"), "Runtime 'perl5' is unknown"),
        (("deps", "python3.13"), "usage: layers/build LAYER RUNTIME ARCHITECTURE DIR"),
        (("none", "python3.13", "arm64", "x"), "none/layer.toml cannot be read"),
    ],
)
def test_a_wrong_call_says_what_is_expected(arguments: tuple[str, ...], message: str) -> None:
    done = layer(*arguments)
    assert done.status == 2
    assert message in done.err


def copied(tmp_path: Path) -> Path:
    """The script in a checkout without .venv, and with nothing that was built before."""
    folder = tmp_path / "my checkout"
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("layers", "lambdas"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    return folder / "layers/build"


def tools(tmp_path: Path, **named: Path | str) -> str:
    """A PATH that holds what a shell script needs, and these commands."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in ("sh", "dirname"):
        (folder / name).symlink_to(str(shutil.which(name)))
    for name, path in named.items():
        (folder / name).symlink_to(path)
    return str(folder)


def test_without_python_and_uv_it_says_what_is_needed(tmp_path: Path) -> None:
    arguments = ("deps", "python3.13", "arm64", str(tmp_path / "out"))
    done = layer(*arguments, script=copied(tmp_path), path=tools(tmp_path))
    assert done.status == 2
    assert "neither Python 3.11 or later nor uv is here. Run scripts/setup" in done.err


def bare_python() -> Path:
    """The Python that .venv was made of: nothing is installed for it."""
    return Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"


def test_any_python_and_a_uv_on_the_path_serve_a_checkout_without_venv(tmp_path: Path) -> None:
    path = tools(tmp_path, python3=bare_python(), uv=ROOT / ".venv/bin/uv")
    arguments = ("deps", "python3.13", "arm64", str(tmp_path / "out"))
    done = layer(*arguments, script=copied(tmp_path), path=path)
    assert done.status == 0, done.err
    assert (tmp_path / "out/python/orjson").is_dir()


def test_an_old_python_is_passed_over(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    path = tools(tmp_path, python3=old, **{"python3.11": bare_python()})
    arguments = ("core", "python3.13", "arm64", str(tmp_path / "out"))
    done = layer(*arguments, script=copied(tmp_path), path=path)
    assert done.status == 0, done.err
    assert (tmp_path / "out/python/millrace/errors.py").is_file()


def test_pip_serves_where_uv_fails_and_makes_the_same_files(tmp_path: Path) -> None:
    script, failing = copied(tmp_path), tmp_path / "failing"
    failing.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    failing.chmod(0o755)
    path = tools(tmp_path, python3=bare_python(), uv=failing, strip=str(shutil.which("strip")))
    arguments = "deps", "python3.12", "x86_64"
    done = layer(*arguments, str(tmp_path / "pip"), script=script, path=path)
    assert done.status == 0, done.err
    (tmp_path / "tools/uv").unlink()
    (tmp_path / "tools/uv").symlink_to(ROOT / ".venv/bin/uv")
    shutil.rmtree(script.parents[1] / ".local")
    done = layer(*arguments, str(tmp_path / "uv"), script=script, path=path)
    assert done.status == 0, done.err
    assert fingerprint(tmp_path / "pip") == fingerprint(tmp_path / "uv")


def test_the_layers_pass_their_own_tests(tmp_path: Path) -> None:
    """layers/layer-tests.toml, under the Python of this machine."""
    version = "python{}.{}".format(*sys.version_info[:2])
    for name in ("core", "deps"):
        done = layer(name, version, host(), str(tmp_path / name))
        assert done.status == 0, done.err
    cases = str(ROOT / "layers/layer-tests.toml")
    layers = [str(tmp_path / "core"), str(tmp_path / "deps")]
    command = [sys.executable, "-c", "from cli.main import main; main()"]
    command += ["layers", "test", *layers, "--cases", cases]
    done_testing = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done_testing.returncode == 0, done_testing.stdout + done_testing.stderr
    assert ", 0 failed" in done_testing.stdout


_CLIENTS = """
import sys, boto3
for name in sys.argv[1:]:
    boto3.client(name, region_name="eu-west-1")
"""


def test_every_client_that_the_functions_make_can_be_made_and_no_other(tmp_path: Path) -> None:
    version = "python{}.{}".format(*sys.version_info[:2])
    done = layer("deps", version, host(), str(tmp_path / "deps"))
    assert done.status == 0, done.err
    order = definition.read(ROOT / "layers/deps/layer.toml", Target(version, host()), tmp_path)
    called = sorted(used(sources(order.code), {}, sources(order.library)).services)

    def made(*names: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-S", "-c", _CLIENTS, *names]
        environment = {"PYTHONPATH": str(tmp_path / "deps/python")}
        return subprocess.run(command, env=environment, check=False, capture_output=True, text=True)

    assert made(*called).returncode == 0, made(*called).stderr
    assert "UnknownServiceError" in made("ec2").stderr, "it is pruned"


def test_a_package_whose_hash_differs_is_refused(tmp_path: Path) -> None:
    script = copied(tmp_path)
    lock = script.with_name("deps") / "requirements.lock"
    text = lock.read_text(encoding="utf-8")
    lock.write_text(text.replace("sha256:", "sha256:" + "0" * 64 + "\n#"), encoding="utf-8")
    (script.parents[1] / ".venv").symlink_to(ROOT / ".venv")
    done = layer("deps", "python3.13", "arm64", str(tmp_path / "out"), script=script)
    assert done.status == 1
    assert "hash" in done.err.lower()
