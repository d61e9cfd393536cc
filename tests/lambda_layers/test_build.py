"""A whole build: what a layer holds, that it is the same every time, and that it fails whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import pytest
from millrace.errors import ConfigurationError, LayerError, MillraceError
from millrace.lambda_layers.build import build, present
from millrace.lambda_layers.compiling import interpreter
from millrace.lambda_layers.installing import Target
from millrace.lambda_layers.order import Order
from millrace.lambda_layers.stripping import host

from tests.lambda_layers.conftest import HOST, Place
from tests.lambda_layers.wheels import elf, lock, sdist, wheel

ROOT = Path(__file__).parents[2]


def held(order: Order) -> set[str]:
    layer = order.output / "layer"
    return {path.relative_to(layer).as_posix() for path in layer.rglob("*") if path.is_file()}


def test_a_layer_holds_what_functions_load_and_nothing_else(place: Place) -> None:
    order = place.usual()
    report = build(order)
    tag = "cpython-" + HOST.removeprefix("python").replace(".", "")
    metadata = ("METADATA", "entry_points.txt", "licenses/LICENSE")
    assert held(order) == {
        *(f"python/{name}-1.0.dist-info/{f}" for name in ("thing", "botocore") for f in metadata),
        "python/thing/__init__.py",
        f"python/thing/__pycache__/__init__.{tag}.pyc",
        "python/thing/native.so",
        "python/botocore/__init__.py",
        f"python/botocore/__pycache__/__init__.{tag}.pyc",
        "python/botocore/data/endpoints.json",
        "python/botocore/data/s3/2020-01-01/service-2.json",
        "python/botocore/data/sqs/2020-01-01/service-2.json",
    }
    left_out = {one.rule: one.files for one in report.left_out}
    assert left_out["services"] == 2
    assert left_out["examples"] == 2
    assert left_out.keys() >= {"headers", "static-libraries", "tests", "type-stubs", "bytecode"}
    assert report.services == {"s3": ("app.py:2",), "sqs": ("allow-list",)}
    assert {one.name for one in report.packages} >= {"thing 1.0", "botocore 1.0"}
    assert sum(one.after for one in report.packages) == report.after
    assert json.loads((order.output / "report.json").read_text())["tree"] == report.tree


def test_the_same_order_gives_the_same_tree_and_zip(place: Place) -> None:
    order = place.usual()
    first = build(order)
    zipped = (order.output / "layer.zip").read_bytes()
    second = build(replace(order, output=place.folder / "again"))
    assert second == first
    assert (place.folder / "again/layer.zip").read_bytes() == zipped
    other = build(replace(order, target=Target("python3.12", "x86_64")))
    assert other.tree != first.tree


def test_a_folder_may_be_named_from_here(place: Place) -> None:
    """Tools run in other folders than the one that a command was typed in."""
    order = place.usual()
    here = Path(os.path.relpath(order.output))
    assert not here.is_absolute()
    assert build(replace(order, output=here)) == build(order)


def test_where_nothing_can_be_compiled_it_is_no_warning(place: Place) -> None:
    order = place.order(wheel(place.wheels, "broken", {"broken.py": "x ="}))
    with pytest.raises(LayerError, match=r"cannot compile the layer: (?s:.*)SyntaxError"):
        build(order)


def test_what_is_there_already_is_not_built_again(place: Place) -> None:
    order = place.usual()
    assert present(order) is None
    build(replace(order, strip=False))
    assert present(order) is None, "it was asked for something else"
    built = build(order)
    assert present(order) == built
    place.write("more.py", "x = 1")
    assert present(order) is None, "another module of the functions"
    built = build(order)
    place.write("more.py", "x = 2")
    assert present(order) == built, "nothing of that is in the layer"
    place.write("more.py", "import boto3\nboto3.client('sqs')")
    assert present(order) is None, "a service that is called"


@pytest.mark.parametrize("damage", ["layer/python/thing/__init__.py", "layer.zip", "report.json"])
def test_what_was_changed_by_hand_is_built_again(place: Place, damage: str) -> None:
    order = place.usual()
    built = build(order)
    (order.output / damage).write_text("{}")
    assert present(order) is None
    assert build(order) == built
    assert present(order) == built


def loaded_bytecode(opt: Path) -> Path:
    """The compiled module that a function would load, which must be the layer's own."""
    python = interpreter(HOST.removeprefix("python"))
    assert python is not None
    run = subprocess.run(
        [str(python.path), "-S", "-B", "-v", "-c", "import thing; print(thing.__cached__)"],
        env={"PYTHONPATH": str(opt / "python")},
        check=True,
        capture_output=True,
        text=True,
    )
    (cached,) = run.stdout.split()
    assert f"{cached} matches" in run.stderr
    assert "bytecode is stale" not in run.stderr
    return Path(cached)


def test_bytecode_outlives_a_packager_that_forgets_dates(place: Place, tmp_path: Path) -> None:
    order = place.usual()
    build(order)
    with ZipFile(order.output / "layer.zip") as archive:
        assert {info.date_time[0] for info in archive.infolist()} == {1980}
        archive.extractall(tmp_path / "opt")
    # Tracebacks name the file where it will be mounted.
    assert b"/opt/python/thing/__init__.py" in loaded_bytecode(tmp_path / "opt").read_bytes()


def test_sams_own_zip_leaves_the_bytecode_valid(place: Place, tmp_path: Path) -> None:
    order = place.usual()
    build(order)
    code = (
        "import sys; from samcli.lib.package.utils import make_zip;"
        "print(make_zip(sys.argv[1], sys.argv[2]))"
    )
    sam = [str(ROOT / ".venv-sam/bin/python"), "-W", "ignore", "-c", code]
    arguments = [str(tmp_path / "sam"), str(order.output / "layer")]
    done = subprocess.run([*sam, *arguments], check=True, capture_output=True, text=True)
    with ZipFile(done.stdout.strip()) as archive:
        archive.extractall(tmp_path / "opt")
    loaded_bytecode(tmp_path / "opt")


def test_a_layers_zip_is_built_anew_to_the_same_tree(place: Place) -> None:
    order = place.usual()
    first = build(order)
    source = place.folder / "theirs.zip"
    (order.output / "layer.zip").rename(source)
    assert build(replace(order, source=source)).tree == first.tree


def test_import_times_are_measured_where_the_layer_can_run(place: Place) -> None:
    order = replace(place.usual(), processes=1, target=Target(HOST, host()))
    if host() != "x86_64":  # its native library is for that
        (place.wheels / "thing-1.0-py3-none-any.whl").unlink()
        thing = wheel(place.wheels, "thing", {"thing/__init__.py": ""})
        order = replace(order, source=lock(place.folder, thing), services=())
        place.write("app.py", "import thing, botocore")
    report = build(order)
    assert report.imports is not None
    assert set(report.imports.modules) <= {"botocore", "thing"}
    assert report.imports.before_ms > 0
    assert report.imports.after_ms > 0


def test_what_cannot_be_done_here_is_said(place: Place) -> None:
    package = wheel(place.wheels, "plain", {"plain.py": "x = 1", "broken.py": "x ="})
    order = place.order(package, runtime="python3.99", architecture="arm64")
    report = build(replace(order, processes=1))
    assert any("no Python 3.99 here" in one for one in report.warnings)
    assert not [path for path in held(order) if path.endswith(".pyc")]
    compiled = build(replace(order, target=Target(HOST, "arm64")))
    assert any("cannot compile python/broken.py" in one for one in compiled.warnings)


def test_neither_umask_nor_time_zone_nor_folder_reach_the_layer(place: Place) -> None:
    order = place.usual()
    first = build(order)
    code = (
        "import os, sys, time; os.umask(0o077); time.tzset();"
        "from pathlib import Path; from millrace.lambda_layers.build import build;"
        "from tests.lambda_layers.conftest import Place;"
        "order = Place(Path(sys.argv[1])).usual(); print(build(order).zip_sha256)"
    )
    other = place.folder / "another folder"
    other.mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "TZ": "Pacific/Kiritimati",
        "LANG": "tr_TR.UTF-8",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "layers/core")]),
        "PYTHONHASHSEED": "7",
    }
    done = subprocess.run(
        [sys.executable, "-c", code, str(other)],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == first.zip_sha256


def bad(place: Place, kind: str) -> Order:
    """An order that cannot be met."""
    plain = wheel(place.wheels, "plain", {"plain.py": ""})
    order = place.order(plain)
    match kind:
        case "unresolvable":
            lock(place.folder).write_text(f"plain==9.9 --hash=sha256:{'0' * 64}\n")
        case "no hash":
            lock(place.folder).write_text("plain==1.0\n")
        case "sdist":
            return place.order(sdist(place.wheels, "source"), architecture="arm64")
        case "foreign":
            native = wheel(place.wheels, "native", {"native/lib.so": elf("x86_64")})
            return place.order(native, architecture="arm64")
        case "other python":
            name = "native/lib.cpython-36-x86_64-linux-gnu.so"
            return place.order(wheel(place.wheels, "native", {name: elf("x86_64")}))
        case "unknown service":
            usual = place.usual()
            place.write("app.py", "import boto3\nboto3.client('dynamodbs')")
            return usual
        case "missing":
            return replace(order, source=place.folder / "none.lock")
        case "empty":
            lock(place.folder).write_text("# nothing yet\n")
        case "import":
            return replace(order, modules=("absent",), processes=1, target=Target(HOST, host()))
    return order


BAD = [
    ("unresolvable", "requirements.lock cannot be installed for .*plain==9.9"),
    ("no hash", "requirements.lock is not locked, or a hash differs: .*--generate-hashes"),
    ("sdist", "no wheel for .* on arm64: .*source==1.0.*--source-only NAME"),
    ("foreign", "native/lib.so is for x86_64, but the layer is for arm64"),
    ("other python", "is for another Python than"),
    ("unknown service", r"no service 'dynamodbs' \(called at app.py:2\). Did you mean 'dynamodb'"),
    ("missing", "There is no .*none.lock"),
    ("empty", "The layer would be empty"),
    ("import", "cannot import absent: ModuleNotFoundError"),
]


@pytest.mark.parametrize(("kind", "message"), BAD)
def test_a_failed_build_names_the_reason_and_leaves_what_was(
    place: Place, kind: str, message: str
) -> None:
    good = place.order(wheel(place.wheels, "plain", {"plain.py": ""}))
    before = build(good)
    order = bad(place, kind)
    present = {path.name for path in place.folder.iterdir()}
    with pytest.raises(MillraceError, match=message):
        build(order)
    assert {path.name for path in place.folder.iterdir()} == present
    assert json.loads((place.output / "report.json").read_text())["tree"] == before.tree


def test_a_package_of_ours_in_the_place_of_another_is_said(place: Place) -> None:
    order = place.order(wheel(place.wheels, "plain", {"plain/__init__.py": "X = 1\n"}))
    ours = place.folder / "plain"
    ours.mkdir()
    (ours / "__init__.py").write_text("X = 2\n", encoding="utf-8")
    built = build(replace(order, packages=(ours,)))
    assert any(
        "takes the place" in one and "python/plain/__init__.py" in one for one in built.warnings
    )


def test_a_folder_that_cannot_be_made_is_named(place: Place) -> None:
    order = place.order(wheel(place.wheels, "plain", {"plain.py": ""}))
    (place.folder / "file").write_text("", encoding="utf-8")
    with pytest.raises(LayerError, match=r"cannot be written to .*file/layer"):
        build(replace(order, output=place.folder / "file" / "layer"))


def test_somebody_elses_folder_is_not_replaced(place: Place) -> None:
    order = place.order(wheel(place.wheels, "plain", {"plain.py": ""}))
    place.output.mkdir()
    (place.output / "letter.txt").write_text("Dear …")
    with pytest.raises(ConfigurationError, match="no layer that was built before"):
        build(order)
    assert (place.output / "letter.txt").read_text() == "Dear …"


@pytest.mark.parametrize(
    ("runtime", "architecture", "message"),
    [
        ("node22", "arm64", "Runtime 'node22' is unknown"),
        ("python3.13", "riscv", "Architecture 'riscv' is unknown; Lambda has arm64 and x86_64"),
    ],
)
def test_a_target_that_lambda_does_not_have(runtime: str, architecture: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Target(runtime, architecture)


def test_a_zip_without_python_is_no_layer(place: Place) -> None:
    source = place.folder / "other.zip"
    with ZipFile(source, "w") as archive:
        archive.writestr("other/x", "")
    with pytest.raises(LayerError, match="nothing under python/"):
        build(Order(source, Target(HOST, "arm64"), place.output))
    assert not place.output.exists()
