"""One task group with a supervised loop per stage: sequencer, projector, partition maker.

Every loop has the same skeleton: do one bounded page of work; if there was none, wait for the bell or
the idle time; if the database went away, back off and try again. A loop never dies of one bad page: it
reports the failure, waits and repeats it, and readiness shows the growing lag.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from structlog import get_logger

from tracesvc.domain.errors import StoreUnavailable
from tracesvc.worker.bell import Bell

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopLimits:
    """Waiting times of the loops, in seconds.

    `idle_s` is how long a loop sleeps without being rung, and so how late it may notice work that
    another process stored. `mend_idle_s` is how soon a killed embedded Postgres is noticed. Backoff
    doubles from `backoff_s_min` to `backoff_s_max`.
    """

    idle_s: float = 0.25
    mend_idle_s: float = 1.0
    partition_idle_s: float = 3600.0
    backoff_s_min: float = 0.1
    backoff_s_max: float = 5.0
    stop_s_max: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One loop: `run_once` does a page and returns how much it did; 0 means nothing is waiting.

    `listens` wakes it, `rings` tells the next one that there is work.
    """

    name: str
    run_once: Callable[[], Awaitable[int]]
    listens: Bell
    rings: Bell | None = None
    idle_s: float


@dataclass(slots=True)
class Worker:
    """The loops of one process. `run` returns when `stop` was called and every page is finished."""

    stages: Sequence[Stage]
    limits: LoopLimits = field(default_factory=LoopLimits)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for stage in self.stages:
                group.create_task(self._supervise(stage), name=stage.name)

    def stop(self) -> None:
        """Let every loop finish the page it is in, and no other."""
        self._stopping.set()
        for stage in self.stages:
            stage.listens.ring()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the loops beside the block; at its end wait, bounded, for the pages in work."""
        task = asyncio.create_task(self.run(), name="worker")
        try:
            yield
        finally:
            self.stop()
            try:
                async with asyncio.timeout(self.limits.stop_s_max):
                    await task
            except TimeoutError:
                # A page is one transaction: cut short, it leaves nothing behind.
                _log.warning("worker stopped in the middle of a page")

    async def _supervise(self, stage: Stage) -> None:
        backoff_s = self.limits.backoff_s_min
        while not self._stopping.is_set():
            heard = stage.listens.rings
            try:
                done = await stage.run_once()
            except StoreUnavailable as failure:
                _log.warning(
                    "stage waits for the database", stage=stage.name, detail=failure.detail
                )
            except Exception:  # noqa: BLE001  (see below)
                # A defect in one page must not take the other stages down with it: the log keeps
                # growing, nothing is lost, and the same page is tried again.
                _log.exception("stage failed", stage=stage.name)
            else:
                backoff_s = self.limits.backoff_s_min
                await self._rest(stage, done=done, heard=heard)
                continue
            await self._pause(backoff_s)
            backoff_s = min(backoff_s * 2, self.limits.backoff_s_max)

    async def _rest(self, stage: Stage, *, done: int, heard: int) -> None:
        if done:
            if stage.rings is not None:
                stage.rings.ring()
        elif not self._stopping.is_set():
            await stage.listens.heard(heard, stage.idle_s)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return
