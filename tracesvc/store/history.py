"""The log as questions read it: by code, by document and by what voids what, at one moment."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from tracesvc.domain.errors import TooLarge
from tracesvc.domain.events import ScannedEvent, TraceEvent
from tracesvc.domain.ledger import Scan
from tracesvc.domain.vocabulary import Role
from tracesvc.sql import load
from tracesvc.store.event_rows import event_from_row
from tracesvc.store.pool import Connection, Pool, acquired
from tracesvc.wire.stored import decode_body

if TYPE_CHECKING:
    import asyncpg

_SQL: Final = load("history")
_ROLES: Final = {role.value: role for role in Role}

JOINED_CODES_MAX: Final = 64
"""Above this many codes scans are read without their events: contents of a case share a few events."""


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
        if len(trace_codes) > JOINED_CODES_MAX:
            return await self._many_histories(list(trace_codes), scans_max)
        rows = await self._connection.fetch(_SQL["histories"], list(trace_codes), scans_max + 1)
        _refuse_more(len(rows), scans_max)
        heads: dict[Any, TraceEvent] = {}
        found: dict[str, list[Scan]] = {}
        for row in rows:
            # A bill that names several of the codes is read once, and shared.
            event = heads.get(row[0]) or heads.setdefault(row[0], event_from_row(row))
            found.setdefault(row[25], []).append(Scan(event, _ROLES[row[26]]))
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

    async def _many_histories(
        self, trace_codes: list[str], scans_max: int
    ) -> Mapping[str, Sequence[Scan]]:
        rows = await self._connection.fetch(_SQL["scans"], trace_codes, scans_max + 1)
        _refuse_more(len(rows), scans_max)
        ids = list({row[1] for row in rows})
        heads = {
            row[0]: event_from_row(row) for row in await self._connection.fetch(_SQL["heads"], ids)
        }
        found: dict[str, list[Scan]] = {}
        for trace_code, event_id, role in rows:
            found.setdefault(trace_code, []).append(Scan(heads[event_id], _ROLES[role]))
        return found


def _refuse_more(count: int, scans_max: int) -> None:
    if count > scans_max:
        raise TooLarge("more scans are on record than one answer may read", limit=scans_max)


def _scanned(row: "asyncpg.Record") -> ScannedEvent:
    body = decode_body(row[26])
    return ScannedEvent(
        event=event_from_row(row),
        ordinal=row[25],
        codes=body.codes,
        replacements=body.replacements,
        repeated=body.repeated,
    )
