"""The parser of our source sees every import, and tells those that run from those that do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.source import Import, Module, known

SOURCE = """
from __future__ import annotations
import os.path, sys
from typing import TYPE_CHECKING
from . import beside
from ..above import thing
if TYPE_CHECKING:
    import boto3
else:
    import orjson
try:
    import fast
except ImportError:
    import slow
class Class:
    import inside
    async def method(self):
        with self:
            from late import one
match os:
    case _:
        import matched
"""


def read(tmp_path: Path, name: str, file: str, text: str = SOURCE) -> list[Import]:
    path = tmp_path / file
    path.write_text(text)
    return list(Module.read(path, name).imports())


def test_every_import_is_found_but_those_of_a_type_checker(tmp_path: Path) -> None:
    found = {one.name: one.late for one in read(tmp_path, "a.b.c", "c.py")}
    assert found == {
        "__future__.annotations": False,
        "os.path": False,
        "sys": False,
        "typing.TYPE_CHECKING": False,
        "a.b.beside": False,
        "a.above.thing": False,
        "orjson": False,
        "fast": False,
        "slow": False,
        "inside": False,
        "late.one": True,
        "matched": False,
    }


def test_relative_imports_of_a_package_begin_in_itself(tmp_path: Path) -> None:
    (one,) = read(tmp_path, "a.b", "__init__.py", "from .c import d")
    assert (one.name, one.line, one.root) == ("a.b.c.d", 1, "a")


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("millrace.events.Event", "millrace.events"),
        ("millrace.features.names", "millrace.features.names"),
        ("millrace.features", "millrace.features"),
        ("millrace.nothing", "millrace"),
        ("orjson.loads", None),
    ],
)
def test_a_name_belongs_to_the_module_that_defines_it(name: str, module: str | None) -> None:
    assert known(name) == module
