"""The log as the projector reads it: by log index, and never beyond it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import Any, Final
from uuid import UUID

import asyncpg

from tracesvc.domain.events import ScannedEvent, TraceEvent
from tracesvc.domain.ids import capture_range
from tracesvc.domain.ledger import Scan
from tracesvc.domain.projection import LoggedCapture
from tracesvc.domain.vocabulary import Role
from tracesvc.sql import load
from tracesvc.store.event_rows import event_from_row
from tracesvc.store.pool import Pool, acquired
from tracesvc.wire.stored import decode_body

_SQL: Final = load("projection_log")
_KEYS_MAX: Final = 5_000
"""Keys in one ANY list. Long lists plan badly, and on a cluster every list goes to every shard."""
_CAPTURES_MAX: Final = 2_000


class ProjectionLog:
    """Reads for the projector; each sees the log up to a log index and so never changes its answer."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def page_after(self, log_index: int, scans_max: int) -> list[LoggedCapture]:
        """Return the next captures in log order: as many as hold about `scans_max` scans, or one."""
        async with acquired(self._pool) as connection:
            rows = await connection.fetch(_SQL["captures_page"], log_index, _CAPTURES_MAX)
            chosen = _within(rows, scans_max)
            spans = [capture_range(capture_id) for capture_id, _ in chosen]
            events = await connection.fetch(
                _SQL["events_of_captures"],
                [first for first, _ in spans],
                [last for _, last in spans],
            )
        by_capture: defaultdict[UUID, list[ScannedEvent]] = defaultdict(list)
        for row in events:
            by_capture[row[25]].append(_scanned(row))
        return [
            LoggedCapture(capture_id, index, by_capture[capture_id])
            for capture_id, index in chosen
        ]

    async def histories(self, trace_codes: Collection[str], upto: int) -> dict[str, list[Scan]]:
        """Return every scan of the codes up to a log index, in no particular order."""
        async with acquired(self._pool) as connection:
            scans = [
                row
                for keys in _chunks(trace_codes)
                for row in await connection.fetch(_SQL["scans_of_codes"], keys)
            ]
            heads: dict[UUID, TraceEvent] = {}
            for keys in _chunks({row[1] for row in scans}):
                for row in await connection.fetch(_SQL["heads_upto"], keys, upto):
                    heads[row[0]] = event_from_row(row)
        found: dict[str, list[Scan]] = {trace_code: [] for trace_code in trace_codes}
        for trace_code, event_id, role in scans:
            head = heads.get(event_id)
            if head is not None:
                found[trace_code].append(Scan(head, _ROLES[role]))
        return found

    async def packed_into(self, containers: Collection[str], upto: int) -> dict[str, set[str]]:
        """Return, per container, every code that a pack event ever put into it."""
        found: dict[str, set[str]] = {container: set() for container in containers}
        async with acquired(self._pool) as connection:
            for keys in _chunks(containers):
                for parent, body in await connection.fetch(_SQL["packs_upto"], keys, upto):
                    found[parent].update(decode_body(body).codes)
        return found

    async def voids_of(self, digests: Collection[bytes], upto: int) -> list[TraceEvent]:
        """Return the voids and corrections that name any of the events."""
        async with acquired(self._pool) as connection:
            return [
                event_from_row(row)
                for keys in _chunks(digests)
                for row in await connection.fetch(_SQL["voids_upto"], keys, upto)
            ]

    async def events_by_digest(self, digests: Collection[bytes], upto: int) -> list[ScannedEvent]:
        """Return the events with these digests that the log holds up to a log index."""
        async with acquired(self._pool) as connection:
            return [
                _scanned(row)
                for keys in _chunks(digests)
                for row in await connection.fetch(_SQL["events_of_digests"], keys, upto)
            ]

    async def end(self) -> int:
        """Return the last log index given out, -1 for an empty log."""
        async with acquired(self._pool) as connection:
            return int(await connection.fetchval(_SQL["log_end"]))


def _within(rows: Iterable[asyncpg.Record], scans_max: int) -> list[tuple[UUID, int]]:
    chosen: list[tuple[UUID, int]] = []
    scans = 0
    for capture_id, log_index, event_count, scan_count in rows:
        scans += event_count + scan_count
        if chosen and scans > scans_max:
            break
        chosen.append((capture_id, log_index))
    return chosen


def _scanned(row: asyncpg.Record) -> ScannedEvent:
    body = decode_body(row[27])
    return ScannedEvent(
        event=event_from_row(row),
        ordinal=row[26],
        codes=body.codes,
        replacements=body.replacements,
        repeated=body.repeated,
    )


def _chunks(keys: Iterable[Any]) -> Iterator[list[Any]]:
    rest = iter(keys)
    while chunk := list(islice(rest, _KEYS_MAX)):
        yield chunk


_ROLES: Final = {role.value: role for role in Role}
