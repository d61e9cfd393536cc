"""Functions' one operation of the data plane: invoke, and wait or not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from localcloud.oci.calls import Answer, Call, Handlers
from localcloud.oci.errors import InvalidParameter, NotFound
from localcloud.oci.function import Answer as Invoked


class Invocable(Protocol):
    """A function."""

    async def invoke(self, body: bytes, headers: Sequence[tuple[str, str]] = ()) -> Invoked:
        """Call it and wait."""
        ...


class FunctionApi:
    """Over functions by their ids."""

    def __init__(self) -> None:
        self._functions: dict[str, Invocable] = {}
        self._detached: set[asyncio.Task[Invoked]] = set()

    def add(self, function_id: str, function: Invocable) -> None:
        """Let it be called."""
        self._functions[function_id] = function

    @property
    def known(self) -> Mapping[str, Invocable]:
        """All of them, by id."""
        return self._functions

    def handlers(self) -> Handlers:
        """By service and operation."""
        return {("functions", "invoke_function"): self.invoke}

    async def invoke(self, call: Call) -> Answer:
        function_id = call.path["functionId"]
        if function_id not in self._functions:
            raise NotFound(f"There is no function {function_id:.200}")
        kind = call.headers.get("fn-invoke-type", "sync")
        if kind not in ("sync", "detached"):
            raise InvalidParameter(f"fn-invoke-type is {kind!r:.40}; it may be sync or detached")
        if call.headers.get("is-dry-run") == "true":
            return Answer(b"")
        work = self._functions[function_id].invoke(call.content)
        if kind == "detached":
            task = asyncio.get_running_loop().create_task(work)
            self._detached.add(task)
            task.add_done_callback(self._detached.discard)
            return Answer(b"", status=202)
        answer = await work
        return Answer(answer.body, status=answer.status)

    async def close(self) -> None:
        """Let go of what was called without anybody waiting."""
        for task in self._detached:
            task.cancel()
        await asyncio.gather(*self._detached, return_exceptions=True)
