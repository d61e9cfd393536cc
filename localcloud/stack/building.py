"""Builds code as `sam build` does, without sam: by the same Makefile, with the same result."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from millrace.errors import StartupError

from localcloud.stack.model import CodeFolder


def build(code: CodeFolder, logical_id: str, into: Path) -> Path:
    """The folder to run `code` from: `into`, filled by its Makefile, or its own without one.

    Raises:
        StartupError: `into` holds something already, or make failed; the message has its words.
    """
    if code.makefile is None:
        return code.folder
    into.mkdir(parents=True, exist_ok=True)
    if any(into.iterdir()):
        raise StartupError(f"{into} must be empty, so that nothing old is run; remove it first.")
    command = ["make", "--makefile", str(code.makefile), f"build-{logical_id}"]
    try:
        subprocess.run(
            command,
            cwd=code.folder,
            env={**os.environ, "ARTIFACTS_DIR": str(into.resolve())},
            check=True,
            capture_output=True,
            text=True,
        )
    except FileNotFoundError as error:
        raise StartupError("'make' is not installed. On Debian: apt-get install make") from error
    except subprocess.CalledProcessError as error:
        raise StartupError(
            f"{logical_id} could not be built by {code.makefile}: {error.stderr.strip()}"
        ) from error
    return into
