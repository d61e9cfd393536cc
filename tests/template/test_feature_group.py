"""The feature group lists exactly the features of features.toml."""

from __future__ import annotations

import pytest
from millrace.errors import ConfigurationError
from millrace.features.definitions import load
from millrace.features.definitions_parser import parse

from localcloud.stack.feature_definitions import current
from tests.template.reading import ROOT, TEMPLATE


def test_the_list_is_current() -> None:
    template = TEMPLATE.read_text(encoding="utf-8")
    assert current(template, load(ROOT / "features.toml")) == template, "scripts/feature-group"


def test_another_window_is_another_list() -> None:
    template = TEMPLATE.read_text(encoding="utf-8")
    text = (ROOT / "features.toml").read_text(encoding="utf-8").replace('"1h"', '"2h"')
    changed = current(template, parse(text))
    assert "{FeatureName: metric_sum_2h, FeatureType: Fractional}" in changed
    assert "metric_sum_1h" not in changed
    assert current(changed, load(ROOT / "features.toml")) == template


def test_missing_marks_are_named() -> None:
    with pytest.raises(ConfigurationError, match="<shipped-features>"):
        current("Resources: {}\n", load(ROOT / "features.toml"))
