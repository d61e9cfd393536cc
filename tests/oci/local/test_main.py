"""`python -m localcloud.oci`: up, usable by the command, and gone after Ctrl-C."""

from __future__ import annotations

import os
import re
import shlex
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

from millrace.anomaly.sqlite import SqliteDatabase

from tests.localcloud.oci.serving import ROOT

MILLRACE = "from cli.main import main; main()"
LIBRARY = {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "layers/core")])}


def environment(path: Path) -> dict[str, str]:
    """What a shell would have after reading the file."""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    lines = [shlex.split(line) for line in path.read_text().splitlines()]
    return dict(one.split("=", 1) for _, one in lines)


def test_it_is_started_used_and_stopped(tmp_path: Path) -> None:
    folder, table = tmp_path / "data", tmp_path / "cpu.csv"
    table.write_text("time,value\n" + "".join(f"2026-01-01T00:{i:02}:00Z,{i}\n" for i in range(20)))
    command = [sys.executable, "-m", "localcloud.oci", "--folder", str(folder)]
    with subprocess.Popen(
        command, cwd=ROOT, env=os.environ | LIBRARY, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            said = "".join(iter(process.stdout.readline, "Ctrl-C stops it.\n"))
            assert re.search(r"^kafka +127\.0\.0\.1:\d+$", said, re.M)
            environ = environment(folder / "environment")
            sent = subprocess.run(
                [sys.executable, "-c", MILLRACE, "metrics", "send", str(table), "--kafka"],
                cwd=ROOT, env=os.environ | LIBRARY | environ, capture_output=True, text=True,
                check=False, timeout=60,
            )  # fmt: skip
            assert "20 events" in sent.stdout, sent.stderr
            database = SqliteDatabase(environ["MILLRACE_DATABASE"].removeprefix("sqlite:///"))
            count = "SELECT COUNT(*) FROM raw_events"
            while database.connection.execute(count).fetchone() != (20,):
                time.sleep(0.05)
            database.close()
            other = subprocess.run(
                command, cwd=ROOT, env=os.environ | LIBRARY, capture_output=True, text=True,
                check=False, timeout=60,
            )  # fmt: skip
            assert other.returncode == 1
            in_use = f"{folder} is in use by process {process.pid}: stop that one, or choose"
            assert in_use in other.stderr
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
        finally:
            process.kill()


def test_a_plan_that_is_wrong_is_named(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text("[[rule]]\n")
    done = subprocess.run(
        [sys.executable, "-m", "localcloud.oci", "--faults", str(plan)],
        cwd=ROOT, env=os.environ | LIBRARY, capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert "service in a fault plan is None" in done.stderr
