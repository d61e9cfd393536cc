"""However the local cloud ends, its function ends with it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.localcloud.functions.pools import alive, descendants, until
from tests.localcloud.oci.serving import ROOT


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_no_process_is_left(tmp_path: Path, how: signal.Signals) -> None:
    command = [sys.executable, "-m", f"{__package__}.running_cloud", str(tmp_path)]
    path = os.pathsep.join([str(ROOT), str(ROOT / "layers/core")])
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": path, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            started = descendants(process.pid)
            assert len(started) == 2  # the watchdog and fdk
            process.send_signal(how)
            assert process.wait(20) != 0
            asyncio.run(until(lambda: not alive(started)))
        finally:
            process.kill()
