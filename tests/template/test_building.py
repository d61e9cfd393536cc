"""What `sam build` makes: the same on any host, for the runtime and architecture asked for."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.architecture.interpreters import LAMBDA_MODULES
from tests.architecture.interpreters import found as pythons
from tests.architecture.source import modules
from tests.template.commands import run
from tests.template.reading import ROOT, folder_of, of_type

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
        source = ROOT / "lambdas" / folder_of(name)
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
    """Clients are made from the layer's own botocore, by the host's Python: it is pure Python.

    Which services are called is searched for as a text here; the builder reads syntax trees.
    """
    layer = built[0] / "DepsLayer/python"
    data = layer / "botocore/data"
    services = sorted(path.name for path in data.iterdir() if path.is_dir())
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
    called = set(re.findall(r'client\(\s*"([\w-]+)"[,)]', "\n".join(_library_sources())))
    assert len(called) >= 4
    assert called <= set(services)
    # What else is there, packages of the layer call: Powertools an S3 client of its own.
    assert set(services) - called <= {"s3"}


def _library_sources() -> list[str]:
    """The modules that make clients of AWS, of those that the functions import."""
    library = modules("millrace")
    paths = [library[name].path for name in LAMBDA_MODULES if name in library]
    handlers = sorted((ROOT / "lambdas").rglob("*.py"))
    texts = [path.read_text(encoding="utf-8") for path in (*paths, *handlers)]
    return [text for text in texts if "from millrace.aws import" in text]


def test_nothing_useless_or_host_specific_is_shipped(built: Built) -> None:
    useless = {"tests", "testdata", ".lock", "Makefile", "RECORD", "INSTALLER", "layer.toml"}
    found = {path.name for path in built[0].rglob("*")} & useless
    assert not found
    for path in built[0].rglob("*"):
        assert path.suffix != ".pyi"
        assert not path.is_symlink()
    texts = [path for path in built[0].glob("*Layer/**/*") if path.suffix in {".py", ".pyc", ""}]
    assert texts
    assert not [p for p in texts if p.is_file() and os.fsencode(ROOT) in p.read_bytes()]


def test_bytecode_is_that_of_the_runtime_and_of_every_module(built: Built) -> None:
    """Where its Python is here; where it is not, the build says so: see below."""
    folder, runtime, _ = built
    python = pythons().get(runtime.removeprefix("python"))
    for layer in ("CoreLayer", "DepsLayer"):
        compiled = set((folder / layer).rglob("*.pyc"))
        if python is None:
            assert not compiled
            continue
        assert compiled == set(expected_bytecode(folder / layer, runtime))
        checked = subprocess.run(
            [str(python), "-I", "-S", "-c", UNCHECKED, *map(str, compiled)],
            check=True,
            capture_output=True,
            text=True,
        )
        assert checked.stdout == ""


# Prints bytecode that is no bytecode of this Python, may be stale, or is of another source.
UNCHECKED = """
import importlib.util, pathlib, sys
for name in sys.argv[1:]:
    path = pathlib.Path(name)
    source = importlib.util.source_hash(pathlib.Path(
        importlib.util.source_from_cache(name)).read_bytes())
    expected = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + source
    if path.read_bytes()[:16] != expected:
        print(name)
"""


def expected_bytecode(layer: Path, runtime: str) -> Iterator[Path]:
    tag = "cpython-" + runtime.removeprefix("python").replace(".", "")
    for path in layer.rglob("*.py"):
        yield path.parent / "__pycache__" / f"{path.stem}.{tag}.pyc"


def test_bytecode_outlives_sams_own_zip(built: Built, tmp_path: Path) -> None:
    """SAM keeps no seconds that bytecode with a date could trust; ours has none."""
    folder, runtime, _ = built
    python = pythons().get(runtime.removeprefix("python"))
    if python is None:
        assert not list((folder / "DepsLayer").rglob("*.pyc"))
        return
    opt = tmp_path / "opt"
    for layer in ("CoreLayer", "DepsLayer"):
        with ZipFile(sam_zip(folder / layer, tmp_path / layer)) as archive:
            archive.extractall(opt)
    for path in opt.rglob("*"):
        os.utime(path, (0, 0))
    pure = "import boto3, aws_lambda_powertools"
    run = subprocess.run(
        [str(python), "-S", "-B", "-v", "-c", pure],
        env={"PYTHONPATH": str(opt / "python")},
        check=True,
        capture_output=True,
        text=True,
    )
    of_layer = [line for line in run.stderr.splitlines() if str(opt) in line]
    assert len([line for line in of_layer if "matches" in line]) > 100
    assert not [line for line in of_layer if "stale" in line or "bad" in line]
    assert not [
        line for line in of_layer if line.startswith("# code object from") and ".pyc" not in line
    ]


def sam_zip(folder: Path, target: Path) -> str:
    """What `sam package` would upload: by its own code."""
    code = (
        "import sys; from samcli.lib.package.utils import make_zip;"
        "print(make_zip(sys.argv[1], sys.argv[2]))"
    )
    python = str(ROOT / ".venv-sam/bin/python")
    done = subprocess.run(
        [python, "-W", "ignore", "-c", code, str(target), str(folder)],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()
