"""How events look as rows: what COPY sends, and what a row read back means."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from asyncpg.pgproto.pgproto import UUID as DriverUUID  # noqa: N811  (not a constant)

from tracesvc.domain.captures import NewCapture
from tracesvc.domain.events import Rejection, ScannedEvent, TraceEvent
from tracesvc.domain.vocabulary import Kind, Role

if TYPE_CHECKING:
    import asyncpg

EVENT_COLUMNS: Final = (
    "event_id", "capture_id", "ordinal", "digest", "kind", "reason", "bill_type", "event_time",
    "event_offset_min", "record_time", "actor_id", "from_id", "to_id", "owner_id", "carrier_id",
    "location", "document_number", "document_part", "product_code", "lot", "made_on", "expiry",
    "parent_code", "declared_count", "scan_count", "portion", "voids", "body",
)  # fmt: skip
SCAN_COLUMNS: Final = ("trace_code", "event_id", "role")
REJECTION_COLUMNS: Final = (
    "capture_id", "ordinal", "event_ordinal", "pointer", "line", "raw", "error_code", "detail",
)  # fmt: skip

KINDS: Final = {kind.value: kind for kind in Kind}


def event_ids(capture_id: UUID, ordinals: Iterable[int]) -> list[UUID]:
    """Return what `domain.ids.event_id_of` does, as the driver's own UUIDs, for many at once.

    Those are made and sent several times as fast, and every event has one in four columns.
    """
    base = capture_id.int + 1
    return [DriverUUID((base + ordinal).to_bytes(16, "big")) for ordinal in ordinals]


def event_row(
    scanned: ScannedEvent, capture: NewCapture, *, event_id: UUID, scans: int
) -> tuple[Any, ...]:
    """Return an event as a tuple in the order of `EVENT_COLUMNS`."""
    e = scanned.event
    return (
        event_id, capture.capture_id, scanned.ordinal, e.digest, e.kind, e.reason, e.bill_type,
        e.event_time, e.event_offset_min, capture.record_time, e.actor, e.from_party, e.to_party,
        e.owner, e.carrier, e.location, e.document_number, e.document_part, e.product, e.lot,
        e.made_on, e.expiry, e.parent, e.declared_count, scans, e.portion, e.voids,
        scanned.body.decode(),
    )  # fmt: skip


def event_from_row(row: "asyncpg.Record | Sequence[Any]") -> TraceEvent:
    """Return the head that the first 25 columns of the reading queries spell."""
    portion = row[23]
    return TraceEvent(
        event_id=row[0],
        digest=row[1],
        kind=KINDS[row[2]],
        reason=row[3],
        bill_type=row[4],
        event_time=row[5],
        event_offset_min=row[6],
        record_time=row[7],
        actor=row[8],
        from_party=row[9],
        to_party=row[10],
        owner=row[11],
        carrier=row[12],
        location=row[13],
        document_number=row[14],
        document_part=row[15],
        product=row[16],
        lot=row[17],
        made_on=row[18],
        expiry=row[19],
        parent=row[20],
        declared_count=row[21],
        scan_count=row[22],
        portion=None if portion is None else (portion[0], portion[1]),
        voids=row[24],
    )


def scan_copy(parts: Iterable[tuple[UUID, Role, Sequence[str]]]) -> bytes:
    """Return scans, given by event and role, in COPY's binary format.

    The scans of an event differ in the code only, so each event is one `join` of its codes around
    what is the same in every row. Encoding 3,500 rows value by value takes some 20 times as long.
    """
    pieces = [_COPY_HEADER]
    for event_id, role, codes in parts:
        tail = _EVENT_ID_HEAD + event_id.bytes + _ROLE_FIELDS[role]
        encoded = [code.encode() for code in codes]
        lengths = {*map(len, encoded)}
        if len(lengths) == 1:
            head = _scan_head(lengths.pop())
            pieces += (head, (tail + head).join(encoded), tail)
        else:
            pieces += [_scan_head(len(code)) + code + tail for code in encoded]
    pieces.append(_COPY_TRAILER)
    return b"".join(pieces)


@cache
def _scan_head(length: int) -> bytes:
    """Return what stands before a code of `length` bytes: three fields follow, the first so long."""
    return b"\x00\x03" + length.to_bytes(4, "big")


_EVENT_ID_HEAD: Final = b"\x00\x00\x00\x10"
_ROLE_FIELDS: Final = {role: b"\x00\x00\x00\x02" + role.to_bytes(2, "big") for role in Role}
_COPY_HEADER: Final = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_COPY_TRAILER: Final = b"\xff\xff"


def rejection_row(capture_id: UUID, rejection: Rejection) -> tuple[Any, ...]:
    """Return a rejection in the order of `REJECTION_COLUMNS`."""
    return (
        capture_id, rejection.ordinal, rejection.event_ordinal, storable(rejection.pointer),
        rejection.line, storable(rejection.raw), rejection.error_code, storable(rejection.detail),
    )  # fmt: skip


def storable(text: str) -> str:
    r"""Return text as Postgres can hold it: a NUL and lone surrogates are written as escapes.

    Rejections carry what could not be read, so anything may be in them.
    """
    return text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")
