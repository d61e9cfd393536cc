"""Which package of a layer a file belongs to, so that sizes can be told by package."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

OTHER = "(no package)"
_CACHE = re.compile(r"__pycache__/([^/]+?)\.cpython-\d+\.pyc$")


def owners(records: Mapping[str, str]) -> dict[str, str]:
    """Path in the layer → package and version, from the RECORD of each `*.dist-info`.

    >>> owners({"python/six-1.17.0.dist-info/RECORD": "six.py,sha256=x,1\\n"})
    {'python/six.py': 'six 1.17.0'}
    """
    found = {}
    for path, text in records.items():
        root, folder = PurePosixPath(path).parts[0], PurePosixPath(path).parts[1]
        name, _, version = folder.removesuffix(".dist-info").partition("-")
        for row in csv.reader(text.splitlines()):
            if row and not row[0].startswith(("/", "..")):
                found[f"{root}/{row[0]}"] = f"{name.replace('_', '-')} {version}"
    return found


def sizes(files: Iterable[tuple[str, int]], owned: Mapping[str, str]) -> dict[str, int]:
    """Package → bytes; compiled modules count with their sources, metadata with the package.

    >>> sizes([("python/six.py", 7), ("python/x", 1)], {"python/six.py": "six 1.17.0"})
    {'six 1.17.0': 7, '(no package)': 1}
    """
    total: dict[str, int] = {}
    for path, size in files:
        owner = owned.get(_CACHE.sub(r"\1.py", path)) or owned.get(path, OTHER)
        total[owner] = total.get(owner, 0) + size
    return total
