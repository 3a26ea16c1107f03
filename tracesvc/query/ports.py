"""What questions need of the log and of the custody view."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol
from uuid import UUID

from tracesvc.domain.events import Rejection, ScannedEvent, TraceEvent
from tracesvc.domain.findings import FindingSubject
from tracesvc.domain.ledger import Scan
from tracesvc.domain.lists import (
    CaptureSummary,
    FindingChange,
    FindingPlace,
    FindingQuery,
    StoredFinding,
    StoredSubject,
)


class LogSnapshot(Protocol):
    """The log at one moment: everything committed before the first read, sequenced or not."""

    async def histories(
        self, trace_codes: Collection[str], scans_max: int
    ) -> Mapping[str, Sequence[Scan]]:
        """Return every scan of the codes, voided ones included; codes without any are left out.

        May return the whole histories of their containers besides, to save asking for them.
        Raises TooLarge where there are more than `scans_max`.
        """
        ...

    async def voids_of(self, digests: Collection[bytes]) -> Sequence[TraceEvent]:
        """Return the voids and corrections that name any of the events."""
        ...

    async def contested(
        self, documents: Collection[tuple[str, str]], events_max: int
    ) -> Sequence[ScannedEvent]:
        """Return the events of those lines of (actor, number) documents that several events report.

        The first recorded, and `events_max` at most.
        """
        ...

    async def packed_into(self, containers: Collection[str]) -> Mapping[str, Sequence[str]]:
        """Return, per container, every code that a pack event ever put into it."""
        ...

    async def regulators(self) -> frozenset[str]:
        """Return the parties whose voids count for events of others."""
        ...


class Log(Protocol):
    def snapshot(self) -> AbstractAsyncContextManager[LogSnapshot]:
        """Open the log for reading: whatever is asked inside is answered for one moment."""
        ...


class CaptureReader(Protocol):
    """Captures and what could not be understood in them."""

    async def capture(self, capture_id: UUID) -> CaptureSummary | None: ...

    async def captures(
        self, party_id: str | None, before: UUID | None, limit: int
    ) -> Sequence[CaptureSummary]:
        """Return captures of a party, or of all, newest first, from before a capture id."""
        ...

    async def rejections(self, capture_id: UUID, after: int, limit: int) -> Sequence[Rejection]:
        """Return a capture's rejections in order, from behind an ordinal (-1: from the start)."""
        ...


class FindingReader(Protocol):
    """Findings as the projection holds them now, and the journal of how they came and went."""

    async def findings(
        self, query: FindingQuery, before: FindingPlace | None, limit: int
    ) -> Sequence[StoredFinding]:
        """Return findings that match, newest first, from before a place in that order."""
        ...

    async def finding(self, finding_id: UUID) -> StoredFinding | None: ...

    async def subjects(
        self, finding_id: UUID, after: tuple[str, bytes] | None, limit: int
    ) -> Sequence[StoredSubject]:
        """Return a finding's subjects by subject and event digest, from behind such a pair."""
        ...

    async def changes(self, finding_id: UUID, after: int, limit: int) -> Sequence[FindingChange]:
        """Return the journal of a finding in order, from behind a change id (0: from the start)."""
        ...

    async def held_against(
        self, subjects: Collection[str], rule_id: str
    ) -> Sequence[FindingSubject]:
        """Return what one rule holds against these subjects now."""
        ...
