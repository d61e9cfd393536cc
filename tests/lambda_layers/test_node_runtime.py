"""Layers of Node.js in /opt on this machine, read-only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from millrace.errors import ConfigurationError
from millrace.lambda_layers.installing import Target
from millrace.lambda_layers.stripping import host
from millrace.lambda_layers.testing import Function

from cli.layer_node import NodeRuntime
from tests.cli.conftest import bench, cloud, millrace
from tests.cli.fakes import Commands
from tests.lambda_layers.test_node import NODE, write

__all__ = ["bench", "cloud", "millrace"]

TARGET = Target(f"nodejs{NODE}.x", host())


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    """A layer of one package that works, and one that does not."""
    write(
        tmp_path / "layer",
        {
            "nodejs/package.json": json.dumps({"dependencies": {"greet": "1", "broken": "1"}}),
            "nodejs/node_modules/greet/index.js": "module.exports = (name) => `hello ${name}`;\n",
            "nodejs/node_modules/broken/index.js": "require('absent');\n",
        },
    )
    return tmp_path / "layer"


HANDLERS = """
const fs = require("fs");
const greet = require("greet");
exports.handler = async (event) => {
  let tried = "written";
  try { fs.writeFileSync("/opt/new", ""); } catch (error) { tried = error.code; }
  return { said: greet(event.name), tried, where: require.resolve("greet") };
};
exports.old = (event, context, callback) => callback(null, { said: event.name });
exports.fails = async () => { throw new TypeError("no"); };
exports.slow = () => { for (;;); };
exports.dies = () => process.exit(3);
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """Handlers of every kind."""
    write(tmp_path / "code", {"index.js": HANDLERS})
    return tmp_path / "code"


def test_a_handler_has_the_layer_and_cannot_write_to_it(
    layer: Path, code: Path, tmp_path: Path
) -> None:
    runtime = NodeRuntime(layer, TARGET, tmp_path / "scratch")
    function = Function(handler="index.handler", code=code)
    answers = runtime.call(function, [b'{"name": "a"}', b'{"name": "b"}'])
    found = [json.loads(one.payload) for one in answers]
    assert [one["said"] for one in found] == ["hello a", "hello b"]
    assert found[0]["where"] == f"{runtime.mount}/nodejs/node_modules/greet/index.js"
    if runtime.mount == "/opt":
        assert found[0]["tried"] == "EROFS"


@pytest.mark.parametrize(
    ("handler", "error", "said"),
    [
        ("index.old", None, {"said": "a"}),
        ("index.fails", "TypeError", {"errorType": "TypeError", "errorMessage": "no"}),
        ("index.slow", "Sandbox.Timedout", None),
        ("index.dies", "Runtime.ExitError", None),
        ("index.none", "TypeError", None),
    ],
)
def test_how_handlers_end(
    layer: Path, code: Path, tmp_path: Path, handler: str, error: str | None, said: object
) -> None:
    runtime = NodeRuntime(layer, TARGET, tmp_path / "scratch")
    function = Function(handler=handler, code=code, timeout_s=2)
    (answer,) = runtime.call(function, [b'{"name": "a"}'])
    assert answer.error == error
    assert said is None or json.loads(answer.payload) == said


def test_the_command_imports_what_the_project_depends_on(millrace: Commands, layer: Path) -> None:
    options = ["--processes", 1]
    done = millrace("layers", "test", layer, *options, "--json")
    found = {(one["group"], one["name"]): one for one in done.document["results"]}
    assert done.status == 1
    assert found["imports", "greet"]["status"] == "passed"
    assert found["imports", "greet"]["message"].startswith(f"Node.js v{NODE}.")
    assert found["imports", "broken"]["status"] == "failed"
    assert found["imports", "broken"]["message"].startswith("Error: Cannot find module 'absent'")
    assert millrace("layers", "test", layer, *options, "--import", "greet").status == 0


def test_two_layers_are_compared_but_not_profiled(millrace: Commands, layer: Path) -> None:
    options = ["--import", "greet", "--processes", 1, "--json"]
    done = millrace("layers", "compare", layer, layer, *options)
    assert done.status == 0, done.err
    assert done.document["a"]["figures"]["import_ms"] > 0
    done = millrace("layers", "profile", layer)
    assert done.status == 2
    assert f"nodejs{NODE}.x: only imports of Python are ranked" in done.err


def test_another_node_than_the_layers_is_said(layer: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"is for Node.js 99, and here is"):
        NodeRuntime(layer, Target("nodejs99.x", host()), tmp_path / "scratch")
