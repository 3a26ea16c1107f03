"""Findings as the projection holds them, their subjects, and the journal of how they came and went."""

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from tracesvc.domain.findings import FindingSubject, SubjectKey
from tracesvc.domain.lists import (
    FindingChange,
    FindingFilters,
    FindingPlace,
    FindingQuery,
    StoredFinding,
    StoredSubject,
)
from tracesvc.domain.rules.base import Severity
from tracesvc.sql import load
from tracesvc.store.pool import Connection, Pool, acquired
from tracesvc.wire.states import decode_evidence

if TYPE_CHECKING:
    import asyncpg

_SQL: Final = load("finding_lists")


class FindingLists:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def findings(
        self, query: FindingQuery, before: FindingPlace | None, limit: int
    ) -> Sequence[StoredFinding]:
        given = _parameters(query, before, limit)
        async with acquired(self._pool) as connection:
            among = await _candidates(connection, query.filters)
            if among is None:
                rows = await connection.fetch(_SQL["newest"], *given)
            else:
                rows = await connection.fetch(_SQL["newest_among"], *given, list(among))
        return [_finding(row) for row in rows]

    async def finding(self, finding_id: UUID) -> StoredFinding | None:
        async with acquired(self._pool) as connection:
            row = await connection.fetchrow(_SQL["finding"], finding_id)
        return None if row is None else _finding(row)

    async def subjects(
        self, finding_id: UUID, after: tuple[str, bytes] | None, limit: int
    ) -> Sequence[StoredSubject]:
        subject, digest = after or ("", b"")
        async with acquired(self._pool) as connection:
            rows = await connection.fetch(_SQL["subjects"], finding_id, subject, digest, limit)
            found = [(row[0], row[1], decode_evidence(row[2])) for row in rows]
            digests = {d for _, own, evidence in found for d in (own, *evidence.events)}
            rows = await connection.fetch(_SQL["ids_of_digests"], list(digests))
        ids: dict[bytes, UUID] = {row[0]: row[1] for row in rows}
        return [
            StoredSubject(
                subject=name,
                event_digest=own,
                event_id=ids.get(own),
                events=tuple(ids[d] for d in evidence.events if d in ids),
                detail=dict(evidence.detail),
            )
            for name, own, evidence in found
        ]

    async def changes(self, finding_id: UUID, after: int, limit: int) -> Sequence[FindingChange]:
        async with acquired(self._pool) as connection:
            rows = await connection.fetch(_SQL["changes"], finding_id, after, limit)
        return [FindingChange(**dict(row)) for row in rows]

    async def held_against(
        self, subjects: Collection[str], rule_id: str
    ) -> Sequence[FindingSubject]:
        async with acquired(self._pool) as connection:
            rows = await connection.fetch(_SQL["held_against"], list(subjects), rule_id)
        return [
            FindingSubject(
                key=SubjectKey(*row[:3]), finding_id=row[3], evidence=decode_evidence(row[4])
            )
            for row in rows
        ]


async def _candidates(connection: Connection, filters: FindingFilters) -> Iterable[UUID] | None:
    """Return the few findings that a code or an upload is about; None where neither is asked for."""
    among: set[UUID] | None = None
    for name, key in (
        (_SQL["about_code"], filters.trace_code),
        (_SQL["raised_by_capture"], filters.capture_id),
    ):
        if key is not None:
            found = {row[0] for row in await connection.fetch(name, key)}
            among = found if among is None else among & found
    return among


def _parameters(query: FindingQuery, before: FindingPlace | None, limit: int) -> tuple[Any, ...]:
    f = query.filters
    opens_time, finding_id = before or (None, None)
    return (
        opens_time, finding_id, limit, query.viewer_party, query.now, f.state, f.rule_id,
        f.severity, f.party_id, f.region, f.product, f.lot, f.document, f.event_from,
        f.event_until,
    )  # fmt: skip


def _finding(row: "asyncpg.Record") -> StoredFinding:
    return StoredFinding(
        finding_id=row[0],
        rule_id=row[1],
        rule_version=row[2],
        severity=Severity(row[3]),
        actor=row[4],
        from_party=row[5],
        to_party=row[6],
        document=row[7],
        product=row[8],
        lot=row[9],
        event_id=row[10],
        event_time=row[11],
        opens_time=row[12],
        subject_count=row[13],
        detail=dict(decode_evidence(row[14]).detail),
    )
