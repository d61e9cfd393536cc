"""Waiting for what may never come: a function that goes on failing is told of, and waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence

from localcloud.event_source_mapping.counters import Counters

# So long without any progress is no hiccup.
_STUCK_S = 20.0
_SHOWN = 600


async def patiently(
    work: Coroutine[object, object, None],
    counters: Callable[[], Sequence[Counters]],
    problem: Callable[[], str],
    note: Callable[[str], None],
    stuck_s: float = _STUCK_S,
) -> None:
    """Await `work`; where batches only fail, again and again, `note` it once, with the latest
    problem.

    Retries do not end by themselves, so it is for who looks on to end it, or to mend it meanwhile.
    """
    task = asyncio.ensure_future(work)
    try:
        ended, retries = _standing(counters())
        while not (await asyncio.wait({task}, timeout=stuck_s))[0]:
            ended_before, retries_before = ended, retries
            ended, retries = _standing(counters())
            if ended == ended_before and retries > retries_before:
                note(
                    f"For {stuck_s:g} s batches have only failed, and are tried again without end;"
                    f" Ctrl-C stops it. {problem()[:_SHOWN]}".rstrip()
                )
                break
        await task
    finally:
        task.cancel()


def _standing(every: Sequence[Counters]) -> tuple[int, int]:
    """How many records have ended one way or the other, and how often a batch was tried again."""
    ended = sum(one.done + one.given_up for one in every)
    return ended, sum(one.retries for one in every)
