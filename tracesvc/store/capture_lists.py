"""Uploads and their rejections, in pages."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final
from uuid import UUID

from tracesvc.domain.events import Rejection
from tracesvc.domain.lists import CaptureState, CaptureSummary
from tracesvc.sql import load
from tracesvc.store.pool import Pool, acquired

if TYPE_CHECKING:
    import asyncpg

_SQL: Final = load("capture_lists")
_NEWEST: Final = UUID(int=2**128 - 1)


class CaptureLists:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def capture(self, capture_id: UUID) -> CaptureSummary | None:
        async with acquired(self._pool) as connection:
            row = await connection.fetchrow(_SQL["capture"], capture_id)
        return None if row is None else _summary(row)

    async def captures(
        self, party_id: str | None, before: UUID | None, limit: int
    ) -> Sequence[CaptureSummary]:
        async with acquired(self._pool) as connection:
            if party_id is None:
                rows = await connection.fetch(_SQL["captures_of_all"], before or _NEWEST, limit)
            else:
                rows = await connection.fetch(
                    _SQL["captures_of_party"], before or _NEWEST, limit, party_id
                )
        return [_summary(row) for row in rows]

    async def rejections(self, capture_id: UUID, after: int, limit: int) -> Sequence[Rejection]:
        async with acquired(self._pool) as connection:
            rows = await connection.fetch(_SQL["rejections"], capture_id, after, limit)
        return [Rejection(**dict(row)) for row in rows]


def _summary(row: "asyncpg.Record") -> CaptureSummary:
    facts = dict(row)
    projected = facts.pop("projected")
    return CaptureSummary(**facts, state=_state(facts["log_index"], projected))


def _state(log_index: int | None, projected: int | None) -> CaptureState:
    """A promise about what is true already; the projection's table is empty during its first turn."""
    if log_index is None:
        return "stored"
    return "sequenced" if projected is None or log_index > projected else "projected"
