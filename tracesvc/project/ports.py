"""What the projector needs of the log and of its own tables."""

from collections.abc import Collection
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from tracesvc.domain.events import ScannedEvent, TraceEvent
from tracesvc.domain.findings import FindingSubject
from tracesvc.domain.ledger import Scan
from tracesvc.domain.projection import Changes, Cohort, FindingCounts, LoggedCapture, Membership
from tracesvc.domain.rules.bill_reuse import DocumentLine


class LogReader(Protocol):
    """The immutable log. Everything is read up to a log index, so that a turn is a pure function."""

    async def page_after(self, log_index: int, scans_max: int) -> list[LoggedCapture]:
        """Return the next captures in log order, at least one if there is one, some `scans_max` scans."""
        ...

    async def histories(self, trace_codes: Collection[str], upto: int) -> dict[str, list[Scan]]:
        """Return every scan of the codes up to a log index, voided ones included."""
        ...

    async def packed_into(self, containers: Collection[str], upto: int) -> dict[str, set[str]]:
        """Return, per container, every code that a pack event ever put into it."""
        ...

    async def voids_of(self, digests: Collection[bytes], upto: int) -> list[TraceEvent]:
        """Return the voids and corrections that name any of the events."""
        ...

    async def events_by_digest(self, digests: Collection[bytes], upto: int) -> list[ScannedEvent]:
        """Return the events with these digests that the log holds."""
        ...


class Turn(Protocol):
    """One transaction of the projector, holding the checkpoint's row lock."""

    log_index: int
    next_cohort_id: int

    async def members(self, trace_codes: Collection[str]) -> list[Membership]:
        """Return which of the codes are in which cohort; a cohort may come more than once."""
        ...

    async def cohorts(self, cohort_ids: Collection[int]) -> list[Cohort]: ...

    async def subjects_of(self, subjects: Collection[str]) -> list[FindingSubject]:
        """Return what is held against these codes and document lines now."""
        ...

    async def document_events(
        self, documents: Collection[tuple[str, str]]
    ) -> list[tuple[DocumentLine, bytes]]:
        """Return every (line, event digest) of these (actor, number) documents."""
        ...

    async def save(self, changes: Changes) -> FindingCounts:
        """Write everything and move the checkpoint; nothing is visible before the turn's commit."""
        ...


class CustodyView(Protocol):
    """The projection's tables."""

    def turn(self) -> AbstractAsyncContextManager[Turn | None]:
        """Open a turn: one transaction, committed on leaving, rolled back on error.

        None while another process projects.
        """
        ...

    async def regulators(self) -> frozenset[str]:
        """Return the parties whose voids count for events of others."""
        ...
