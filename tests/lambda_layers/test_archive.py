"""Zips that are not to be trusted: named and explained, and nothing is unpacked."""

from __future__ import annotations

import stat
import struct
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import pytest
from millrace.errors import LayerError
from millrace.lambda_layers.archive import unpack, write
from millrace.lambda_layers.tree import LIMIT_BYTES, entries


def zipped(tmp_path: Path, *infos: ZipInfo | str) -> Path:
    path = tmp_path / "bad.zip"
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        archive.writestr("python/first.py", "x = 1")
        for info in infos:
            archive.writestr(info, "content")
    return path


def link() -> ZipInfo:
    info = ZipInfo("python/link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize(
    ("member", "message"),
    [
        ("/etc/passwd", r"bad.zip: '/etc/passwd' is an absolute path"),
        ("C:/x", "is an absolute path"),
        ("python/../../x", "leads out of the layer"),
        ("python\\x", "leads out of the layer, or would on some system"),
        (link(), "'python/link' is a link or a device"),
    ],
)
def test_a_member_that_is_not_to_be_trusted(
    tmp_path: Path, member: ZipInfo | str, message: str
) -> None:
    source, target = zipped(tmp_path, member), tmp_path / "out"
    with pytest.raises(LayerError, match=f"{message}.*Nothing was unpacked"):
        unpack(source, target)
    assert not target.exists()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_is_there_twice(tmp_path: Path) -> None:
    with pytest.raises(LayerError, match="is there twice"):
        unpack(zipped(tmp_path, "python/first.py"), tmp_path / "out")


def declared(path: Path, size: int) -> None:
    """Let the directory of a zip say that its first file has this size."""
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\x01\x02")
    content[at + 24 : at + 28] = struct.pack("<I", size)
    path.write_bytes(content)


def test_a_bomb_is_refused_by_what_it_says(tmp_path: Path) -> None:
    source = zipped(tmp_path)
    declared(source, LIMIT_BYTES + 1)
    with pytest.raises(LayerError, match=r"unpacks to 262,144,001 bytes; Lambda takes 262,144,000"):
        unpack(source, tmp_path / "out")


def test_a_bomb_that_lies_is_cut_off(tmp_path: Path) -> None:
    source = zipped(tmp_path)
    declared(source, 1)
    with pytest.raises(LayerError, match="cannot be unpacked"):
        unpack(source, tmp_path / "out")


def test_what_cannot_be_unpacked(tmp_path: Path) -> None:
    clash = zipped(tmp_path, "python/first.py/second.py")
    with pytest.raises(LayerError, match="cannot be unpacked"):
        unpack(clash, tmp_path / "clash")
    with pytest.raises(LayerError, match="cannot be unpacked"):
        unpack(zipped(tmp_path, f"python/{'a' * 300}"), tmp_path / "long")
    path = zipped(tmp_path)
    content = bytearray(path.read_bytes())
    at = content.index(b"first.py") + len(b"first.py")
    content[at : at + 5] = b"\xff" * 5
    path.write_bytes(content)
    with pytest.raises(LayerError, match="cannot be unpacked"):
        unpack(path, tmp_path / "damaged")


def test_what_is_no_zip(tmp_path: Path) -> None:
    (tmp_path / "bad.zip").write_text("rubbish")
    with pytest.raises(LayerError, match=r"bad.zip cannot be unpacked: .*Make the zip anew"):
        unpack(tmp_path / "bad.zip", tmp_path / "out")


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / "layer"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/tool").write_text("#!/bin/sh")
    (folder / "bin/tool").chmod(0o755)
    (folder / "a.py").write_text("x = 1")
    write(folder, entries(folder), tmp_path / "good.zip")
    unpack(tmp_path / "good.zip", tmp_path / "out")
    assert entries(tmp_path / "out") == entries(folder)
