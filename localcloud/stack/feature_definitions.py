"""Keeps template.yaml's feature group in step with features.toml.

A feature group's features are fixed when it is made, so template.yaml lists them between two marks:
every feature over all event types of the first entity, as features.toml now defines it. Features
by type vary with the events and stand as JSON in the feature `types`.

    scripts/feature-group           rewrite the list
    scripts/feature-group --check   exit with 1 where it is not current
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from millrace.errors import ConfigurationError
from millrace.features.definitions import Definitions, load
from millrace.features.plan import plans_of

_ROOT = Path(__file__).parents[2]
_MARKED = re.compile(
    r"(?P<indent> *)# <shipped-features>(?P<words>.*)\n(?P<list>(?:.*\n)*?) *# </shipped-features>"
)


def current(template: str, definitions: Definitions) -> str:
    """The text of a template with the list as these definitions want it.

    Raises ConfigurationError where the marks are missing.
    """
    match = _MARKED.search(template)
    if match is None:
        raise ConfigurationError(
            "template.yaml has no '# <shipped-features>' … '# </shipped-features>' in its feature"
            " group; put the two marks back, one a line, at the end of FeatureDefinitions."
        )
    indent = match["indent"]
    names = plans_of(definitions)[0].names_of_all
    lines = [f"{indent}- {{FeatureName: {name}, FeatureType: Fractional}}\n" for name in names]
    return template[: match.start("list")] + "".join(lines) + template[match.end("list") :]


def main(argv: list[str]) -> int:
    """Rewrite the list, or with --check only say whether it is current."""
    path = _ROOT / "template.yaml"
    template = path.read_text(encoding="utf-8")
    wanted = current(template, load(_ROOT / "features.toml"))
    if wanted == template:
        return 0
    if "--check" in argv:
        print("template.yaml's feature group differs from features.toml; run scripts/feature-group")
        return 1
    path.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
