"""`millrace layers test`, as it is typed."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree
from zipfile import ZipFile

import pytest
from millrace.lambda_layers.build import build
from millrace.lambda_layers.stripping import host

from tests.cli.conftest import bench, cloud, millrace
from tests.cli.fakes import Commands
from tests.lambda_layers.conftest import Place
from tests.lambda_layers.wheels import wheel

__all__ = ["bench", "cloud", "millrace"]


def layer(folder: Path, **modules: str) -> Path:
    """A layer of these modules, with metadata of each."""
    for name, text in modules.items():
        info = folder / f"python/{name}-{len(text)}.dist-info/METADATA"
        info.parent.mkdir(parents=True)
        info.write_text(f"Name: {name}\n", encoding="utf-8")
        (folder / f"python/{name}.py").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A layer of two modules."""
    return layer(tmp_path / "good", one="X = 1\n", two="import one\n")


def test_a_layer_that_holds_what_it_promises(millrace: Commands, good: Path) -> None:
    done = millrace("layers", "test", good, "--processes", 1, "--json")
    assert done.status == 0, done.err
    assert done.document["held"] is True
    found = {(one["group"], one["name"]): one["status"] for one in done.document["results"]}
    assert found.pop(("bytecode", "compiled for good")) == "warning", "it is no build"
    assert set(found.values()) == {"passed"}
    assert {("imports", "one"), ("imports", "two"), ("cold-start", "all imports")} <= set(found)
    assert "limits" in {group for group, _ in found}


def test_a_broken_module_is_named_with_its_reason(
    millrace: Commands, tmp_path: Path, good: Path
) -> None:
    bad = layer(tmp_path / "bad", three="import absent\n")
    junit = tmp_path / "out.xml"
    done = millrace("layers", "test", good, bad, "--import", "one", "--junit", junit)
    assert done.status == 1
    assert "failed: imports: three: ModuleNotFoundError: No module named 'absent'" in done.err
    assert "1 failed" in done.out
    root = ElementTree.fromstring(junit.read_text(encoding="utf-8"))
    assert (root.get("name"), root.get("failures")) == ("good + bad", "1")


def test_one_layer_that_shadows_another_is_seen_without_running(
    millrace: Commands, tmp_path: Path, good: Path
) -> None:
    other = layer(tmp_path / "other", one="X = 22\n")
    done = millrace("layers", "test", good, other, "--import", "one", "--processes", 1)
    assert done.status == 1
    assert "one 7 of other over 6 of good" in done.err
    assert "python/one.py of other over that of good" in done.err
    cases = tmp_path / "cases.json"
    text = {"may-shadow": ["one"], "case": [{"name": "it", "module": "one"}]}
    cases.write_text(json.dumps(text), encoding="utf-8")
    assert millrace("layers", "test", good, other, "--cases", cases).status == 0


def test_a_file_in_the_place_of_a_folder(millrace: Commands, tmp_path: Path, good: Path) -> None:
    other = layer(tmp_path / "other", three="X = 1\n")
    (other / "python/one.py").mkdir()
    (other / "python/one.py/x").write_text("", encoding="utf-8")
    done = millrace("layers", "test", good, other)
    assert done.status == 1
    assert "other cannot be unpacked over the layers before it" in done.err


def test_six_layers_are_too_many_and_said_to_be(millrace: Commands, tmp_path: Path) -> None:
    layers = [layer(tmp_path / f"l{n}", **{f"m{n}": "X = 1\n"}) for n in range(6)]
    done = millrace("layers", "test", *layers, "--import", "m0", "--processes", 1, "--json")
    assert done.status == 1
    assert "failed: limits: number of layers: 6 of at most 5 layers" in done.err


def test_handlers_get_their_events(millrace: Commands, tmp_path: Path, good: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    text = "import two\ndef handler(event, context):\n  return {'sum': event['n'] + two.one.X}\n"
    (code / "app.py").write_text(text, encoding="utf-8")
    for number in (1, 2):
        (tmp_path / f"event-{number}.json").write_text(json.dumps({"n": number}))
    cases = tmp_path / "cases.toml"
    cases.write_text(
        '[[case]]\nname = "sums"\nkind = "handler"\ncode = "code"\nevents = ["event-*.json"]\n'
        "expect = {sum = 2}\n",
        encoding="utf-8",
    )
    done = millrace("layers", "test", good, "--cases", cases, "--json")
    assert done.status == 1
    sums = [one for one in done.document["results"] if one["group"] == "handlers"]
    assert [(one["name"], one["status"], one["message"]) for one in sums] == [
        ("sums [event-1.json]", "passed", ""),
        ("sums [event-2.json]", "failed", "answer.sum is 3, not 2"),
    ]


def test_what_millrace_builds_is_compiled_for_good_and_runs_anywhere_without_natives(
    millrace: Commands, place: Place
) -> None:
    other = "arm64" if host() != "arm64" else "x86_64"
    package = wheel(place.wheels, "plain", {"plain.py": "X = 1\n", "template.py": "{{ x }} =\n"})
    build(place.order(package, architecture=other))
    done = millrace("layers", "test", place.output, "--import", "plain", "--json")
    (compiled,) = [one for one in done.document["results"] if one["group"] == "bytecode"]
    assert (compiled["status"], compiled["message"]) == ("passed", "2 modules")
    assert "plain" in {one["name"] for one in done.document["results"]}


def test_stale_bytecode_is_named_with_what_it_costs(millrace: Commands, good: Path) -> None:
    done = millrace("layers", "test", good, "--processes", 1)
    assert "warning: bytecode: compiled for good: 2 of 2 modules have none that stays" in done.err


def test_a_zip_that_functions_would_not_look_into(millrace: Commands, tmp_path: Path) -> None:
    with ZipFile(tmp_path / "flat.zip", "w") as archive:
        archive.writestr("one.py", "X = 1\n")
    done = millrace("layers", "test", tmp_path / "flat.zip")
    assert (done.status, "is no layer" in done.err) == (2, True), done.err


def test_a_zip_is_read_with_suspicion(millrace: Commands, tmp_path: Path) -> None:
    source = tmp_path / "bad.zip"
    with ZipFile(source, "w") as archive:
        archive.writestr("../x", "")
    done = millrace("layers", "test", source)
    assert done.status == 1
    assert "leads out of the layer" in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none"], "There is no none"),
        (["."], "is no layer: it holds none of python/, nodejs/"),
        (["arn:aws:lambda:eu-west-1:123456789012:layer:x:1"], "is in the cloud: try it with"),
        (["none", "--cloud"], "--cloud needs --role"),
        (["none", "--cases", "none.toml"], "none.toml cannot be read"),
    ],
)
def test_a_wrong_command_tries_nothing(
    millrace: Commands, arguments: list[str], message: str
) -> None:
    done = millrace("layers", "test", *arguments)
    assert (done.status, done.out) == (2, "")
    assert message in done.err
