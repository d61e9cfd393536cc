"""The part of the demo on the local Oracle Cloud: metrics become flags and alerts."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from localcloud.demo.anomalies.hints import hints
from localcloud.demo.anomalies.labelled import Labelled, read_folder
from localcloud.demo.anomalies.made import made
from localcloud.demo.anomalies.replay import stretches
from localcloud.demo.anomalies.run import LIMITS, POINTS_PER_S, Run
from localcloud.demo.arguments import SECONDS, Arguments
from localcloud.demo.display import Lane
from localcloud.demo.ending import Ending
from localcloud.demo.stage import Cue
from localcloud.oci.cloud import Options, running
from localcloud.oci.connector import Repeats

_MOST_SERIES = 8
# One batch in fifty comes once more than it need, half of them cut anew.
_LOSE_ANSWER = _SEND_AGAIN = 0.02
_DEVELOPMENT_SERIES = Path("shared/data/nab-dev")


class AnomaliesPart:
    """Starts the local Oracle Cloud, streams to it, and keeps it up until it may go."""

    def __init__(self, arguments: Arguments, root: Path, folder: Path, lane: Lane) -> None:
        self._arguments = arguments
        self._root = root
        self._folder = folder
        self._lane = lane

    async def play(self, cue: Cue[Ending]) -> None:
        """From the start to the end; implements `stage.Part`."""
        lane, started_s = self._lane, time.monotonic()
        seconds = self._arguments.seconds or SECONDS
        source, series = await asyncio.to_thread(self._series)
        replayed = stretches(series, max(1, round(seconds * POINTS_PER_S)), time.time())
        lane.step("stream, connector, function, topic")
        async with running(self._options()) as cloud:
            run = Run(cloud, replayed, source, self._arguments.seed, lane)
            summary = await run.summary(seconds, started_s)
            lane.phase("done")
            await cue.show(Ending(summary, hints(cloud) if self._arguments.keep else ()))

    def _options(self) -> Options:
        repeats = Repeats(self._arguments.seed, lose_answer=_LOSE_ANSWER, send_again=_SEND_AGAIN)
        return Options(self._root, self._folder, limits=LIMITS, repeats=repeats)

    def _series(self) -> tuple[str, list[Labelled]]:
        """Where the series are from, and they."""
        folder = self._arguments.series or self._root.parent / _DEVELOPMENT_SERIES
        if self._arguments.series is None and not folder.is_dir():
            return "made series", made(self._arguments.seed)
        return folder.name, read_folder(folder, _MOST_SERIES)
