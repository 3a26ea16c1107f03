"""The log as questions read it: by code, by document and by what voids what, at one moment."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from tracesvc.domain.custody import LEVELS_MAX
from tracesvc.domain.errors import TooLarge
from tracesvc.domain.events import ScannedEvent, TraceEvent
from tracesvc.domain.ledger import Scan
from tracesvc.domain.vocabulary import Role
from tracesvc.sql import load
from tracesvc.store.event_rows import event_from_row
from tracesvc.store.pool import Connection, Pool, acquired
from tracesvc.wire.stored import decode_body

if TYPE_CHECKING:
    from uuid import UUID

    import asyncpg

_SQL: Final = load("history")
_ROLES: Final = {role.value: role for role in Role}


class History:
    """The log for reading, on one pool."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator["Snapshot"]:
        """Lend the log as it is at the first read: one snapshot for every read until the end.

        Without it a bill that is committed between the read of a unit and that of its carton would
        be in the history of one and not of the other.
        """
        async with (
            acquired(self._pool) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield Snapshot(connection)


class Snapshot:
    """One read-only transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def histories(
        self, trace_codes: Collection[str], scans_max: int
    ) -> Mapping[str, Sequence[Scan]]:
        """Read codes and, in the same round trip, every container they were ever in."""
        rows = await self._connection.fetch(
            _SQL["code_history"], list(trace_codes), LEVELS_MAX, scans_max + 1
        )
        heads: dict[UUID, TraceEvent] = {}
        found: dict[str, list[Scan]] = {}
        scans = 0
        for row in rows:
            trace_code = row[25]
            if trace_code is None:
                heads[row[0]] = event_from_row(row)
                continue
            scans += 1
            found.setdefault(trace_code, []).append(Scan(heads[row[0]], _ROLES[row[26]]))
        if scans > scans_max:
            raise TooLarge("more scans are on record than one answer may read", limit=scans_max)
        return found

    async def voids_of(self, digests: Collection[bytes]) -> Sequence[TraceEvent]:
        rows = await self._connection.fetch(_SQL["voids_of"], list(digests))
        return [event_from_row(row) for row in rows]

    async def contested(
        self, documents: Collection[tuple[str, str]], events_max: int
    ) -> Sequence[ScannedEvent]:
        rows = await self._connection.fetch(
            _SQL["contested"],
            [actor for actor, _ in documents],
            [number for _, number in documents],
            events_max,
        )
        return [_scanned(row) for row in rows]

    async def packed_into(self, containers: Collection[str]) -> Mapping[str, Sequence[str]]:
        rows = await self._connection.fetch(_SQL["packs_into"], list(containers))
        found: dict[str, list[str]] = {}
        for parent, body in rows:
            found.setdefault(parent, []).extend(decode_body(body).codes)
        return found

    async def regulators(self) -> frozenset[str]:
        return frozenset(row[0] for row in await self._connection.fetch(_SQL["regulators"]))


def _scanned(row: "asyncpg.Record") -> ScannedEvent:
    body = decode_body(row[26])
    return ScannedEvent(
        event=event_from_row(row),
        ordinal=row[25],
        codes=body.codes,
        replacements=body.replacements,
        repeated=body.repeated,
    )
