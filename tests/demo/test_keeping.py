"""Two runs at a time keep out of each other's way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from localcloud.demo.keeping import places

ROOT = Path(__file__).parents[2]


def test_each_run_has_places_of_its_own(tmp_path: Path) -> None:
    with places(tmp_path) as one:
        one.folder.mkdir()
        (one.folder / "log").write_text("mine")
        with places(tmp_path) as other:
            assert (one.folder.name, other.folder.name) == ("demo", "demo-2")
            assert (one.file.name, other.file.name) == ("cloud.json", "cloud-2.json")
        assert (one.folder / "log").read_text() == "mine"


def test_a_run_beside_another_says_so_and_names_its_own_cloud(tmp_path: Path) -> None:
    with places(tmp_path) as one, places(tmp_path) as other:
        assert (one.beside, one.option) == (None, "--local")
        assert other.beside == (
            f"Another demo is up: {tmp_path}/demo (process {os.getpid()})."
            f" This one leaves it alone, and uses {tmp_path}/demo-2."
        )
        assert other.option == f"--local={tmp_path}/cloud-2.json"


def test_the_lock_of_a_process_that_is_gone_blocks_nobody(tmp_path: Path) -> None:
    killed = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from localcloud.demo.keeping import places\n"
        "with places(Path(sys.argv[1])) as keeping:\n"
        "    keeping.folder.mkdir()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", killed, str(tmp_path)], cwd=ROOT)
    assert ended.returncode == -9
    assert (tmp_path / "demo.lock").read_text().strip().isdigit()
    with places(tmp_path) as keeping:
        assert (keeping.folder.name, keeping.beside) == ("demo", None)
        assert not keeping.folder.exists()
        assert (tmp_path / "demo.lock").read_text() == f"{os.getpid()}\n"


def test_what_a_killed_run_left_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "log").write_text("old")
    (tmp_path / "cloud.json").write_text("{}")
    with places(tmp_path) as keeping:
        assert not keeping.folder.exists()
        assert not keeping.file.exists()
