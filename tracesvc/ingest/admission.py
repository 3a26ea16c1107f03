"""How much work may wait: a bounded number of captures and bytes, shared fairly between parties.

The bounds are the rate limit of the service. Whoever comes when a bound is reached is told so at once
(`Busy`, with a time to come again); nobody queues without end and no upload is read into memory that
was not counted first.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tracesvc.domain.errors import Busy
from tracesvc.telemetry import ADMISSION_REFUSED, ADMISSION_WAITING

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionLimits:
    """Bounds of the front door.

    `working_max` captures are decoded and appended at a time (each holds a database connection);
    `captures_max` are inside at all, being received, waiting or working; `party_captures_max` of
    them may be one party's; their bodies, unpacked, hold at most `held_bytes_max` bytes. A capture
    waits at most `turn_wait_s_max` seconds for its turn; `retry_after_s` is what a refused caller
    is told.
    """

    working_max: int = 4
    captures_max: int = 64
    party_captures_max: int = 24
    held_bytes_max: int = 128 * _MIB
    turn_wait_s_max: float = 20.0
    retry_after_s: int = 1
    drain_s_max: float = 20.0


class Place:
    """One capture's place inside: the bytes it holds, and its right to wait for a turn."""

    def __init__(self, admission: "Admission", party_id: str) -> None:
        self._admission = admission
        self._party_id = party_id
        self._held_bytes = 0

    def hold(self, held_bytes: int) -> None:
        """Count bytes this capture is about to hold in memory; raises Busy where there is no room."""
        self._admission.claim_bytes(held_bytes, party_id=self._party_id)
        self._held_bytes += held_bytes

    def release(self) -> None:
        self._admission.free_bytes(self._held_bytes)
        self._held_bytes = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for one of the working places; raises Busy when none came free in time."""
        async with self._admission.turn(self._party_id):
            yield


class Admission:
    """The front door. One per process; all its state lives on the event loop's thread."""

    def __init__(self, limits: AdmissionLimits) -> None:
        self._limits = limits
        self._working = asyncio.Semaphore(limits.working_max)
        self._inside: Counter[str] = Counter()
        self._held_bytes = 0
        self._closed = False
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def inside(self) -> int:
        return self._inside.total()

    @asynccontextmanager
    async def admit(self, party_id: str) -> AsyncIterator[Place]:
        """Give the caller a place for the length of the block; raises Busy at once if there is none."""
        self._check_room(party_id)
        self._inside[party_id] += 1
        self._empty.clear()
        place = Place(self, party_id)
        try:
            yield place
        finally:
            place.release()
            self._leave(party_id)

    @asynccontextmanager
    async def turn(self, party_id: str) -> AsyncIterator[None]:
        ADMISSION_WAITING.inc()
        try:
            async with asyncio.timeout(self._limits.turn_wait_s_max):
                await self._working.acquire()
        except TimeoutError as late:
            raise self._busy("turn_wait_s_max", party_id) from late
        finally:
            ADMISSION_WAITING.dec()
        try:
            yield
        finally:
            self._working.release()

    def claim_bytes(self, held_bytes: int, *, party_id: str) -> None:
        if self._held_bytes + held_bytes > self._limits.held_bytes_max:
            raise self._busy("held_bytes_max", party_id)
        self._held_bytes += held_bytes

    def free_bytes(self, held_bytes: int) -> None:
        self._held_bytes -= held_bytes

    def close(self) -> None:
        """Admit nobody any more: the first step of shutting down."""
        self._closed = True

    async def drained(self) -> bool:
        """Wait until the last capture has left, at most `drain_s_max`; tell whether it has."""
        try:
            async with asyncio.timeout(self._limits.drain_s_max):
                await self._empty.wait()
        except TimeoutError:
            return False
        return True

    def _check_room(self, party_id: str) -> None:
        if self._closed:
            raise self._busy("closing", party_id)
        if self.inside >= self._limits.captures_max:
            raise self._busy("captures_max", party_id)
        if self._inside[party_id] >= self._limits.party_captures_max:
            raise self._busy("party_captures_max", party_id)

    def _leave(self, party_id: str) -> None:
        self._inside[party_id] -= 1
        if not self._inside[party_id]:
            del self._inside[party_id]
        if not self._inside:
            self._empty.set()

    def _busy(self, limit: str, party_id: str) -> Busy:
        ADMISSION_REFUSED.inc()
        return Busy(
            "more captures are waiting than this service promises to hold",
            limit=limit,
            party_id=party_id,
            retry_after_s=self._limits.retry_after_s,
        )
