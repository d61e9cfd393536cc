"""The hand-turned clock itself: other tests rest on it."""

from __future__ import annotations

import asyncio

from tests.localcloud.clock import START_MS, ManualClock, settle


def test_a_sleeper_wakes_when_its_time_has_come_and_not_before() -> None:
    async def scenario() -> None:
        clock = ManualClock()
        sleeper = asyncio.create_task(clock.sleep(2))
        await settle()
        clock.advance(1.999)
        await settle()
        assert not sleeper.done()
        clock.advance(0.001)
        await settle()
        assert sleeper.done()
        assert clock.now_ms() == START_MS + 2000

    asyncio.run(scenario())


def test_run_stops_at_every_deadline_on_the_way() -> None:
    async def scenario() -> None:
        clock, ticks = ManualClock(0), list[int]()

        async def tick(every_s: float) -> None:
            while True:
                await clock.sleep(every_s)
                ticks.append(clock.now_ms())

        tasks = [asyncio.create_task(tick(2)), asyncio.create_task(tick(3))]
        await clock.run(7)
        assert ticks == [2000, 3000, 4000, 6000, 6000]
        assert clock.now_ms() == 7000
        assert clock.sleeping == 2
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert clock.sleeping == 0

    asyncio.run(scenario())
