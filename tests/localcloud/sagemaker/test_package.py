"""Model packages: what is unpacked, and what is refused."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from millrace.errors import ConfigurationError

from localcloud.sagemaker.package import unpack

FILE = tarfile.TarInfo("model.bin")


def packed(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def test_files_and_folders_are_unpacked_into_an_emptied_folder(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "old").write_text("old")
    package = packed(
        (member("./contract.json"), b"{}"),
        (member("code", tarfile.DIRTYPE), b""),
        (member("code/deep/x.py"), b"1"),
    )
    unpack(package, tmp_path / "model")
    found = {p.relative_to(tmp_path / "model") for p in (tmp_path / "model").rglob("*")}
    assert found == {Path("contract.json"), Path("code"), Path("code/deep"), Path("code/deep/x.py")}
    assert (tmp_path / "model/code/deep/x.py").read_bytes() == b"1"


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (member("../out"), "its path leads out"),
        (member("a/../../out"), "its path leads out"),
        (member("/etc/out"), "its path leads out"),
        (member("link", tarfile.SYMTYPE, "/etc/passwd"), "it is neither a file nor a folder"),
        (member("hard", tarfile.LNKTYPE, "model.bin"), "it is neither a file nor a folder"),
        (member("pipe", tarfile.FIFOTYPE), "it is neither a file nor a folder"),
        (member("device", tarfile.CHRTYPE), "it is neither a file nor a folder"),
    ],
)
def test_what_could_reach_beyond_the_folder(
    tmp_path: Path, bad: tarfile.TarInfo, message: str
) -> None:
    package = packed((member("model.bin"), b"x"), (bad, b""))
    with pytest.raises(ConfigurationError, match=f"holds '{bad.name}', but {message}"):
        unpack(package, tmp_path / "model")
    assert list((tmp_path / "model").iterdir()) == []
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model"]


def test_a_package_that_would_fill_the_disk(tmp_path: Path) -> None:
    package = packed((member("a"), b"x" * 600), (member("b"), b"x" * 600))
    with pytest.raises(ConfigurationError, match="holds 'b', but a package holds at most 1000"):
        unpack(package, tmp_path / "model", max_bytes=1000)
    assert list((tmp_path / "model").iterdir()) == []


@settings(max_examples=60)
@given(st.integers(0, 400), st.binary(max_size=3))
def test_a_damaged_package_is_an_error_or_whole(
    tmp_path_factory: pytest.TempPathFactory, at: int, damage: bytes
) -> None:
    content = bytes(range(256)) * 8
    package = packed((member("model.bin"), content))
    damaged = package[:at] + damage + package[at + len(damage) :] if damage else package[:at]
    folder = tmp_path_factory.mktemp("model")
    try:
        unpack(damaged, folder)
    except ConfigurationError:
        assert list(folder.iterdir()) == []
    else:
        assert all(path.is_file() for path in folder.iterdir())
