"""Start the Oracle pipeline and leave it up: ``python -m localcloud.oci``; Ctrl-C stops it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

from millrace.errors import MillraceError, StartupError

from localcloud.faults.loading import load
from localcloud.faults.plan import FaultPlan
from localcloud.lock import Taken, locked
from localcloud.oci.cloud import OciCloud, Options, running
from localcloud.oci.terraform import FOLDER, SECONDS, batch_limits

_ROOT = Path(__file__).parents[2]


def _arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m localcloud.oci", description=__doc__)
    parser.add_argument("--folder", type=Path, default=_ROOT / ".local/oci")
    parser.add_argument("--faults", type=Path, metavar="PLAN", help="a plan in TOML or JSON")
    parser.add_argument(
        "--gateway", type=Path, metavar="JSON", help="the specification of an API deployment"
    )
    parser.add_argument("--sweep-s", type=float, default=120.0, metavar="SECONDS")
    parser.add_argument(
        "--batch-s", type=float, default=SECONDS, metavar="SECONDS",
        help="how long a batch waits; how large it is stands in oci-fn/terraform",
    )  # fmt: skip
    return parser.parse_args(given)


def _options(told: argparse.Namespace) -> Options:
    faults = FaultPlan() if told.faults is None else load(told.faults)
    gateway = None if told.gateway is None else json.loads(told.gateway.read_bytes())
    limits = batch_limits(_ROOT / FOLDER, told.batch_s)
    return Options(
        *(_ROOT, told.folder),
        limits=limits,
        faults=faults,
        gateway=gateway,
        sweep_s=told.sweep_s,
    )


def _written(cloud: OciCloud, folder: Path) -> Path:
    """The environment as a file for a shell, for nobody else to read: it holds a token."""
    path = folder.absolute() / "environment"
    path.touch(mode=0o600)
    lines = (f"export {name}={shlex.quote(value)}" for name, value in cloud.environment().items())
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Two in one folder would take each other's database, key and environment."""
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as exits:
        try:
            exits.enter_context(locked(folder / "lock"))
        except Taken as error:
            raise StartupError(
                f"{folder} is in use by process {error.holder}: stop that one, or choose another"
                " folder with --folder."
            ) from error
        yield


async def _serve(options: Options) -> None:
    with _alone_in(options.folder):
        async with running(options) as cloud:
            path = _written(cloud, options.folder)
            for name, place in cloud.endpoints().items():
                print(f"{name:12} {place}")
            print(f"\nIn a shell of yours:  . {path}\nCtrl-C stops it.", flush=True)
            await asyncio.Event().wait()


def main(given: list[str]) -> int:
    """Serve until Ctrl-C; the exit status."""
    try:
        asyncio.run(_serve(_options(_arguments(given))))
    except KeyboardInterrupt:
        return 0
    except (MillraceError, OSError, ValueError) as error:
        print(f"localcloud.oci: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
