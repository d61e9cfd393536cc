"""Programs under the SDK's own Python, signed in as the local cloud's resource principal."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from tests.localcloud.oci.serving import ROOT, SDK_PYTHON


async def sdk(environ: Mapping[str, str], *arguments: str | Path) -> tuple[int, str, str]:
    """Status, output and errors of a program."""
    given = {
        "PYTHONPYCACHEPREFIX": str(ROOT / ".local/pycache"),
        "PYTHONPATH": str(ROOT / "layers/core"),
    }
    process = await asyncio.create_subprocess_exec(
        str(SDK_PYTHON),
        *map(str, arguments),
        env={**environ, **given},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()
