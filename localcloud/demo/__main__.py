"""Runs the demo: see `arguments` for how it is called."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from pathlib import Path

import orjson
from millrace.errors import ConfigurationError, MillraceError
from millrace.features.definitions import Definitions, load
from rich.console import Console
from rich.markup import escape

from localcloud.cloud import LocalCloud, Options, running
from localcloud.demo.arguments import Arguments, parse
from localcloud.demo.display import Display
from localcloud.demo.keeping import Keeping, places
from localcloud.demo.model import MODEL_OBJECT, MODEL_PARAMETERS, shop_model
from localcloud.demo.run import Run
from localcloud.demo.watching import Watch
from localcloud.functions.pool import Kind

ROOT = Path(__file__).parents[2]
LOCAL = ROOT / ".local"


def main(argv: list[str]) -> int:
    """Run the demo; the exit status is 0 only when everything is exact."""
    arguments = parse(argv)
    console = Console(stderr=True)
    try:
        return asyncio.run(_demo(arguments, console))
    except MillraceError as error:
        text = f"[bold red]millrace:[/] {escape(str(error))}"
        console.print(text, highlight=False, soft_wrap=True)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError) as error:
        console.print("Stopped.")
        ended_by = signal.SIGINT if isinstance(error, KeyboardInterrupt) else signal.SIGTERM
        return 128 + ended_by


async def _demo(arguments: Arguments, console: Console) -> int:
    # SIGTERM ends the demo as Ctrl-C does: everything that it started is stopped.
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    definitions = load(ROOT / "features.toml")
    watch, started_s = Watch(), time.monotonic()
    with places(LOCAL) as keeping, Display(console, arguments, watch) as display:
        options = await _options(arguments, definitions, display, keeping)
        async with running(options, on_line=watch.see, on_step=display.step) as cloud:
            if cloud.pool.kind is Kind.PROCESS:
                display.note(
                    "The Lambda emulator does not run here: handlers run in plain processes."
                )
            summary = await Run(arguments, cloud, definitions, display).summary(started_s)
            display.stop()
            console.print(summary.rendered())
            if arguments.json is not None:
                arguments.json.write_bytes(
                    orjson.dumps(summary.document, option=orjson.OPT_INDENT_2) + b"\n"
                )
            if arguments.keep:
                await _stay(cloud, console, keeping)
    return 0 if summary.exact else 1


async def _options(
    arguments: Arguments, definitions: Definitions, display: Display, keeping: Keeping
) -> Options:
    """What the local cloud is started with: a model to ask, unless parameters say otherwise."""
    parameters, objects = dict(arguments.parameters), {}
    parameters.setdefault("ApiAuth", "NONE")  # so that a plain curl is answered
    if "EndpointMode" not in parameters:
        display.step("a model, trained on the shop (kept for the next time)")
        try:
            model = await asyncio.to_thread(shop_model, LOCAL / "models", ROOT, definitions)
        except ConfigurationError as error:
            display.note(f"No predictions: features.toml leaves nothing to learn from. {error}")
        else:
            objects[MODEL_OBJECT] = model
            parameters |= MODEL_PARAMETERS
    return Options(
        ROOT, keeping.folder, parameters=parameters, objects=objects, seed=arguments.seed
    )


async def _stay(cloud: LocalCloud, console: Console, keeping: Keeping) -> None:
    keeping.remember(cloud)
    console.print(
        f"The local cloud stays up; Ctrl-C stops it. It is described in {keeping.file}.",
        highlight=False,
        soft_wrap=True,
    )
    for name, value in {"AWS_ENDPOINT_URL": cloud.url, **cloud.stack.outputs}.items():
        console.print(f"  {name:24} {value}", highlight=False, soft_wrap=True)
    console.print("Try: .venv/bin/millrace features get --local customer-0000", highlight=False)
    if cloud.options.parameters["ApiAuth"] == "NONE":
        url = f"{cloud.output('FeaturesUrl')}/customer-0000"
        console.print(f"     curl {url}", highlight=False, soft_wrap=True)
    try:
        await asyncio.Event().wait()
    finally:
        keeping.forget()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
