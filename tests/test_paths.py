"""Fields by dotted paths: what is put at a path is found there, and nothing else changes."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from millrace.paths import NOWHERE, value_at, with_field

NAMES = st.sampled_from(("a", "b", "c"))
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(".".join)
DOCUMENTS: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    NAMES,
    st.recursive(st.integers() | st.none(), lambda inner: st.dictionaries(NAMES, inner)),
    max_size=3,
)


@given(DOCUMENTS, PATHS, st.integers() | st.none())
def test_what_is_put_at_a_path_is_found_there(
    document: dict[str, Any], path: str, value: int | None
) -> None:
    before = repr(document)
    changed = with_field(document, path, value)
    assert value_at(changed, path) == value
    assert repr(document) == before, "what was given is not changed"


@given(DOCUMENTS, PATHS, PATHS)
def test_nothing_beside_the_path_changes(document: dict[str, Any], path: str, other: str) -> None:
    changed = with_field(document, path, 7)
    related = f"{other}.".startswith(f"{path}.") or f"{path}.".startswith(f"{other}.")
    if not related:
        assert value_at(changed, other) == value_at(document, other) or (
            value_at(document, other) is NOWHERE and value_at(changed, other) is NOWHERE
        )


def test_none_is_a_value_and_nowhere_is_not() -> None:
    assert value_at({"a": None}, "a") is None
    assert value_at({"a": None}, "a.b") is NOWHERE
    assert value_at({}, "a") is NOWHERE
    assert with_field({"a": 5}, "a.b", 1) == {"a": {"b": 1}}
