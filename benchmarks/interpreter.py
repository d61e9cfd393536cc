"""Which Python the benchmarks run with: one that was compiled for speed, where there is one.

`pyenv install` and a plain `make` compile Python without profile-guided optimisation, and the same
code then takes a sixth more. Where .venv has such a Python, and the system's own is of the same
version and was compiled with it (as Debian's is), .venv's packages are measured with that one.
MILLRACE_PYTHON names another: then that is measured, whatever it is.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_SYSTEM = Path("/usr/bin/python3")
_ENVIRONMENT = _ROOT / ".venv-bench"


def is_optimised() -> bool:
    """Whether this Python was compiled by what a profile of it told.

    CPython's own configure names the option; where it does not, it leaves the compiler's flags for
    it unused. Debian's build, which has a way of its own, clears them.
    """
    found = sysconfig.get_config_vars("CONFIG_ARGS", "PGO_PROF_USE_FLAG")
    arguments, unused_flags = (str(value or "") for value in found)
    return "--enable-optimizations" in arguments or not unused_flags


def about() -> str:
    """Version, and how it was compiled, as `chosen` compares them."""
    return f"{sys.version_info[0]}.{sys.version_info[1]} {'fast' if is_optimised() else 'plain'}"


def chosen(own: Path, *, named: bool, system: Path = _SYSTEM) -> Path:
    """The interpreter to run with: `own`, or one of the system's that has own's packages.

    `named` is whether the user has said which; nothing is chosen then.
    """
    version = about().split()[0]
    if named or is_optimised() or _about(system) != f"{version} fast":
        return own
    return _with_packages_of_this(system)


def _about(python: Path) -> str:
    if not python.exists():
        return ""
    command = [str(python), "-m", "benchmarks.interpreter", "--about"]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _with_packages_of_this(python: Path) -> Path:
    """An environment of the other interpreter that finds the packages of this one."""
    subprocess.run([python, "-m", "venv", "--clear", "--without-pip", _ENVIRONMENT], check=True)
    names = {"base": str(_ENVIRONMENT), "platbase": str(_ENVIRONMENT)}
    packages = Path(sysconfig.get_path("purelib", vars=names))
    (packages / "millrace.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return _ENVIRONMENT / "bin" / "python"


if __name__ == "__main__":
    if sys.argv[1:] == ["--about"]:
        print(about())
    else:
        print(chosen(Path(sys.executable), named="MILLRACE_PYTHON" in os.environ))
