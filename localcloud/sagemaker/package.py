"""Model packages: a model.tar.gz that is unpacked into an empty folder, and nowhere else.

Only plain files and folders below that folder are accepted: no links, no devices, no paths that
lead out of it; and no more than a bound in bytes and files, so that a small package cannot fill
the disk.
"""

from __future__ import annotations

import io
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from millrace.errors import ConfigurationError

MAX_BYTES = 4 * 1024**3
MAX_FILES = 10_000


def unpack(package: bytes, folder: Path, *, max_bytes: int = MAX_BYTES) -> None:
    """Unpack `package` into `folder`, which is emptied first.

    Raises ConfigurationError, which names the member that is not acceptable; then the folder is
    empty.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        with tarfile.open(fileobj=io.BytesIO(package), mode="r:gz") as archive:
            _extract(archive, folder, max_bytes)
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError) as error:
        _clear(folder)
        raise ConfigurationError(
            f"The model package is not a readable .tar.gz: {error!r}"
        ) from error
    except ConfigurationError:
        _clear(folder)
        raise


def _extract(archive: tarfile.TarFile, folder: Path, max_bytes: int) -> None:
    left = max_bytes
    for number, member in enumerate(archive, 1):
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts or "\0" in member.name:
            raise _refused(member, "its path leads out of the package")
        if not (member.isfile() or member.isdir()):
            raise _refused(member, "it is neither a file nor a folder")
        left -= member.size
        if left < 0 or number > MAX_FILES:
            raise _refused(
                member, f"a package holds at most {max_bytes} bytes in {MAX_FILES} files"
            )
        target = folder.joinpath(*path.parts)
        if member.isdir():
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        source = archive.extractfile(member)
        assert source is not None, "a plain file has content"
        with target.open("wb") as file:
            shutil.copyfileobj(source, file)


def _refused(member: tarfile.TarInfo, why: str) -> ConfigurationError:
    return ConfigurationError(f"The model package holds {member.name!r}, but {why}.")


def _clear(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
