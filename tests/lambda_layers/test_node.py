"""Layers of Node.js: from a lock, pruned to production, for another machine, without a network."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from millrace.errors import ConfigurationError, LayerError
from millrace.lambda_layers import npm
from millrace.lambda_layers.build import build, present
from millrace.lambda_layers.installing import Target
from millrace.lambda_layers.order import Order
from millrace.lambda_layers.stripping import host

NODE = (npm.version("node") or "22").partition(".")[0]
LOCK = {
    "name": "project",
    "lockfileVersion": 3,
    "requires": True,
    "packages": {
        "": {
            "name": "project",
            "dependencies": {"greet": "file:../greet"},
            "devDependencies": {"lint": "file:lint"},
        },
        "../greet": {"name": "greet", "version": "1.2.3", "hasInstallScript": True},
        "lint": {"version": "4.5.6", "dev": True},
        "node_modules/greet": {"resolved": "../greet", "link": True},
        "node_modules/lint": {"resolved": "lint", "link": True, "dev": True},
    },
}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@pytest.fixture
def order(tmp_path: Path) -> Order:
    """A project with a package that stands beside it, and one that only developers need."""
    write(
        tmp_path,
        {
            "project/package.json": json.dumps(LOCK["packages"][""]),  # type: ignore[index]
            "project/package-lock.json": json.dumps(LOCK),
            "greet/package.json": json.dumps(
                {"name": "greet", "version": "1.2.3", "scripts": {"install": "touch /tmp/ran"}}
            ),
            "greet/index.js": "module.exports = () => 'hello';\n",
            "greet/index.d.ts": "export default function (): string;\n",
            "greet/index.js.map": "{}",
            "greet/LICENSE": "Do what you like.\n",
            "greet/__tests__/index.js": "throw new Error('a test');\n",
            "project/lint/package.json": json.dumps({"name": "lint", "version": "4.5.6"}),
            "project/lint/index.js": "// never deployed\n",
        },
    )
    return Order(
        source=tmp_path / "project/package-lock.json",
        target=Target(f"nodejs{NODE}.x", host()),
        output=tmp_path / "built",
        processes=1,
    )


def held(order: Order) -> set[str]:
    layer = order.output / "layer"
    return {path.relative_to(layer).as_posix() for path in layer.rglob("*") if path.is_file()}


def test_what_production_needs_stays_and_the_report_tells_of_the_rest(order: Order) -> None:
    report = build(order)
    assert held(order) == {
        "nodejs/package.json",
        "nodejs/package-lock.json",
        "nodejs/node_modules/greet/package.json",
        "nodejs/node_modules/greet/index.js",
        "nodejs/node_modules/greet/LICENSE",
    }
    left_out = {one.rule: one.files for one in report.left_out}
    once = dict.fromkeys(("type-stubs", "source-maps", "tests", "installer-records"), 1)
    assert left_out == {"development": 2, **once}
    sizes = {one.name: (one.before, one.after) for one in report.packages}
    assert sizes["lint 4.5.6"][1] == 0 < sizes["lint 4.5.6"][0]
    assert 0 < sizes["greet 1.2.3"][1] < sizes["greet 1.2.3"][0]
    assert report.imports is not None
    assert report.imports.modules == ("greet",)
    assert report.tools["npm"] == npm.version("npm")
    assert any("Install scripts are not run" in one and "greet" in one for one in report.warnings)


def test_the_same_project_gives_the_same_tree_and_is_built_once(order: Order) -> None:
    first = build(order)
    assert present(order) == first
    again = build(replace(order, output=order.output.with_name("again")))
    assert again.tree == first.tree
    assert again.zip_sha256 == first.zip_sha256
    assert order.source is not None
    write(order.source.parents[1], {"greet/index.js": "module.exports = () => 'bye';\n"})
    assert present(order) is None, "a package beside the project has changed"


def test_what_cannot_be_imported_is_no_layer(order: Order) -> None:
    assert order.source is not None
    write(order.source.parents[1], {"greet/index.js": "require('absent');\n"})
    with pytest.raises(LayerError, match=r"cannot import greet: .*Cannot find module 'absent'"):
        build(order)
    assert not order.output.exists()


def test_another_node_than_the_runtimes_measures_nothing(order: Order) -> None:
    report = build(replace(order, target=Target("nodejs99.x", "arm64")))
    assert report.imports is None
    assert any("Import times are not measured" in one for one in report.warnings)


def test_a_project_without_a_lock_says_how_to_make_one(order: Order) -> None:
    assert order.source is not None
    with pytest.raises(ConfigurationError, match="npm install --package-lock-only"):
        build(replace(order, source=order.source.with_name("package.json")))


def test_npms_reason_is_told(order: Order) -> None:
    assert order.source is not None
    text = order.source.with_name("package.json")
    wrong = {"name": "project", "dependencies": {"greet": "file:../greet", "more": "file:../more"}}
    text.write_text(json.dumps(wrong), encoding="utf-8")
    with pytest.raises(LayerError, match=r"package-lock\.json cannot be installed for nodejs.*npm"):
        build(order)


def test_a_package_of_one_machine_is_refused(order: Order) -> None:
    assert order.source is not None
    text = json.dumps(LOCK).replace("../greet", str(order.source.parents[1] / "greet"))
    order.source.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="is on this machine alone"):
        build(order)


def test_a_lock_of_another_language_is_named(order: Order) -> None:
    with pytest.raises(ConfigurationError, match=r"for python3.13 is made of a requirements file"):
        build(replace(order, target=Target("python3.13", "arm64")))


def test_a_package_that_is_not_there_is_named(order: Order) -> None:
    assert order.source is not None
    shutil.rmtree(order.source.parents[1] / "greet")
    with pytest.raises(ConfigurationError, match=r"names .*greet, which is not there"):
        build(order)
