"""Small packages of our own making, as wheels and sdists in a folder, and their lock."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

ELF = {"arm64": 183, "x86_64": 62}


def elf(architecture: str) -> bytes:
    """The head of a native library, which is all that anybody here reads of it."""
    return b"\x7fELF\x02\x01\x01" + bytes(11) + ELF[architecture].to_bytes(2, "little") + bytes(44)


def wheel(
    folder: Path,
    name: str,
    files: Mapping[str, str | bytes],
    version: str = "1.0",
    tag: str = "py3-none-any",
) -> Path:
    """Write a wheel with these files and its metadata."""
    info = f"{name}-{version}.dist-info"
    every = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n",
        f"{info}/licenses/LICENSE": "Do what you like.\n",
    }
    record = "".join(f"{path},,\n" for path in [*every, f"{info}/RECORD"])
    path = folder / f"{name}-{version}-{tag}.whl"
    with ZipFile(path, "w") as archive:
        for file, content in {**every, f"{info}/RECORD": record}.items():
            archive.writestr(file, content)
    return path


def sdist(folder: Path, name: str, version: str = "1.0") -> Path:
    """Write a package that is only published as source."""
    path = folder / f"{name}-{version}.tar.gz"
    content = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
    with tarfile.open(path, "w:gz") as archive:
        info = tarfile.TarInfo(f"{name}-{version}/PKG-INFO")
        info.size = len(content)
        archive.addfile(info, BytesIO(content))
    return path


def lock(folder: Path, *paths: Path) -> Path:
    """Write a requirements file that holds these, with their hashes."""
    lines = []
    for path in paths:
        name, version = path.name.removesuffix(".tar.gz").split("-")[:2]
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        lines.append(f"{name}=={version} --hash=sha256:{digest}\n")
    target = folder / "requirements.lock"
    target.write_text("".join(lines), encoding="utf-8")
    return target
