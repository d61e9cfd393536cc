"""Objects in a folder behave as those in memory do."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from millrace.errors import QuarantineError, Unavailable
from millrace.folder import FolderObjects
from millrace.objects import MemoryObjects, Objects

NAMES = st.sampled_from(["a", "b=1", "shard-0", "shard-1", "z"])
# A file system knows no file that is a folder as well: files end in .jsonl.
KEYS = st.lists(NAMES, min_size=1, max_size=3).map(lambda parts: "/".join(parts) + ".jsonl")
PREFIXES = st.sampled_from(["", "a", "a/", "b=1/sh", "z/z", "nothing/at/all", "a.jsonl"])


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(puts=st.lists(st.tuples(KEYS, st.binary(max_size=9))), gone=st.lists(KEYS), prefix=PREFIXES)
def test_a_folder_holds_what_memory_holds(
    tmp_path_factory: pytest.TempPathFactory,
    puts: list[tuple[str, bytes]],
    gone: list[str],
    prefix: str,
) -> None:
    stores: list[Objects] = [MemoryObjects(), FolderObjects(tmp_path_factory.mktemp("objects"))]
    found = []
    for objects in stores:
        for key, body in puts:
            objects.put(key, body)
        for key in gone:
            objects.delete(key)
        keys = list(objects.keys(prefix))
        found.append([(key, objects.get(key)) for key in keys])
    assert found[0] == found[1]


def test_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    for objects in (MemoryObjects(), FolderObjects(tmp_path / "none")):
        assert list(objects.keys("")) == []
        with pytest.raises(QuarantineError, match=r"No object 'a/b\.json'"):
            objects.get("a/b.json")


@pytest.mark.parametrize("key", ["../secret", "a/../../b", "/etc/hosts", ""])
def test_no_key_leads_out_of_the_folder(tmp_path: Path, key: str) -> None:
    with pytest.raises(QuarantineError, match="no key"):
        FolderObjects(tmp_path).get(key)


def test_what_cannot_be_read_or_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"a file")
    (tmp_path / "folder").mkdir()
    objects = FolderObjects(tmp_path)
    with pytest.raises(Unavailable, match=r"Cannot write .*taken/below"):
        objects.put("taken/below", b"")
    with pytest.raises(Unavailable, match=r"Cannot read .*folder"):
        objects.get("folder")
    with pytest.raises(Unavailable, match=r"Cannot delete .*folder"):
        objects.delete("folder")
