"""What `sam build` makes: the same on any host, for the runtime and architecture asked for."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from localcloud.stack.template import load_template
from tests.template.commands import run
from tests.template.reading import ROOT, TEMPLATE, of_type

BUILD = ROOT / "layers/deps/build"
ELF_MACHINES = {62: "x86_64", 183: "arm64"}


Built = tuple[Path, str, str]
BUILDS = {
    "default": ("default", "python3.13", "arm64"),
    "local": ("local", "python3.13", "x86_64"),
    "overridden": ("default", "python3.12", "x86_64"),
}


@pytest.fixture(scope="module", params=BUILDS)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The folder of a build, and the runtime and architecture that it must be for."""
    environment, runtime, architecture = BUILDS[request.param]
    folder = tmp_path_factory.mktemp(environment)
    overrides = ["--parameter-overrides", f"Runtime={runtime} Architecture={architecture}"]
    options = overrides if request.param == "overridden" else []
    result = run("sam", "build", "--config-env", environment, "--build-dir", str(folder), *options)
    assert result.returncode == 0, result.stderr
    return folder, runtime, architecture


def machine(library: Path) -> str:
    """The architecture of an ELF file: the half word at byte 18 of its head."""
    head = library.read_bytes()[:20]
    assert head[:4] == b"\x7fELF"
    return ELF_MACHINES[int.from_bytes(head[18:20], "little")]


def test_native_libraries_fit_runtime_and_architecture(built: Built) -> None:
    folder, runtime, architecture = built
    libraries = list((folder / "DepsLayer").rglob("*.so*"))
    assert {machine(library) for library in libraries} == {architecture}
    tag = f".cpython-{runtime.removeprefix('python').replace('.', '')}-"
    assert [library for library in libraries if tag in library.name]
    assert not [lib for lib in libraries if ".cpython-" in lib.name and tag not in lib.name]


def test_functions_have_their_handler_and_the_definitions(built: Built) -> None:
    for name in of_type("AWS::Lambda::Function"):
        source = ROOT / "lambdas" / name.removesuffix("Function").lower()
        expected = {
            str(path.relative_to(source))
            for path in source.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        assert "app.py" in expected
        function = built[0] / name
        assert {str(p.relative_to(function)) for p in function.rglob("*") if p.is_file()} == (
            expected | {"features.toml", "LAYERS"}
        )
        assert (function / "features.toml").read_bytes() == (ROOT / "features.toml").read_bytes()


def test_the_core_layer_holds_the_library_alone(built: Built) -> None:
    source = ROOT / "layers/core/millrace"
    expected = {str(path.relative_to(source)) for path in source.rglob("*.py")}
    layer = built[0] / "CoreLayer/python"
    assert [path.name for path in layer.iterdir()] == ["millrace"]
    assert {str(path.relative_to(layer / "millrace")) for path in layer.rglob("*.py")} == expected


def test_the_dependency_layer_holds_what_is_locked_and_nothing_more(built: Built) -> None:
    layer = built[0] / "DepsLayer/python"
    names = {path.name for path in layer.iterdir()}
    assert {"aws_lambda_powertools", "aws_kinesis_agg", "boto3", "google", "orjson"} <= names
    assert {"amazondax", "antlr4"} <= names, "without which Dax=on would do nothing"
    assert names.isdisjoint({"numpy", "pydantic", "bin"})
    lock = (ROOT / "layers/deps/requirements.lock").read_text(encoding="utf-8")
    locked = set(re.findall(r"^([\w.-]+)==([^ ;]+)", lock, re.MULTILINE))
    shipped = {path.name.removesuffix(".dist-info") for path in layer.glob("*.dist-info")}
    assert {tuple(name.replace("_", "-").rsplit("-", 1)) for name in shipped} == locked


def test_botocore_knows_the_services_that_we_call_and_no_others(built: Built) -> None:
    """Clients are made from the layer's own botocore, by the host's Python: it is pure Python."""
    layer = built[0] / "DepsLayer/python"
    lines = (ROOT / "layers/deps/services").read_text(encoding="utf-8").splitlines()
    services = [line for line in lines if not line.startswith("#")]
    data = layer / "botocore/data"
    assert sorted(path.name for path in data.iterdir() if path.is_dir()) == sorted(services)
    code = (
        "import sys, botocore; from botocore.session import Session; s = Session();"
        "[s.create_client(n, region_name='eu-west-1') for n in sys.argv[1:]];"
        "print(botocore.__file__)"
    )
    run = subprocess.run(
        [sys.executable, "-S", "-B", "-c", code, *services],
        env={"PYTHONPATH": str(layer), "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"},
        check=True,
        capture_output=True,
        text=True,
    )
    assert run.stdout.startswith(str(layer))
    used = re.findall(r'client\("([\w-]+)"[,)]', "\n".join(_library_sources()))
    assert used
    assert set(used) <= set(services)


def _library_sources() -> list[str]:
    """The modules that make clients of AWS."""
    folders = (ROOT / "layers/core/millrace", ROOT / "lambdas")
    texts = [path.read_text(encoding="utf-8") for f in folders for path in f.rglob("*.py")]
    return [text for text in texts if "from millrace.aws import" in text]


def test_nothing_useless_or_host_specific_is_shipped(built: Built) -> None:
    useless = {"__pycache__", "tests", "testdata", ".lock", "Makefile", "RECORD", "INSTALLER"}
    found = {path.name for path in built[0].rglob("*")} & useless
    assert not found
    for path in built[0].rglob("*"):
        assert path.suffix not in {".pyc", ".pyi"}
        assert not path.is_symlink()
    texts = [path for path in built[0].glob("*Layer/**/*") if path.suffix in {".py", ""}]
    assert texts
    assert not [p for p in texts if p.is_file() and os.fsencode(ROOT) in p.read_bytes()]


# ---- layers/deps/build --------------------------------------------------------------------------


def test_every_runtime_and_architecture_has_its_makefile() -> None:
    parameters = load_template(TEMPLATE)["Parameters"]
    expected = {
        f"{runtime}/{architecture}"
        for runtime in parameters["Runtime"]["AllowedValues"]
        for architecture in parameters["Architecture"]["AllowedValues"]
    }
    makefiles = {path.parent for path in (ROOT / "layers/deps").glob("*/*/Makefile")}
    assert {f"{path.parent.name}/{path.name}" for path in makefiles} == expected
    assert len({(path / "Makefile").read_bytes() for path in makefiles}) == 1


def deps(*arguments: str, script: Path = BUILD, path: str | None = None) -> tuple[int, str]:
    environment = os.environ | {"PATH": path or os.environ["PATH"]}
    result = subprocess.run(
        ["sh", str(script), *arguments],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    return result.returncode, result.stderr


def fingerprint(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        digest.update(f"{path.relative_to(folder)} {path.stat().st_mode}\n".encode())
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()


def test_the_same_lock_gives_the_same_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        status, words = deps("python3.11", "arm64", str(tmp_path / name))
        assert status == 0, words
    assert fingerprint(tmp_path / "one") == fingerprint(tmp_path / "two")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("python3.13", "riscv", "x"), "architecture 'riscv' is unknown; Lambda has arm64"),
        (("node22", "arm64", "x"), "runtime 'node22' is unknown"),
        (("python3.13",), "usage: layers/deps/build RUNTIME ARCHITECTURE DIR"),
    ],
)
def test_a_wrong_call_says_what_is_expected(arguments: tuple[str, ...], message: str) -> None:
    status, words = deps(*arguments)
    assert status == 2
    assert message in words


def copied(tmp_path: Path) -> Path:
    """The script in a checkout without .venv."""
    folder = tmp_path / "my checkout" / "layers" / "deps"
    folder.mkdir(parents=True)
    for name in ("requirements.lock", "services"):
        shutil.copy(ROOT / "layers/deps" / name, folder)
    return Path(shutil.copy(BUILD, folder))


def tools(tmp_path: Path, *names: str) -> str:
    """A PATH that holds these commands only."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in names:
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    return str(folder)


def test_without_uv_it_says_how_to_get_it(tmp_path: Path) -> None:
    path = tools(tmp_path, "sh", "dirname", "rm", "find")
    status, words = deps(
        "python3.13", "arm64", str(tmp_path / "out"), script=copied(tmp_path), path=path
    )
    assert status == 2
    assert "Run scripts/setup, or: python3 -m pip install uv" in words


def test_a_uv_on_the_path_serves_a_checkout_without_venv(tmp_path: Path) -> None:
    path = tools(tmp_path, "sh", "dirname", "rm", "find", "python3")
    (tmp_path / "tools" / "uv").symlink_to(ROOT / ".venv/bin/uv")
    status, words = deps(
        "python3.13", "arm64", str(tmp_path / "out"), script=copied(tmp_path), path=path
    )
    assert status == 0, words
    assert (tmp_path / "out/python/orjson").is_dir()


def test_pip_serves_where_uv_fails_and_makes_the_same_files(tmp_path: Path) -> None:
    script = copied(tmp_path)
    commands = script.parent.parent.parent / ".venv" / "bin"
    commands.mkdir(parents=True)
    for name, text in (("uv", "exit 1"), ("python", f'exec "{sys.executable}" "$@"')):
        (commands / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (commands / name).chmod(0o755)
    for name, which in (("pip", script), ("uv", BUILD)):
        status, words = deps("python3.12", "x86_64", str(tmp_path / name), script=which)
        assert status == 0, words
    assert fingerprint(tmp_path / "pip") == fingerprint(tmp_path / "uv")


def test_a_package_whose_hash_differs_is_refused(tmp_path: Path) -> None:
    script = copied(tmp_path)
    lock = script.with_name("requirements.lock")
    text = lock.read_text(encoding="utf-8")
    lock.write_text(text.replace("sha256:", "sha256:" + "0" * 64 + "\n#"), encoding="utf-8")
    (script.parent.parent.parent / ".venv").symlink_to(ROOT / ".venv")
    status, words = deps("python3.13", "arm64", str(tmp_path / "out"), script=script)
    assert status != 0
    assert "hash" in words.lower()
