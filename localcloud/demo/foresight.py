"""What of the options can be seen to be wrong before anything is started."""

from __future__ import annotations

import time
from pathlib import Path

from millrace.features.definitions import load

from localcloud.demo.arguments import AWS, Arguments
from localcloud.demo.files import EventsFile
from localcloud.stack.parameters import resolve_parameters
from localcloud.stack.template import load_template


def check(arguments: Arguments, root: Path) -> None:
    """Hold the options against features.toml, the template and the file of events.

    Raises ConfigurationError, UnsupportedResource.
    """
    if AWS not in arguments.clouds:
        return
    definitions = load(root / "features.toml")
    template = load_template(root / "template.yaml")
    resolve_parameters(template.get("Parameters", {}), arguments.parameters)
    if arguments.events is not None:
        now_ms = time.time_ns() // 1_000_000
        file = EventsFile(arguments.events, arguments.mapping, definitions, lambda: now_ms)
        next(file.records(), None)  # the mapping, and the columns that it names
