"""Folding the whole log anew beside the running service, comparing, and swapping the result in."""

from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from tracesvc.domain.events import ScannedEvent, TraceEvent
from tracesvc.domain.ledger import Scan
from tracesvc.domain.projection import LoggedCapture
from tracesvc.project.ports import CustodyView, LogReader
from tracesvc.project.projector import Projector, ProjectorLimits
from tracesvc.telemetry import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What a rebuild found: the digest of the view before, that of the rebuilt one, up to where."""

    log_index: int
    digest_before: bytes
    digest_after: bytes
    is_swapped: bool

    @property
    def is_equal(self) -> bool:
        return self.digest_before == self.digest_after


class DigestedView(CustodyView, Protocol):
    """A view that can also say how far it is and what it adds up to."""

    async def checkpoint(self) -> int: ...

    async def digest(self) -> bytes: ...


class Site(Protocol):
    """Where a second view is built."""

    def next_view(self) -> AbstractAsyncContextManager[DigestedView]:
        """Make empty tables for the second view; they are gone after the block unless swapped in."""
        ...

    def present_view(self) -> DigestedView: ...

    def held(self) -> AbstractAsyncContextManager[None]:
        """Keep the projector of the present view from starting a turn while the block runs."""
        ...

    async def swap(self) -> None:
        """Put the second view in place of the present one; only inside `held`."""
        ...


async def rebuild(
    site: Site,
    log: LogReader,
    *,
    clock: Clock,
    limits: ProjectorLimits,
    check_only: bool,
    on_progress: Callable[[int, int], None],
) -> Rebuilt:
    """Fold the log into new tables, compare them with the present ones, and swap unless checking.

    The service goes on meanwhile; its projector is held only for the last captures, the comparison
    and the swap. `on_progress` gets the log index reached and the one to reach.
    """
    present = site.present_view()
    async with site.next_view() as coming:
        ending = _Ending(log, await present.checkpoint())
        projector = Projector(ending, coming, clock=clock, limits=limits)
        await _catch_up(projector, coming, ending.end, on_progress)
        async with site.held():
            ending.end = await present.checkpoint()
            await _catch_up(projector, coming, ending.end, on_progress)
            result = Rebuilt(
                log_index=ending.end,
                digest_before=await present.digest(),
                digest_after=await coming.digest(),
                is_swapped=not check_only,
            )
            if not check_only:
                await site.swap()
    return result


async def _catch_up(
    projector: Projector, view: DigestedView, end: int, on_progress: Callable[[int, int], None]
) -> None:
    while await projector.run_once():
        on_progress(await view.checkpoint(), end)


class _Ending:
    """A log that ends at a given index, so that two views can be compared at the same place."""

    def __init__(self, log: LogReader, end: int) -> None:
        self._log = log
        self.end = end

    async def page_after(self, log_index: int, scans_max: int) -> list[LoggedCapture]:
        page = await self._log.page_after(log_index, scans_max)
        return [capture for capture in page if capture.log_index <= self.end]

    async def histories(self, trace_codes: Collection[str], upto: int) -> dict[str, list[Scan]]:
        return await self._log.histories(trace_codes, upto)

    async def packed_into(self, containers: Collection[str], upto: int) -> dict[str, set[str]]:
        return await self._log.packed_into(containers, upto)

    async def voids_of(self, digests: Collection[bytes], upto: int) -> list[TraceEvent]:
        return await self._log.voids_of(digests, upto)

    async def events_by_digest(self, digests: Collection[bytes], upto: int) -> list[ScannedEvent]:
        return await self._log.events_by_digest(digests, upto)
