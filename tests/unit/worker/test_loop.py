"""The loops: bells, backing off, and ending after the page."""

import asyncio

import structlog

from tracesvc.domain.errors import StoreUnavailable
from tracesvc.worker.bell import Bell
from tracesvc.worker.loop import LoopLimits, Stage, Worker

LIMITS = LoopLimits(idle_s=60, backoff_s_min=0.001, backoff_s_max=0.002, stop_s_max=1)


class Script:
    """A stage's work: each turn does the next thing of the script, then nothing."""

    def __init__(self, *turns: int | Exception) -> None:
        self.turns = list(turns)
        self.calls = 0
        self.rested = asyncio.Event()

    async def run_once(self) -> int:
        self.calls += 1
        if not self.turns:
            self.rested.set()
            return 0
        turn = self.turns.pop(0)
        if isinstance(turn, Exception):
            raise turn
        return turn


def stage(script: Script, *, listens: Bell, rings: Bell | None = None) -> Stage:
    return Stage(name="s", run_once=script.run_once, listens=listens, rings=rings, idle_s=60)


async def test_a_stage_works_until_nothing_is_left_and_rings_for_every_page():
    """Pages follow each other without a pause, and the next stage hears of each."""
    script, done = Script(3, 2), Bell()
    async with Worker([stage(script, listens=Bell(), rings=done)], LIMITS).running():
        await asyncio.wait_for(script.rested.wait(), 1)

    assert done.rings == 2


async def test_a_bell_ends_the_idle_time():
    """A resting stage with a minute of idle time works at once when rung."""
    script, bell = Script(), Bell()
    async with Worker([stage(script, listens=bell)], LIMITS).running():
        await asyncio.wait_for(script.rested.wait(), 1)
        script.rested.clear()
        bell.ring()
        await asyncio.wait_for(script.rested.wait(), 1)

    assert script.calls >= 2


async def test_a_ring_during_work_is_not_lost():
    """Work that arrives while a stage looks and finds nothing is found at the next look."""
    bell, looks = Bell(), []
    again = asyncio.Event()

    async def run_once() -> int:
        looks.append(None)
        if len(looks) == 1:
            bell.ring()
        else:
            again.set()
        return 0

    only = Stage(name="s", run_once=run_once, listens=bell, idle_s=60)
    async with Worker([only], LIMITS).running():
        await asyncio.wait_for(again.wait(), 1)

    assert len(looks) >= 2


async def test_a_database_that_is_away_is_waited_for():
    """StoreUnavailable backs off and goes on; no other stage notices."""
    script = Script(StoreUnavailable("away"), StoreUnavailable("away"), 1)
    with structlog.testing.capture_logs() as entries:
        async with Worker([stage(script, listens=Bell())], LIMITS).running():
            await asyncio.wait_for(script.rested.wait(), 1)

    assert [entry["event"] for entry in entries] == ["stage waits for the database"] * 2


async def test_a_defect_is_reported_and_tried_again():
    """One bad page does not end the loop."""
    script = Script(ValueError("defect"), 1)
    with structlog.testing.capture_logs() as entries:
        async with Worker([stage(script, listens=Bell())], LIMITS).running():
            await asyncio.wait_for(script.rested.wait(), 1)

    assert [entry["log_level"] for entry in entries] == ["error"]


async def test_stopping_finishes_the_page():
    """The page in work when the service stops is completed, and no other begun."""
    begun, go, pages = asyncio.Event(), asyncio.Event(), []

    async def run_once() -> int:
        begun.set()
        await go.wait()
        pages.append(None)
        return 1

    only = Stage(name="s", run_once=run_once, listens=Bell(), idle_s=60)
    async with Worker([only], LIMITS).running():
        await begun.wait()
        asyncio.get_running_loop().call_later(0.01, go.set)

    assert len(pages) == 1
