"""Runs the demo: see `arguments` for how it is called."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import orjson
from millrace.errors import ConfigurationError, MillraceError
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from localcloud.demo.anomalies.part import AnomaliesPart
from localcloud.demo.arguments import AWS, OCI, Arguments, parse
from localcloud.demo.display import Display
from localcloud.demo.ending import Ending
from localcloud.demo.features_part import FeaturesPart
from localcloud.demo.foresight import check
from localcloud.demo.keeping import Keeping, places
from localcloud.demo.stage import Part, playing

ROOT = Path(__file__).parents[2]
LOCAL = ROOT / ".local"


def main(argv: list[str]) -> int:
    """Run the demo; the exit status is 0 only when everything is exact, and 2 for wrong options.

    What an option names (a folder of series, a model) may turn out to be wrong only on the way.
    """
    arguments = parse(argv)
    console = Console(stderr=True)
    try:
        check(arguments, ROOT)
        return asyncio.run(_demo(arguments, console))
    except MillraceError as error:
        text = f"[bold red]millrace:[/] {escape(str(error))}"
        console.print(text, highlight=False, soft_wrap=True)
        return 2 if isinstance(error, ConfigurationError) else 1
    except (KeyboardInterrupt, asyncio.CancelledError) as error:
        console.print("Stopped.")
        ended_by = signal.SIGINT if isinstance(error, KeyboardInterrupt) else signal.SIGTERM
        return 128 + ended_by


async def _demo(arguments: Arguments, console: Console) -> int:
    # SIGTERM ends the demo as Ctrl-C does: everything that it started is stopped.
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    started_s = time.monotonic()
    with places(LOCAL) as keeping, Display(console) as display:
        if keeping.beside is not None:
            said = Text(keeping.beside, style="yellow")
            console.print(said, soft_wrap=True)
        async with playing(_parts(arguments, keeping, display)) as endings:
            display.stop()
            for ending in endings:
                console.print(ending.summary.rendered())
            exact = all(ending.summary.exact for ending in endings)
            if arguments.json is not None:
                _write(arguments.json, endings, exact, time.monotonic() - started_s)
            if arguments.keep:
                await _stay(endings, console)
    return 0 if exact else 1


def _parts(arguments: Arguments, keeping: Keeping, display: Display) -> list[Part[Ending]]:
    parts: list[Part[Ending]] = []
    if AWS in arguments.clouds:
        parts.append(FeaturesPart(arguments, ROOT, keeping, display.lane("features")).play)
    if OCI in arguments.clouds:
        folder = keeping.folder / "oci"
        parts.append(AnomaliesPart(arguments, ROOT, folder, display.lane("anomalies")).play)
    return parts


def _write(path: Path, endings: Sequence[Ending], exact: bool, seconds: float) -> None:
    document: dict[str, object] = {}
    for ending in endings:
        document |= ending.summary.document
    document |= {"exact": exact, "seconds": round(seconds, 3)}
    path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")


async def _stay(endings: Sequence[Ending], console: Console) -> None:
    for ending in endings:
        console.print()
        for line in ending.hints:
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
