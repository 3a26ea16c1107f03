"""The projector's ports over plain dictionaries, so that its logic can be tried a thousand times a second.

The same projector runs on Postgres in tests/integration; these only hold its arithmetic to account.
"""

from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from tests.builders import RECORDED
from tracesvc.domain.custody import CustodyState, effective
from tracesvc.domain.events import ScannedEvent, TraceEvent
from tracesvc.domain.findings import FindingSubject, SubjectKey
from tracesvc.domain.ledger import Scan
from tracesvc.domain.projection import Changes, Cohort, FindingCounts, LoggedCapture, Membership
from tracesvc.domain.rules.bill_reuse import DocumentLine
from tracesvc.domain.vocabulary import Kind
from tracesvc.project.projector import Projector, ProjectorLimits


class MemoryLog:
    """Captures in log order; an event that is in the log already is left out, as the log does."""

    def __init__(self, captures: Iterable[Iterable[ScannedEvent]]) -> None:
        seen: set[bytes] = set()
        self.captures: list[LoggedCapture] = []
        for index, events in enumerate(captures):
            fresh = []
            for one in events:
                if one.event.digest not in seen:
                    seen.add(one.event.digest)
                    fresh.append(one)
            capture_id = fresh[0].event.event_id if fresh else RECORDED_ID
            self.captures.append(LoggedCapture(capture_id, index, fresh))

    def _upto(self, upto: int) -> Iterable[ScannedEvent]:
        return (one for c in self.captures[: upto + 1] for one in c.events)

    async def page_after(self, log_index: int, scans_max: int) -> list[LoggedCapture]:
        page: list[LoggedCapture] = []
        scans = 0
        for capture in self.captures[log_index + 1 :]:
            scans += sum(one.scan_count for one in capture.events)
            if page and scans > scans_max:
                break
            page.append(capture)
        return page

    async def histories(self, trace_codes: Collection[str], upto: int) -> dict[str, list[Scan]]:
        found: dict[str, list[Scan]] = {c: [] for c in trace_codes}
        for one in self._upto(upto):
            for role, codes in one.parts():
                for trace_code in codes:
                    if trace_code in found:
                        found[trace_code].append(Scan(one.event, role))
        return found

    async def packed_into(self, containers: Collection[str], upto: int) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {c: set() for c in containers}
        for one in self._upto(upto):
            if one.event.kind is Kind.PACK and one.event.parent in found:
                found[one.event.parent].update(one.codes)
        return found

    async def voids_of(self, digests: Collection[bytes], upto: int) -> list[TraceEvent]:
        return [one.event for one in self._upto(upto) if one.event.voids in digests]

    async def events_by_digest(self, digests: Collection[bytes], upto: int) -> list[ScannedEvent]:
        return [one for one in self._upto(upto) if one.event.digest in digests]


class MemoryTables:
    """The custody view. Writing goes through `save` alone, as on Postgres."""

    def __init__(self, regulators: frozenset[str] = frozenset()) -> None:
        self.log_index = -1
        self.next_cohort_id = 1
        self.custody: dict[str, int] = {}
        self.inside_seen: dict[str, datetime] = {}
        self.cohort: dict[int, Cohort] = {}
        self.subjects: dict[SubjectKey, FindingSubject] = {}
        self.documents: set[tuple[DocumentLine, bytes]] = set()
        self._regulators = regulators

    @asynccontextmanager
    async def turn(self) -> AsyncIterator["MemoryTables"]:
        yield self

    async def regulators(self) -> frozenset[str]:
        return self._regulators

    async def members(self, trace_codes: Collection[str]) -> list[Membership]:
        return [
            Membership(
                self.custody[c],
                [c],
                [c] if c in self.inside_seen else [],
                [self.inside_seen[c]] if c in self.inside_seen else [],
            )
            for c in trace_codes
            if c in self.custody
        ]

    async def cohorts(self, cohort_ids: Collection[int]) -> list[Cohort]:
        return [replace(self.cohort[i], is_stored=True, is_changed=False) for i in cohort_ids]

    async def subjects_of(self, subjects: Collection[str]) -> list[FindingSubject]:
        return [s for k, s in self.subjects.items() if k.subject in subjects]

    async def document_events(
        self, documents: Collection[tuple[str, str]]
    ) -> list[tuple[DocumentLine, bytes]]:
        return [d for d in self.documents if (d[0].actor, d[0].number) in documents]

    async def save(self, changes: Changes) -> FindingCounts:
        assert not changes.created.keys() & self.custody.keys()
        assert changes.moved.keys() <= self.custody.keys()
        assert changes.inside_seen.keys() <= self.custody.keys() | changes.created.keys()
        self.custody.update(changes.created)
        self.custody.update(changes.moved)
        for trace_code, seen in changes.inside_seen.items():
            self.inside_seen[trace_code] = max(self.inside_seen.get(trace_code, seen), seen)
        for cohort in changes.cohorts:
            assert cohort.is_stored == (cohort.cohort_id in self.cohort)
            self.cohort[cohort.cohort_id] = cohort
        for cohort_id in changes.emptied_cohorts:
            del self.cohort[cohort_id]
        for key in changes.removed:
            self.subjects.pop(key, None)
        self.subjects.update({k: s for k, (s, _) in changes.added.items()})
        self.documents.update(changes.documents)
        self.log_index, self.next_cohort_id = changes.log_index, changes.next_cohort_id
        return FindingCounts({}, {})

    def states(self) -> dict[str, CustodyState]:
        """Return every code's own state."""
        return {c: self.cohort[i].state for c, i in self.custody.items()}

    def effective_states(self) -> dict[str, CustodyState]:
        own = self.states()
        return {c: effective(c, state, own.get) for c, state in own.items()}

    def is_consistent(self) -> bool:
        """Say whether cohort counts match their members and no cohort is empty."""
        counts: dict[int, int] = {}
        for cohort_id in self.custody.values():
            counts[cohort_id] = counts.get(cohort_id, 0) + 1
        return counts == {i: cohort.code_count for i, cohort in self.cohort.items()}


RECORDED_ID = UUID(int=0)


class FixedClock:
    def now(self) -> datetime:
        return RECORDED


async def projected(
    captures: Iterable[Iterable[ScannedEvent]],
    *,
    scans_max: int = 20_000,
    regulators: frozenset[str] = frozenset(),
) -> MemoryTables:
    """Run the projector over captures until nothing is left."""
    tables = MemoryTables(regulators)
    projector = Projector(
        MemoryLog(captures),
        tables,
        clock=FixedClock(),
        limits=ProjectorLimits(turn_scans_max=scans_max),
    )
    while await projector.run_once():
        assert tables.is_consistent()
    return tables
