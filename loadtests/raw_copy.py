"""What the service is measured against: asyncpg's COPY of the same rows into the same tables.

Nothing but the writing: rows are ready as tuples in memory, nothing is parsed, validated or hashed,
and nothing is looked up. One transaction per capture, with the same durability.
"""

import asyncio
import gc
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from loadtests.payloads import PARTY, Payload
from tracesvc.domain.captures import NewCapture
from tracesvc.domain.events import ScannedEvent
from tracesvc.domain.ids import RANDOM_BYTES, new_capture_id
from tracesvc.domain.merkle import root
from tracesvc.store.event_rows import EVENT_COLUMNS, SCAN_COLUMNS, event_ids, event_row
from tracesvc.store.pool import Connection, Pool
from tracesvc.telemetry import SystemClock
from tracesvc.wire.context import DecodeContext, WireLimits
from tracesvc.wire.decode import decode

_KEY_COLUMNS = ("party_id", "idempotency_key", "capture_id", "request_sha256")
_DIGEST_COLUMNS = ("digest", "event_id")
_CAPTURE_COLUMNS = (
    "capture_id", "party_id", "idempotency_key", "format", "on_error", "payload_sha256",
    "request_sha256", "record_time", "event_count", "scan_count", "duplicate_count",
    "rejection_count", "root_hash", "duplicates", "outcome",
)  # fmt: skip

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureRows:
    """The rows of one capture, table by table."""

    keys: Sequence[Row]
    captures: Sequence[Row]
    events: Sequence[Row]
    digests: Sequence[Row]
    scans: Sequence[Row]


def decoded(
    payload: Payload, *, party_id: str = PARTY, params: Mapping[str, str] | None = None
) -> tuple[NewCapture, list[ScannedEvent]]:
    """Return what the ingest stage hands to the log for an upload. Raises ValueError for a bad one."""
    now = SystemClock().now()
    capture_id = new_capture_id(int(now.timestamp() * 1000), os.urandom(RANDOM_BYTES))
    context = DecodeContext(
        capture_id=capture_id, record_time=now, party_id=party_id, params=params or {}
    )
    read = decode(payload.body, format=payload.format, context=context, limits=WireLimits())
    if read.rejections:
        raise ValueError(f"an upload of the load tests is wrong: {read.rejections[0]}")
    capture = NewCapture(
        capture_id=capture_id,
        party_id=party_id,
        idempotency_key=f"sha256:{read.payload_sha256.hex()}",
        format=read.format,
        on_error="rollback",
        payload_sha256=read.payload_sha256,
        request_sha256=read.payload_sha256,
        record_time=now,
    )
    return capture, read.events


def rows_of(
    payload: Payload, *, party_id: str = PARTY, params: Mapping[str, str] | None = None
) -> CaptureRows:
    """Return the rows that the service would write for an upload."""
    capture, read = decoded(payload, party_id=party_id, params=params)
    digests = [scanned.event.digest for scanned in read]
    ids = event_ids(capture.capture_id, [scanned.ordinal for scanned in read])
    events, scans = [], []
    for scanned, event_id in zip(read, ids, strict=True):
        own = [(code, event_id, int(role)) for role, codes in scanned.parts() for code in codes]
        events.append(event_row(scanned, capture, event_id=event_id, scans=len(own)))
        scans += own
    c = capture
    head: Row = (
        c.capture_id, party_id, c.idempotency_key, c.format, c.on_error, c.payload_sha256,
        c.request_sha256, c.record_time, len(events), len(scans), 0, 0, root(digests), [],
        "accepted",
    )  # fmt: skip
    return CaptureRows(
        keys=[(party_id, c.idempotency_key, c.capture_id, c.request_sha256)],
        captures=[head],
        events=events,
        digests=list(zip(digests, ids, strict=True)),
        scans=scans,
    )


async def copy_all(pool: Pool, captures: Iterable[CaptureRows], *, writers: int) -> float:
    """Write captures, `writers` at a time, and return the seconds until the last commit."""
    remaining = iter(captures)
    started = perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(writers):
            group.create_task(_copy_some(pool, remaining))
    return perf_counter() - started


class Undisturbed:
    """Keeps Python's garbage collector out of a measured block: both sides hold many rows in memory."""

    def __enter__(self) -> None:
        gc.collect()
        gc.disable()

    def __exit__(self, *_: object) -> None:
        gc.enable()


async def _copy_some(pool: Pool, remaining: Iterator[CaptureRows]) -> None:
    async with pool.acquire() as connection:
        for rows in remaining:
            async with connection.transaction():
                await _copy(connection, rows)


async def _copy(connection: Connection, rows: CaptureRows) -> None:
    for table, columns, records in (
        ("capture_key", _KEY_COLUMNS, rows.keys),
        ("event_digest", _DIGEST_COLUMNS, rows.digests),
        ("capture", _CAPTURE_COLUMNS, rows.captures),
        ("trace_event", EVENT_COLUMNS, rows.events),
        ("scan", SCAN_COLUMNS, rows.scans),
    ):
        await connection.copy_records_to_table(table, records=records, columns=columns)
