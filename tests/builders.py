"""Short, defaulted builders of events for tests; nothing here knows the database."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from tracesvc.domain.events import ScannedEvent, TraceEvent
from tracesvc.domain.ids import event_id_of, new_capture_id
from tracesvc.domain.ledger import Scan
from tracesvc.domain.vocabulary import Kind, bill_for
from tracesvc.wire.stored import canonical_body, digest_of

MAKER, DEALER, PHARMACY, HOSPITAL = "MAKER", "DEALER", "PHARMACY", "HOSPITAL"
START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
RECORDED = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


def at(hours: float) -> datetime:
    """Return the instant some hours after the tests' first morning."""
    return START + timedelta(hours=hours)


def scanned(
    kind: Kind | str,
    *codes: str,
    actor: str = MAKER,
    hours: float = 0.0,
    number: int = 0,
    record_time: datetime = RECORDED,
    **fields: Any,
) -> ScannedEvent:
    """Build an event as the wire would: identity from content, id from its place in a capture."""
    kind = Kind(kind)
    event_time = fields.pop("event_time", at(hours))
    repeated = tuple(fields.pop("repeated", ()))
    replacements = tuple(fields.pop("replacements", ()))
    facts = {
        "kind": kind,
        "actor": actor,
        "event_time": event_time,
        "codes": sorted(codes),
        "repeated": repeated,
        "replacements": replacements,
        **{k: v.hex() if isinstance(v, bytes) else v for k, v in fields.items()},
    }
    body = canonical_body({k: v for k, v in facts.items() if v not in (None, ())})
    digest = digest_of(body)
    bill = bill_for(kind, fields.get("reason"))
    event = TraceEvent(
        event_id=event_id_of(new_capture_id(1_780_000_000_000 + number, digest[:10]), ordinal=0),
        digest=digest,
        kind=kind,
        reason=fields.pop("reason", None),
        bill_type=None if bill is None else bill.number,
        event_time=event_time,
        event_offset_min=480,
        record_time=record_time,
        actor=actor,
        scan_count=len(codes) + len(replacements) + ("parent" in fields),
        **fields,
    )
    return ScannedEvent(
        event=event,
        ordinal=0,
        codes=tuple(codes),
        replacements=replacements,
        repeated=repeated,
        body=body,
    )


def activate(*codes: str, **fields: Any) -> ScannedEvent:
    defaults = {"product": "8123456", "lot": "L1", "expiry": date(2028, 1, 31)}
    return scanned(Kind.ACTIVATE, *codes, **{**defaults, **fields})


def pack(parent: str, *codes: str, **fields: Any) -> ScannedEvent:
    return scanned(Kind.PACK, *codes, parent=parent, **fields)


def ship(*codes: str, actor: str = MAKER, to: str = DEALER, **fields: Any) -> ScannedEvent:
    fields = {"reason": "sale", "from_party": actor, **fields}
    return scanned(Kind.SHIP, *codes, actor=actor, to_party=to, **fields)


def receive(*codes: str, actor: str = DEALER, sender: str = MAKER, **fields: Any) -> ScannedEvent:
    fields = {"reason": "purchase", "to_party": actor, **fields}
    return scanned(Kind.RECEIVE, *codes, actor=actor, from_party=sender, **fields)


def dispense(*codes: str, actor: str = PHARMACY, **fields: Any) -> ScannedEvent:
    return scanned(Kind.DISPENSE, *codes, actor=actor, **{"reason": "retail", **fields})


def void(target: ScannedEvent, **fields: Any) -> ScannedEvent:
    fields = {"actor": target.event.actor, "hours": 100.0, "reason": "did_not_occur", **fields}
    return scanned(Kind.VOID, voids=target.event.digest, **fields)


def histories(*events: ScannedEvent) -> dict[str, list[Scan]]:
    """Return the own history of every code that the events name."""
    found: dict[str, list[Scan]] = {}
    for one in events:
        for role, codes in one.parts():
            for trace_code in codes:
                found.setdefault(trace_code, []).append(Scan(one.event, role))
    return found
