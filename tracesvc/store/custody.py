"""The custody view: what the projector reads and writes, one transaction a turn."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from itertools import islice
from typing import Any, Final
from uuid import UUID

from tracesvc.domain.errors import StoreUnavailable
from tracesvc.domain.findings import FindingGroup, FindingSubject, SubjectKey
from tracesvc.domain.projection import Cause, Changes, Cohort, FindingCounts, Membership
from tracesvc.domain.rules.bill_reuse import DocumentLine
from tracesvc.sql import load
from tracesvc.store.leader import Leader
from tracesvc.store.pool import Connection, Pool, acquired, store_errors
from tracesvc.wire.states import (
    decode_evidence,
    decode_state,
    encode_evidence,
    encode_state,
)

_SQL: Final = load("custody")
_KEYS_MAX: Final = 5_000

COHORT_COLUMNS: Final = (
    "cohort_id", "code_count", "state", "status", "holder_id", "product_code", "lot",
    "parent_code", "first_event_id", "last_event_id",
)  # fmt: skip


class CustodyTables:
    """The view's tables on one pool. Where they live is the pool's search path.

    With a leader, turns run on its connection and only while it leads; without one, on the pool.
    """

    def __init__(self, pool: Pool, *, leader: Leader | None = None) -> None:
        self._pool = pool
        self._leader = leader

    @asynccontextmanager
    async def turn(self) -> AsyncIterator["CustodyTurn | None"]:
        """Open a turn; None while another process projects.

        The checkpoint's row lock comes first. A rebuild that swaps the view holds it and then takes
        the row away: a turn that waited finds no row, gives up, and is begun again on the new view.
        So no turn reads from one view and writes to the other.
        """
        if self._leader is None:
            async with acquired(self._pool) as connection, _turn_on(connection) as turn:
                yield turn
            return
        leading = await self._leader.connection()
        if leading is None:
            yield None
            return
        with store_errors():
            async with _turn_on(leading) as turn:
                yield turn

    async def regulators(self) -> frozenset[str]:
        async with acquired(self._pool) as connection:
            return frozenset(row[0] for row in await connection.fetch(_SQL["regulators"]))

    async def checkpoint(self) -> int:
        """Return the last projected log index, -1 if none is."""
        async with acquired(self._pool) as connection:
            return int(await connection.fetchval(_SQL["checkpoint"]))

    async def digest(self) -> bytes:
        """Return a SHA-256 over custody, open findings and documents, whatever their order in store.

        Equal for two views that say the same. Cohort numbers and the journal are not in it: they
        tell how a view came about, not what it says.
        """
        async with acquired(self._pool) as connection:
            rows = await connection.fetch(_SQL["view_digest"])
        text = "\n".join("|".join(str(value) for value in row) for row in rows)
        return sha256(text.encode()).digest()


@asynccontextmanager
async def _turn_on(connection: Connection) -> AsyncIterator["CustodyTurn"]:
    async with connection.transaction():
        rows = await connection.fetch(_SQL["lock_checkpoint"])
        if not rows:
            raise StoreUnavailable("the view is being swapped for a rebuilt one")
        yield CustodyTurn(connection, rows[0][0], rows[0][1])


class CustodyTurn:
    """One turn's transaction."""

    def __init__(self, connection: Connection, log_index: int, next_cohort_id: int) -> None:
        self.log_index = log_index
        self.next_cohort_id = next_cohort_id
        self._connection = connection

    async def members(self, trace_codes: Collection[str]) -> list[Membership]:
        return [Membership(*row) for row in await self._fetch("members", trace_codes)]

    async def cohorts(self, cohort_ids: Collection[int]) -> list[Cohort]:
        return [
            Cohort(row[0], decode_state(row[1]), row[2], row[3], row[4], is_stored=True)
            for row in await self._fetch("cohorts", cohort_ids)
        ]

    async def subjects_of(self, subjects: Collection[str]) -> list[FindingSubject]:
        return [
            FindingSubject(
                key=SubjectKey(*row[:3]), finding_id=row[3], evidence=decode_evidence(row[4])
            )
            for row in await self._fetch("subjects_of", subjects)
        ]

    async def document_events(
        self, documents: Collection[tuple[str, str]]
    ) -> list[tuple[DocumentLine, bytes]]:
        rows = await self._connection.fetch(
            _SQL["document_events"], [d[0] for d in documents], [d[1] for d in documents]
        )
        return [(DocumentLine(*line.split("\x1f")), digest) for line, digest in rows]

    async def save(self, changes: Changes) -> FindingCounts:
        """Write a turn's changes and its checkpoint."""
        await self._save_cohorts(changes)
        await self._save_codes(changes)
        await self._save_documents(changes.documents)
        counts = await self._save_findings(changes)
        await self._connection.execute(
            _SQL["move_checkpoint"], changes.log_index, changes.next_cohort_id
        )
        return counts

    async def _fetch(self, query: str, keys: Iterable[Any]) -> list[Any]:
        return [
            row
            for chunk in _chunks(keys)
            for row in await self._connection.fetch(_SQL[query], chunk)
        ]

    async def _save_cohorts(self, changes: Changes) -> None:
        new = [_cohort_row(cohort) for cohort in changes.cohorts if not cohort.is_stored]
        if new:
            await self._connection.copy_records_to_table(
                "cohort", records=new, columns=COHORT_COLUMNS
            )
        old = [_cohort_row(cohort) for cohort in changes.cohorts if cohort.is_stored]
        if old:
            await self._connection.execute(_SQL["update_cohorts"], *_columns(old))
        if changes.emptied_cohorts:
            await self._connection.execute(_SQL["delete_cohorts"], changes.emptied_cohorts)

    async def _save_codes(self, changes: Changes) -> None:
        if changes.created:
            await self._connection.copy_records_to_table(
                "custody",
                records=[
                    (trace_code, cohort_id, changes.inside_seen.get(trace_code))
                    for trace_code, cohort_id in changes.created.items()
                ],
                columns=("trace_code", "cohort_id", "inside_seen_time"),
            )
        if changes.moved:
            await self._connection.execute(
                _SQL["move_codes"], list(changes.moved), list(changes.moved.values())
            )
        seen = [pair for pair in changes.inside_seen.items() if pair[0] not in changes.created]
        if seen:
            await self._connection.execute(_SQL["note_inside_seen"], *_columns(seen))

    async def _save_documents(self, documents: Sequence[tuple[DocumentLine, bytes]]) -> None:
        if documents:
            rows = [
                (line.actor, line.number, digest, "\x1f".join(line)) for line, digest in documents
            ]
            await self._connection.execute(_SQL["add_documents"], *_columns(rows))

    async def _save_findings(self, changes: Changes) -> FindingCounts:
        """Move subjects between findings, recount the findings, and journal what changed."""
        deltas: Counter[UUID] = Counter()
        causes: dict[UUID, Cause] = {}
        if changes.removed:
            gone = await self._connection.fetch(
                _SQL["remove_subjects"], *_columns([tuple(key) for key in changes.removed])
            )
            for row in gone:
                deltas[row[3]] -= 1
                causes[row[3]] = changes.removed[SubjectKey(*row[:3])]
        if changes.added:
            await self._ensure_findings(changes.groups, changes.added)
            rows = [
                (*key, subject.finding_id, encode_evidence(subject.evidence))
                for key, (subject, _) in changes.added.items()
            ]
            for row in await self._connection.fetch(_SQL["add_subjects"], *_columns(rows)):
                if row[4]:
                    deltas[row[3]] += 1
                    causes[row[3]] = changes.added[SubjectKey(*row[:3])][1]
        moved = {finding_id: delta for finding_id, delta in deltas.items() if delta}
        if not moved:
            return FindingCounts({}, {})
        counted = await self._connection.fetch(
            _SQL["count_subjects"], list(moved), list(moved.values())
        )
        return await self._journal(counted, moved, causes, changes)

    async def _ensure_findings(
        self,
        groups: Mapping[UUID, FindingGroup],
        added: Mapping[SubjectKey, tuple[FindingSubject, Cause]],
    ) -> None:
        details: dict[UUID, str] = {}
        for subject, _ in added.values():
            details.setdefault(subject.finding_id, encode_evidence(subject.evidence))
        rows = [_finding_row(groups[finding_id], detail) for finding_id, detail in details.items()]
        await self._connection.execute(_SQL["ensure_findings"], *_columns(rows))

    async def _journal(
        self,
        counted: Sequence[Any],
        deltas: Mapping[UUID, int],
        causes: Mapping[UUID, Cause],
        changes: Changes,
    ) -> FindingCounts:
        rows = []
        tally: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for finding_id, rule_id, now in counted:
            before = now - deltas[finding_id]
            change = "opened" if before == 0 else "withdrawn" if now == 0 else "changed"
            tally[change][rule_id] += 1
            cause = causes[finding_id]
            rows.append(
                (finding_id, change, now, cause.event_id, cause.capture_id, cause.log_index)
            )
        await self._connection.execute(_SQL["journal"], *_columns(rows), changes.record_time)
        return FindingCounts(tally["opened"], tally["withdrawn"])


def _cohort_row(cohort: Cohort) -> tuple[Any, ...]:
    state = cohort.state
    return (
        cohort.cohort_id,
        cohort.code_count,
        encode_state(state),
        state.possession.status.value,
        state.possession.holder,
        state.identity.product,
        state.identity.lot,
        state.parent,
        cohort.first_event_id,
        cohort.last_event_id,
    )


def _finding_row(group: FindingGroup, detail: str) -> tuple[Any, ...]:
    return (
        group.finding_id,
        group.rule.rule_id,
        group.rule.version,
        group.rule.severity.value,
        group.actor,
        group.from_party,
        group.to_party,
        group.document_number,
        group.product,
        group.lot,
        group.event_id,
        group.event_time,
        group.opens_time,
        detail,
    )


def _columns(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _chunks(keys: Iterable[Any]) -> Iterator[list[Any]]:
    rest = iter(keys)
    while chunk := list(islice(rest, _KEYS_MAX)):
        yield chunk
