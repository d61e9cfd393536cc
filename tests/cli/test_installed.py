"""The command as it is installed, and out of its wheel."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


# Only what the wheel asks for (without extras), and what that needs, can be imported.
BARE = """
import re, sys
from importlib import metadata

wheel, *wanted = sys.argv.pop(1).split(",")
allowed = {"millrace"}
while wanted:
    name = re.split(r"[^\\w.-]", wanted.pop())[0].lower().replace("_", "-")
    if name not in allowed:
        allowed.add(name)
        wanted += [need for need in metadata.requires(name) or [] if ";" not in need]
owners = metadata.packages_distributions()

class OnlyThose:
    def find_spec(name, path=None, target=None):
        owned = {owner.lower().replace("_", "-") for owner in owners.get(name, ["millrace"])}
        if not owned & allowed:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, OnlyThose)
for name in ["pytest", "hypothesis", "moto", "starlette", "samtranslator", "httpx"]:
    try:
        __import__(name)
    except ModuleNotFoundError:
        continue
    raise AssertionError(name)
import cli.main
assert cli.main.__file__.startswith(wheel), cli.main.__file__
cli.main.main()
"""


def test_the_wheel_asks_for_all_that_the_command_needs(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "wheel")
    (found,) = (tmp_path / "wheel").glob("*.dist-info/METADATA")
    needs = re.findall(r"^Requires-Dist: ([^;\n]*)$", found.read_text(), re.M)
    assert "typer" in needs
    unpacked = str(tmp_path / "wheel")
    done = subprocess.run(
        [sys.executable, "-c", BARE, ",".join([unpacked, *needs]), "features", "check"],
        cwd=tmp_path,
        env={"PYTHONPATH": unpacked, "MILLRACE_FEATURES": str(ROOT / "features.toml")},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_installed_command_runs_anywhere(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("millrace")
    done = subprocess.run(
        [command, "features", "check"], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "Cannot read features.toml" in done.stderr
