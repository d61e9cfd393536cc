"""The part of the demo on the local AWS: the shop's events become features."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from millrace.errors import ConfigurationError
from millrace.features.definitions import Definitions, load

from localcloud.cloud import LocalCloud, Options, running
from localcloud.demo.arguments import Arguments
from localcloud.demo.display import Lane
from localcloud.demo.ending import Ending
from localcloud.demo.keeping import Keeping
from localcloud.demo.model import MODEL_OBJECT, MODEL_PARAMETERS, shop_model
from localcloud.demo.run import Run
from localcloud.demo.stage import Cue
from localcloud.demo.watching import Watch
from localcloud.functions.pool import Kind


class FeaturesPart:
    """Starts the local AWS, streams to it, and keeps it up until it may go."""

    def __init__(self, arguments: Arguments, root: Path, keeping: Keeping, lane: Lane) -> None:
        self._arguments = arguments
        self._root = root
        self._keeping = keeping
        self._lane = lane

    async def play(self, cue: Cue[Ending]) -> None:
        """From the start to the end; implements `stage.Part`."""
        lane, started_s = self._lane, time.monotonic()
        definitions, watch = load(self._root / "features.toml"), Watch()
        options = await self._options(definitions)
        async with running(options, on_line=watch.see, on_step=lane.step) as cloud:
            if cloud.pool.kind is Kind.PROCESS:
                lane.note("The Lambda emulator does not run here: handlers run in plain processes.")
            run = Run(self._arguments, cloud, definitions, lane, watch)
            summary = await run.summary(started_s)
            lane.phase("done")
            if self._arguments.keep:
                self._keeping.remember(cloud)
            try:
                await cue.show(Ending(summary, _hints(cloud, self._keeping)))
            finally:
                self._keeping.forget()

    async def _options(self, definitions: Definitions) -> Options:
        """What the local cloud is started with: a model to ask, unless parameters say otherwise."""
        arguments, local = self._arguments, self._keeping.folder.parent
        parameters, objects = dict(arguments.parameters), {}
        parameters.setdefault("ApiAuth", "NONE")  # so that a plain curl is answered
        if "EndpointMode" not in parameters:
            self._lane.step("a model, trained on the shop (kept for the next time)")
            try:
                model = await asyncio.to_thread(
                    shop_model, local / "models", self._root, definitions
                )
            except ConfigurationError as error:
                self._lane.note(
                    f"No predictions: features.toml leaves nothing to learn from. {error}"
                )
            else:
                objects[MODEL_OBJECT] = model
                parameters |= MODEL_PARAMETERS
        return Options(
            self._root,
            self._keeping.folder,
            parameters=parameters,
            objects=objects,
            seed=arguments.seed,
        )


def _hints(cloud: LocalCloud, keeping: Keeping) -> list[str]:
    """What to do with a cloud that stays up."""
    places = {"AWS_ENDPOINT_URL": cloud.url, **cloud.stack.outputs}
    lines = [f"The local AWS stays up; Ctrl-C stops it. It is described in {keeping.file}."]
    lines += [f"  {name:24} {value}" for name, value in places.items()]
    lines.append(f"Try: .venv/bin/millrace features get {keeping.option} customer-0000")
    if cloud.options.parameters["ApiAuth"] == "NONE":
        lines.append(f"     curl {cloud.output('FeaturesUrl')}/customer-0000")
    return lines
