"""The loops in a process of their own beside the API, which keeps answering while they compute.

The two ends share nothing but the database and a pair of pipes. Down goes one byte for every ring of
"a capture was stored"; the end of the pipe, however the API ended, means: finish your page and stop. Up
goes one line for every ring of "the projector has moved", with what the counters of the loops have
gained, so that one `/metrics` tells about both processes.
"""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

import orjson
from prometheus_client import Counter
from structlog import get_logger

from tracesvc.telemetry import (
    FINDINGS_OPENED,
    FINDINGS_WITHDRAWN,
    PROJECTED_CAPTURES,
    PROJECTED_SCANS,
    REFOLDED_CODES,
    SEQUENCED_CAPTURES,
)
from tracesvc.worker.bell import Bell
from tracesvc.worker.loop import LoopLimits

_log = get_logger(__name__)
_RING: Final = b"\n"
_HEARD_S: Final = 60.0

CARRIED: Final[Mapping[str, Counter]] = {
    "sequenced_captures": SEQUENCED_CAPTURES,
    "projected_captures": PROJECTED_CAPTURES,
    "projected_scans": PROJECTED_SCANS,
    "refolded_codes": REFOLDED_CODES,
    "findings_opened": FINDINGS_OPENED,
    "findings_withdrawn": FINDINGS_WITHDRAWN,
}
"""Counters that the loops raise, by the name they have on the pipe."""

Gain = list[tuple[str, dict[str, str], float]]


@dataclass(slots=True, kw_only=True)
class Companion:
    """The API's end: keeps the child process running, and restarts it where it dies."""

    command: Sequence[str]
    stored: Bell
    projected: Bell
    limits: LoopLimits
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep the child beside the block; at its end let it finish its page, bounded."""
        task = asyncio.create_task(self._keep(), name="companion")
        try:
            yield
        finally:
            self._stopping.set()
            self.stored.ring()
            await task

    async def _keep(self) -> None:
        backoff_s = self.limits.backoff_s_min
        while not self._stopping.is_set():
            process = await asyncio.create_subprocess_exec(*self.command, stdin=PIPE, stdout=PIPE)
            heard_from = await self._accompany(process)
            if self._stopping.is_set():
                return
            # A child that did work was a good start; one that dies at once is not started hotly.
            backoff_s = self.limits.backoff_s_min if heard_from else backoff_s * 2
            _log.warning("the loops' process ended and is started again", code=process.returncode)
            await self._pause(min(backoff_s, self.limits.backoff_s_max))

    async def _accompany(self, process: Process) -> bool:
        """Pass rings both ways until the child ends; tell whether it ever rang."""
        down = asyncio.create_task(self._ring_down(process))
        try:
            return await self._hear_up(process)
        finally:
            down.cancel()
            with suppress(asyncio.CancelledError):
                await down
            await process.wait()

    async def _hear_up(self, process: Process) -> bool:
        assert process.stdout is not None, "opened with a pipe"  # noqa: S101
        heard = False
        while line := await process.stdout.readline():
            # A child killed while it wrote leaves half a line; its gain is lost with the process.
            with suppress(orjson.JSONDecodeError):
                _count(orjson.loads(line))
            self.projected.ring()
            heard = True
        return heard

    async def _ring_down(self, process: Process) -> None:
        assert process.stdin is not None, "opened with a pipe"  # noqa: S101
        with suppress(ConnectionError):
            while not self._stopping.is_set():
                heard = self.stored.rings
                process.stdin.write(_RING)
                await process.stdin.drain()
                await self.stored.heard(heard, _HEARD_S)
        process.stdin.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(self.limits.stop_s_max):
                await process.wait()
        if process.returncode is None:
            # A page is one transaction: cut short, it leaves nothing behind.
            _log.warning("the loops' process did not stop in time")
            process.kill()

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()


@dataclass(slots=True, kw_only=True)
class Parent:
    """The child's end, on its standard input and output."""

    stored: Bell
    projected: Bell
    _sent: dict[tuple[str, tuple[tuple[str, str], ...]], float] = field(default_factory=dict)

    async def accompany(self) -> None:
        """Pass rings both ways; returns when the parent has closed its end or is gone."""
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
        )
        up = asyncio.create_task(self._ring_up())
        try:
            while await reader.read(1024):
                self.stored.ring()
        finally:
            up.cancel()
            with suppress(asyncio.CancelledError):
                await up
            transport.close()

    async def _ring_up(self) -> None:
        while True:
            heard = self.projected.rings
            if await self.projected.heard(heard, _HEARD_S):
                # Far smaller than what a pipe takes at once, so this never waits for the parent.
                sys.stdout.buffer.write(orjson.dumps(self._gained()) + b"\n")
                sys.stdout.buffer.flush()

    def _gained(self) -> Gain:
        """Return what each counter has gained since the last line."""
        gained: Gain = []
        for name, counter in CARRIED.items():
            for metric in counter.collect():
                for sample in metric.samples:
                    place = name, tuple(sorted(sample.labels.items()))
                    if sample.name.endswith("_total") and sample.value > self._sent.get(place, 0):
                        gained.append(
                            (name, sample.labels, sample.value - self._sent.get(place, 0))
                        )
                        self._sent[place] = sample.value
        return gained


def _count(gained: Gain) -> None:
    for name, labels, value in gained:
        counter = CARRIED[name]
        (counter.labels(**labels) if labels else counter).inc(value)
