"""Whatever is wrong with a features.toml: file, line and key are named, and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from millrace.errors import ConfigurationError, DefinitionsError
from millrace.features.definitions import load
from millrace.features.definitions_parser import parse

from tests.features.broken_definitions import BROKEN, GOOD


@pytest.mark.parametrize("name", BROKEN)
def test_an_error_names_file_line_key_and_what_is_allowed(name: str) -> None:
    broken = BROKEN[name]
    text = GOOD.replace(broken.old, broken.new, 1)
    assert text != GOOD
    with pytest.raises(DefinitionsError) as error:
        parse(text, "my/features.toml")
    message = str(error.value)
    assert message.startswith(f"my/features.toml, line {broken.line}: {broken.key}"), message
    assert broken.allowed in message


def test_the_text_that_is_broken_above_is_good() -> None:
    assert parse(GOOD).primary.key == "userId"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("version = ", "at end of document"),
        ("version = 1\n[event\n", "line 2"),
        ("version = 1\nversion = 1\n", "line 2"),
        ('version = 1\n[event]\nid = "x\n', "line 3"),
        ("version = 1\n[event]\n[event]\n", "line 3"),
        ("a = " + "[" * 100_000, "recursion"),
        ("a = " + "9" * 5000, "digits"),
    ],
)
def test_what_is_no_toml_is_named_with_its_place(text: str, where: str) -> None:
    with pytest.raises(DefinitionsError, match=rf"^features\.toml: not valid TOML: .*{where}"):
        parse(text)


def test_a_missing_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "features.toml"
    with pytest.raises(ConfigurationError, match="No such file") as error:
        load(path)
    assert str(path) in str(error.value)
    assert "MILLRACE_FEATURES" in str(error.value)
    with pytest.raises(ConfigurationError, match="Is a directory"):
        load(tmp_path)


def test_a_file_that_is_not_utf_8_is_named_with_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "features.toml"
    path.write_bytes(b"version = 1 # \xe4\n")
    with pytest.raises(ConfigurationError, match=r"not UTF-8 text \(byte 14\)") as error:
        load(path)
    assert str(path) in str(error.value)


def test_errors_of_a_file_name_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("version = 3\n")
    with pytest.raises(DefinitionsError, match=r"mine\.toml, line 1: version: must be 1"):
        load(path)


VALUES = st.recursive(
    st.sampled_from(["0", "1", "-3", "1.5", "true", '""', '"5m"', '"sum"', "1979-05-27", "inf"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda some: f"[{', '.join(some)}]"),
        st.dictionaries(st.sampled_from(["metric", "field", "x"]), inner, max_size=2).map(
            lambda some: "{" + ", ".join(f"{k} = {v}" for k, v in some.items()) + "}"
        ),
    ),
    max_leaves=4,
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(GOOD.splitlines()), VALUES)
def test_any_value_in_any_place_is_accepted_or_named(line: str, value: str) -> None:
    """Each line's value replaced by another: definitions or an error with a line, no crash."""
    key, equals, _ = line.partition("=")
    if not equals:
        return
    try:
        definitions = parse(GOOD.replace(line, f"{key}= {value}"))
    except DefinitionsError as error:
        assert "features.toml, line " in str(error)  # noqa: PT017  either is right
    else:
        assert definitions.primary.windows
