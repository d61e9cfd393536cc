"""Reads a CloudFormation or SAM template: YAML with its short function tags, as plain values."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import yaml
from millrace.errors import ConfigurationError, UnsupportedResource

KNOWN_SECTIONS = frozenset(
    {
        "AWSTemplateFormatVersion",
        "Conditions",
        "Description",
        "Globals",
        "Mappings",
        "Metadata",
        "Outputs",
        "Parameters",
        "Resources",
        "Rules",
        "Transform",
    }
)


class _Loader(yaml.CSafeLoader):
    """A loader of its own, so that the tags stay unknown to every other user of yaml.

    The one in C, which every wheel of PyYAML has, reads template.yaml thirty times as fast.
    """

    # Dates stay texts, as in CloudFormation: '2012-10-17' is a policy version.
    yaml_implicit_resolvers = {  # noqa: RUF012 - yaml declares it so
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key '{key.value}' stands here twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _function(loader: _Loader, name: str, node: yaml.Node) -> dict[str, object]:
    """`!Name value` as CloudFormation's long form, `{"Fn::Name": value}`."""
    long_name = name if name in ("Ref", "Condition") else f"Fn::{name}"
    value: object
    if isinstance(node, yaml.ScalarNode):
        text = loader.construct_scalar(node)
        value = text.split(".", 1) if name == "GetAtt" else text
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    return {long_name: value}


_Loader.add_multi_constructor("!", _function)


def load_template(path: Path) -> dict[str, Any]:
    """The template in `path`, with functions in their long form.

    Raises:
        ConfigurationError: the file is missing, is not YAML, or names a key twice.
        UnsupportedResource: it has a section that the local cloud does not know.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        template = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader, with tags
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path} is not a YAML template: {error}") from error
    if not isinstance(template, dict) or not isinstance(template.get("Resources"), Mapping):
        raise ConfigurationError(f"{path} is not a template: it has no section 'Resources'.")
    for section in template:
        if section not in KNOWN_SECTIONS:
            raise UnsupportedResource(
                f"{path}: the local cloud does not know the section '{section}'; "
                f"it knows {', '.join(sorted(KNOWN_SECTIONS))}."
            )
    return template
