"""layer.toml: what a layer is made of, in a file beside its lock, so that every build is the same.

::

    requirements = "requirements.lock"      # or zip = "theirs.zip"; paths begin at this file
    packages = ["millrace"]                 # folders of our own that go into the layer as they are
    code = ["../../lambdas"]                # the functions' modules: which services do they call?
    library = ["../core"]                   # modules of ours, which count where those import them
    services = ["sqs"]                      # AWS services to keep beside those
    source-only = ["amazon-dax-client"]     # pure Python, and published without a wheel
    import = ["boto3"]                      # what to import for the times
    beside = "files"                        # its bin, lib, extensions … go beside python
    strip = true                            # take the symbols out of native libraries
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from millrace.errors import ConfigurationError
from millrace.lambda_layers.installing import Target
from millrace.lambda_layers.order import Order

FILE = "layer.toml"
_TEXTS = {"requirements", "zip", "npm", "beside"}
_LISTS = {"packages", "code", "library", "services", "source-only", "import"}
_KNOWN = {*_TEXTS, *_LISTS, "strip"}
_SOURCES = ("requirements", "zip", "npm")


def read(path: Path, target: Target, output: Path, processes: int = 0) -> Order:
    """The order that a layer.toml stands for. Raises ConfigurationError, naming file and key."""
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    _check(path, given)
    folder = path.parent
    source = next((given[name] for name in _SOURCES if name in given), None)
    return Order(
        source=None if source is None else folder / source,
        target=target,
        output=output,
        packages=tuple(folder / one for one in given.get("packages", ())),
        code=tuple(folder / one for one in given.get("code", ())),
        library=tuple(folder / one for one in given.get("library", ())),
        services=tuple(given.get("services", ())),
        source_only=tuple(given.get("source-only", ())),
        modules=tuple(given.get("import", ())),
        processes=processes,
        beside=folder / given["beside"] if "beside" in given else None,
        strip=given.get("strip", True),
    )


def _check(path: Path, given: Mapping[str, Any]) -> None:
    for name, value in given.items():
        if name not in _KNOWN:
            known = ", ".join(sorted(_KNOWN))
            raise ConfigurationError(f"{path}: {name!r} is unknown; there are {known}.")
        if name in _TEXTS and not isinstance(value, str):
            raise ConfigurationError(f"{path}: {name} is {value!r}, but must be a text.")
        if name in _LISTS and not _texts(value):
            raise ConfigurationError(f"{path}: {name} is {value!r}, but must be a list of texts.")
    if not isinstance(given.get("strip", True), bool):
        raise ConfigurationError(f"{path}: strip is {given['strip']!r}, but must be true or false.")
    named = [name for name in _SOURCES if name in given]
    if len(named) > 1:
        raise ConfigurationError(f"{path} names {' and '.join(named)}; a layer is made of one.")


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
