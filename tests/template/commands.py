"""Running the commands that a user types."""

from __future__ import annotations

import os
import subprocess

from tests.template.reading import ROOT


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command of .venv in the checkout, with no credentials."""
    environment = {name: value for name, value in os.environ.items() if "AWS" not in name}
    environment |= {
        "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}",
        "AWS_DEFAULT_REGION": "us-east-1",
        "SAM_CLI_TELEMETRY": "0",
        "__SAM_CLI_VERSION_CHECK": "0",
    }
    return subprocess.run(
        command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True
    )
