"""`millrace layers scan`: every kind of finding, and silence where there is nothing."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import pytest
from millrace.lambda_layers.findings import Finding, Package, Severity, sorted_findings
from millrace.lambda_layers.scanning import Asked, scan

from tests.cli.conftest import bench, cloud, millrace
from tests.cli.fakes import Commands
from tests.lambda_layers.advisory_service import advisory, serving
from tests.lambda_layers.wheels import elf

__all__ = ["bench", "cloud", "millrace"]


def package(
    folder: Path, name: str = "thing", version: str = "1.0", licence: str = "License: MIT"
) -> None:
    """Put a package into a layer's folder."""
    info = folder / "python" / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{licence}\n"
    (info / "METADATA").write_text(text, encoding="utf-8")
    (folder / "python" / f"{name}.py").write_text("X = 1\n", encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A layer of one package that is all right."""
    path = tmp_path / "layer"
    package(path)
    return path


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    path = tmp_path / "scratch"
    path.mkdir()
    return path


@pytest.fixture(scope="module")
def advisories() -> Iterator[str]:
    """A service that knows of one package."""
    with serving({("thing", "0.9"): [advisory("thing", "1.0")]}) as url:
        yield url


def rules(path: Path, scratch: Path, architecture: str | None = None) -> dict[str, Severity]:
    """The rules that a layer breaks, without advisories."""
    found = scan(path, Asked(architecture=architecture, service=None), scratch)
    return {one.rule: one.severity for one in found.findings}


def zipped(path: Path, *members: ZipInfo | str, content: bytes = b"x = 1\n") -> Path:
    """A zip of these members, all with one content."""
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for one in members:
            info = ZipInfo(one) if isinstance(one, str) else one
            info.compress_type = ZIP_DEFLATED
            archive.writestr(info, content)
    return path


def member(name: str, mode: int) -> ZipInfo:
    info = ZipInfo(name)
    info.create_system = 3
    info.external_attr = mode << 16
    return info


def test_a_layer_in_order(folder: Path, scratch: Path) -> None:
    found = scan(folder, Asked(service=None), scratch)
    assert (found.findings, found.complete, found.advisories) == ((), True, None)
    assert found.packages == (Package("thing", "1.0", "pypi", "MIT", "python"),)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("/etc/passwd", "absolute-path"),
        ("C:\\windows\\a.py", "absolute-path"),
        ("../python/a.py", "path-traversal"),
        ("python/../../a.py", "path-traversal"),
        ("python\\..\\a.py", "path-traversal"),
    ],
)
def test_a_path_that_leads_out_of_a_zip(
    tmp_path: Path, scratch: Path, name: str, rule: str
) -> None:
    path = zipped(tmp_path / "layer.zip", "python/ok.py", name)
    found = scan(path, Asked(service=None), scratch)
    assert [(one.rule, one.severity) for one in found.findings] == [(rule, Severity.CRITICAL)]
    assert not found.complete
    assert [*scratch.iterdir()] == [], "nothing is unpacked"


def test_other_zips_that_are_not_unpacked(tmp_path: Path, scratch: Path) -> None:
    link = zipped(tmp_path / "link.zip", member("python/a.so", stat.S_IFLNK | 0o777))
    assert rules(link, scratch) == {"symlink": Severity.HIGH}
    bomb = zipped(tmp_path / "bomb.zip", "python/a.txt", content=bytes(50_000_000))
    assert rules(bomb, scratch) == {"zip-bomb": Severity.CRITICAL}
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = zipped(tmp_path / "twice.zip", "python/a.py", "python/a.py")
    assert rules(twice, scratch) == {"duplicate-path": Severity.CRITICAL}
    no_zip = tmp_path / "no.zip"
    no_zip.write_bytes(b"PK, but no zip")
    assert rules(no_zip, scratch) == {"not-a-zip": Severity.CRITICAL}
    assert [*scratch.iterdir()] == []


def test_a_zip_that_breaks_off_is_a_finding(tmp_path: Path, scratch: Path) -> None:
    path = zipped(tmp_path / "layer.zip", "python/first.py", "python/first.py/second.py")
    assert rules(path, scratch) == {"not-a-zip": Severity.CRITICAL}


def test_what_functions_would_not_find_is_no_layer(tmp_path: Path, scratch: Path) -> None:
    assert rules(zipped(tmp_path / "layer.zip", "first.py"), scratch) == {"no-layer": Severity.HIGH}
    package(tmp_path / "layer")
    inside = tmp_path / "layer" / "python"
    assert rules(inside, tmp_path / "other") == {"no-layer": Severity.HIGH}


def test_modes_in_a_zip_and_in_a_folder(tmp_path: Path, folder: Path, scratch: Path) -> None:
    setuid, writable = stat.S_IFREG | 0o4755, stat.S_IFREG | 0o666
    path = zipped(
        tmp_path / "layer.zip", member("bin/tool", setuid), member("python/a.py", writable)
    )
    expected = {"setuid": Severity.HIGH, "world-writable": Severity.MEDIUM}
    assert rules(path, scratch) == expected
    (folder / "python" / "thing.py").chmod(0o646)
    tool = folder / "bin" / "tool"
    tool.parent.mkdir()
    tool.write_bytes(b"#!/bin/sh\n")
    tool.chmod(0o2755)
    assert rules(folder, scratch) == expected


def test_a_link_out_of_a_folder(folder: Path, scratch: Path) -> None:
    (folder / "python" / "inside.py").symlink_to("thing.py")
    assert rules(folder, scratch) == {"symlink": Severity.HIGH}
    (folder / "python" / "passwd").symlink_to("/etc/passwd")
    assert rules(folder, scratch)["path-traversal"] is Severity.CRITICAL


def test_native_libraries_for_another_machine(folder: Path, scratch: Path) -> None:
    (folder / "python" / "a.so").write_bytes(elf("arm64"))
    assert rules(folder, scratch) == {}
    assert rules(folder, scratch, "arm64") == {}
    assert rules(folder, scratch, "x86_64") == {"wrong-architecture": Severity.HIGH}
    (folder / "python" / "b.so").write_bytes(elf("x86_64"))
    assert rules(folder, scratch) == {"wrong-architecture": Severity.HIGH}


@pytest.mark.parametrize(
    ("licence", "rule"),
    [
        ("License-Expression: Apache-2.0 OR MIT", None),
        ("License-Expression: GPL-3.0-or-later", "licence-copyleft"),
        ("License-Expression: GPL-2.0-only OR MIT", None),
        ("Classifier: License :: OSI Approved :: GNU Affero General Public License v3", "licence"),
        ("Classifier: License :: OSI Approved :: GNU Lesser General Public License v3", None),
        ("License: UNKNOWN", "licence-unknown"),
        ("Summary: nothing", "licence-unknown"),
    ],
)
def test_licences(tmp_path: Path, scratch: Path, licence: str, rule: str | None) -> None:
    package(tmp_path / "layer", licence=licence)
    found = rules(tmp_path / "layer", scratch)
    assert all(name.startswith(rule or "-") for name in found), found
    assert bool(found) == bool(rule)
    allowed = Asked(service=None, allowed_licences=("thing",))
    assert scan(tmp_path / "layer", allowed, scratch).findings == ()


def test_a_known_vulnerability(millrace: Commands, tmp_path: Path, advisories: str) -> None:
    package(tmp_path / "layer", version="0.9")
    package(tmp_path / "layer", "other")
    done = millrace("layers", "scan", tmp_path / "layer", "--osv-url", advisories, "--json")
    assert done.status == 1, done.err
    (one,) = done.document["findings"]
    assert (one["rule"], one["severity"], one["place"]) == ("vulnerability", "high", "thing 0.9")
    assert "CVE-2026-0001" in one["message"]
    assert one["remedy"] == "Take thing 1.0."
    assert done.document["advisories"] == 2


def test_nothing_known_and_a_bill_of_materials(
    millrace: Commands, folder: Path, advisories: str, tmp_path: Path
) -> None:
    bill = tmp_path / "sbom.json"
    command = ("layers", "scan", folder, "--osv-url", advisories, "--sbom", bill)
    done = millrace(*command)
    assert done.status == 0, done.out + done.err
    assert "packages held against known vulnerabilities: 1" in done.out
    first = bill.read_text(encoding="utf-8")
    told = json.loads(first)
    assert (told["bomFormat"], told["specVersion"]) == ("CycloneDX", "1.6")
    (component,) = told["components"]
    assert component["purl"] == "pkg:pypi/thing@1.0"
    assert component["licenses"] == [{"license": {"id": "MIT"}}]
    assert millrace(*command).status == 0
    assert bill.read_text(encoding="utf-8") == first, "the same layer gives the same bytes"


def test_no_package_seen_is_a_failure(millrace: Commands, tmp_path: Path, advisories: str) -> None:
    code = tmp_path / "layer" / "python" / "own.py"
    code.parent.mkdir(parents=True)
    code.write_text("X = 1\n", encoding="utf-8")
    done = millrace("layers", "scan", tmp_path / "layer", "--osv-url", advisories, "--json")
    assert done.status == 1
    assert [one["rule"] for one in done.document["findings"]] == ["not-audited"]
    done = millrace("layers", "scan", tmp_path / "layer", "--without-advisories")
    assert done.status == 0
    assert "were not asked for" in done.out


def test_a_service_that_does_not_answer_is_a_failure(
    millrace: Commands, folder: Path, advisories: str
) -> None:
    with serving({}) as url:
        gone = url
    for address in (gone, advisories.replace("http", "ftp")):
        done = millrace("layers", "scan", folder, "--osv-url", address, "--json")
        assert done.status == 1
        (one,) = done.document["findings"]
        assert one["rule"] == "not-audited"
        assert "--without-advisories" in one["remedy"]
        assert done.document["advisories"] == 0


def test_packages_of_nodejs_are_told_and_counted(
    millrace: Commands, folder: Path, advisories: str
) -> None:
    for name in ("left", "@scope/right", "left/node_modules/deep", "left/test"):
        path = folder / "nodejs" / "node_modules" / name / "package.json"
        path.parent.mkdir(parents=True)
        told = {"name": name.rpartition("modules/")[2], "version": "2.0.0", "license": "ISC"}
        path.write_text(json.dumps(told), encoding="utf-8")
    options = ["--osv-url", advisories, "--json"]
    done = millrace("layers", "scan", folder, *options)
    assert done.status == 0, "what is medium does not fail by itself"
    names = [one["name"] for one in done.document["packages"]]
    assert names == ["@scope/right", "deep", "left", "thing"]
    assert done.document["counts"]["medium"] == 1
    assert millrace("layers", "scan", folder, *options, "--fail-on", "medium").status == 1


def test_what_is_no_layer_and_no_place_for_a_bill(millrace: Commands, tmp_path: Path) -> None:
    package(tmp_path)
    bill = tmp_path / "none" / "sbom.json"
    done = millrace("layers", "scan", tmp_path, "--without-advisories", "--sbom", bill)
    assert (done.status, "Cannot write" in done.err) == (2, True)
    assert millrace("layers", "scan", tmp_path / "none").status == 2
    empty = tmp_path / "empty"
    empty.mkdir()
    done = millrace("layers", "scan", empty)
    assert (done.status, "is empty" in done.err) == (2, True)
    done = millrace("layers", "scan", tmp_path, "--architecture", "sparc")
    assert (done.status, "arm64 or x86_64" in done.err) == (2, True)


def test_no_package_seen_is_a_failure_whatever_else_there_is(
    millrace: Commands, tmp_path: Path
) -> None:
    tool = tmp_path / "layer" / "bin" / "tool"
    tool.parent.mkdir(parents=True)
    tool.write_text("#!/bin/sh\n", encoding="utf-8")
    done = millrace("layers", "scan", tmp_path / "layer", "--json")
    assert done.status == 1
    assert [one["rule"] for one in done.document["findings"]] == ["not-audited"]
    told = tmp_path / "layer" / "nodejs" / "node_modules" / "left" / "package.json"
    told.parent.mkdir(parents=True)
    told.write_text('{"name": "left", "version": "2.0.0", "license": "ISC"}', encoding="utf-8")
    (tmp_path / "layer" / "python").mkdir()
    done = millrace("layers", "scan", tmp_path / "layer", "--json")
    found = [(one["rule"], one["place"]) for one in done.document["findings"]]
    assert ("not-audited", "python") in found, "packages of Node.js do not stand for Python's"


def test_the_worst_comes_first_and_each_once() -> None:
    low, high = (
        Finding(severity, "rule", "a", "is", "Do.") for severity in (Severity.LOW, Severity.HIGH)
    )
    assert sorted_findings([low, high, low]) == (high, low)
