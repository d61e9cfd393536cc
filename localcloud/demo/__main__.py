"""Runs the demo: see `arguments` for how it is called."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from pathlib import Path

import orjson
from millrace.errors import MillraceError
from millrace.features.definitions import Definitions, load
from millrace.producer import Producer
from rich.console import Console
from rich.markup import escape

from localcloud.cloud import LocalCloud, Options, running
from localcloud.demo.arguments import Arguments, parse
from localcloud.demo.checking import check
from localcloud.demo.display import Display
from localcloud.demo.files import EventsFile
from localcloud.demo.keeping import Keeping, places
from localcloud.demo.shop import Shop
from localcloud.demo.streaming import Streamer
from localcloud.demo.summary import Summary
from localcloud.demo.traffic import spoiled
from localcloud.demo.watching import Watch
from localcloud.functions.pool import Kind
from localcloud.gateway.counters import OperationCount

ROOT = Path(__file__).parents[2]
LOCAL = ROOT / ".local"
_SHOP_SECONDS = 30.0
_HISTORY = 1_500


def main(argv: list[str]) -> int:
    """Run the demo; the exit status is 0 only when everything is exact."""
    arguments = parse(argv)
    console = Console(stderr=True)
    try:
        return asyncio.run(_demo(arguments, console))
    except MillraceError as error:
        console.print(f"[bold red]{type(error).__name__}[/]: {escape(str(error))}", highlight=False)
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
        options = Options(
            ROOT, keeping.folder, parameters=arguments.parameters, seed=arguments.seed
        )
        async with running(options, on_line=watch.see, on_step=display.step) as cloud:
            if cloud.pool.kind is Kind.PROCESS:
                display.note(
                    "The Lambda emulator does not run here: handlers run in plain processes."
                )
            summary = await _run(arguments, cloud, definitions, display, started_s)
            display.stop()
            console.print(summary.rendered())
            if arguments.json is not None:
                arguments.json.write_bytes(
                    orjson.dumps(summary.document, option=orjson.OPT_INDENT_2) + b"\n"
                )
            if arguments.keep:
                await _stay(cloud, console, keeping)
    return 0 if summary.exact else 1


async def _run(
    arguments: Arguments,
    cloud: LocalCloud,
    definitions: Definitions,
    display: Display,
    started_s: float,
) -> Summary:
    kinesis = cloud.client("kinesis")
    streamer = Streamer(cloud, Producer(kinesis, cloud.output("StreamName")))
    display.follow(cloud, streamer)
    refused: list[str] = []
    if arguments.events is None:
        seconds = arguments.seconds or _SHOP_SECONDS
        shop = Shop(arguments.seed, arguments.rate)
        now_ms = cloud.clock.now_ms()
        display.phase("yesterday in the shop")
        await streamer.send(spoiled(shop.history(now_ms, _HISTORY), arguments.seed))
        await cloud.caught_up()
        cloud.lag.lags_ms.clear()
        streamer.sent = 0
        display.phase("live", seconds)
        now_ms = cloud.clock.now_ms()
        await streamer.send(spoiled(shop.live(now_ms, seconds), arguments.seed + 1))
    else:
        file = EventsFile(arguments.events, arguments.mapping, definitions, cloud.clock.now_ms)
        until_ms = None
        if arguments.seconds is not None:
            until_ms = cloud.clock.now_ms() + int(arguments.seconds * 1000)
        display.phase(arguments.events.name, arguments.seconds)
        await streamer.send(file.records(), until_ms)
        refused = file.refused
    display.phase("waiting for the last features")
    await cloud.caught_up()
    display.phase("comparing with a recomputation")
    checked = await check(cloud, definitions, streamer.put)
    counted = {
        operation: count
        for (service, operation), count in cloud.gateway.counters.snapshot().items()
        if service == "dynamodb" and operation in ("PutItem", "GetItem", "BatchGetItem")
    }
    puts = counted.get("PutItem", OperationCount())
    return Summary(
        checked,
        refused,
        puts.calls - sum(puts.errors.values()) - puts.unanswered,
        {operation: count.calls for operation, count in counted.items()},
        time.monotonic() - started_s,
        cloud.lag.percentile(0.5),
        cloud.lag.percentile(0.99),
        cloud.pool.kind.value,
    )


async def _stay(cloud: LocalCloud, console: Console, keeping: Keeping) -> None:
    keeping.remember(cloud)
    console.print(f"The local cloud stays up; Ctrl-C stops it. It is described in {keeping.file}.")
    for name, value in {"AWS_ENDPOINT_URL": cloud.url, **cloud.stack.outputs}.items():
        console.print(f"  {name:24} {value}", highlight=False)
    console.print("Try: .venv/bin/millrace features get --local customer-0000", highlight=False)
    try:
        await asyncio.Event().wait()
    finally:
        keeping.forget()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
