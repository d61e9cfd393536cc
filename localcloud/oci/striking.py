"""A function that the fault plan strikes where nobody calls it by its API: behind a connector."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from localcloud.faults.injector import Decision, Injector
from localcloud.faults.plan import Crash, Fail, When
from localcloud.oci.function import Answer, FdkFunction

_BROKEN = 502


@dataclass(frozen=True, slots=True)
class StruckFunction:
    """Calls are those of `functions.invoke_function`; implements `connector.Target`."""

    function: FdkFunction
    injector: Injector

    async def call(self, body: bytes) -> int:
        """The status of an invocation."""
        return (await self.invoke(body)).status

    async def invoke(self, body: bytes, headers: Sequence[tuple[str, str]] = ()) -> Answer:
        """Call the function, unless the plan has something else in store."""
        decision = self.injector.next("functions", "invoke_function")
        await asyncio.sleep(decision.delay_s)
        if decision.effect is None:
            return await self.function.invoke(body, headers)
        if decision.when is When.AFTER:
            await self.function.invoke(body, headers)
        return self._struck(decision)

    def _struck(self, decision: Decision) -> Answer:
        if isinstance(decision.effect, Crash):
            self.function.kill()
        status = decision.effect.status if isinstance(decision.effect, Fail) else _BROKEN
        return Answer(status, b"")
