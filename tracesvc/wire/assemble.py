"""From a well-formed draft to an event of the log: meaning, defaults, codes, body and digest.

This is the hot path of every upload. Events that cannot be understood become rejections; nothing
is refused for being illegal, since illegal flow is exactly what must be on record.
"""

import re
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import orjson

from tracesvc.domain.events import ScannedEvent, TraceEvent
from tracesvc.domain.ids import event_id_of
from tracesvc.domain.vocabulary import VOIDING, BillType, Kind, bill_for, kind_for_bill
from tracesvc.wire.instant import CHINA_OFFSET_MIN, format_instant, parse_date, parse_instant
from tracesvc.wire.native import PortionV1
from tracesvc.wire.reading import Draft, Reading, pointer_to
from tracesvc.wire.scan_list import ScanList, read_parent, read_scans
from tracesvc.wire.stored import VOIDS_EVENT_ID, canonical_body, digest_of


class Refused(Exception):
    """An event cannot be understood: the error code, the field at fault and what it holds."""

    def __init__(self, error_code: str, field: str, raw: object = None) -> None:
        super().__init__(error_code)
        self.error_code = error_code
        self.field = field
        self.raw = raw


def assemble(draft: Draft, reading: Reading) -> ScannedEvent | None:
    """Make an event of a draft; None, and rejections in `reading`, where that is impossible.

    Bad codes are rejected one by one and the event stands on the others; if none is left, or a pack
    has lost its parent, there is no event. Raises TooLarge beyond the limits.
    """
    try:
        return _assemble(draft, reading)
    except Refused as refused:
        reading.reject(
            refused.error_code,
            refused.raw,
            ordinal=draft.ordinal,
            pointer=pointer_to(draft.pointer, refused.field),
            line=draft.line,
        )
        return None


def _assemble(draft: Draft, reading: Reading) -> ScannedEvent | None:
    """Settle the facts, field by field, into what the canonical body says."""
    # Null, empty text, empty list and empty object are all absent; a count of zero is not.
    facts: dict[str, Any] = {
        name: value for name, value in draft.facts.items() if value or value == 0
    }
    kind, bill = _settle_meaning(facts)
    _check_needs(kind, bill, facts)
    instant, offset_min = _settle_time(facts)
    _settle_parties(facts, kind, reading.context.party_id)
    _settle_rest(facts, reading)
    scans = read_scans(draft, reading)
    parent = read_parent(draft, reading) if "parent" in facts else None
    if (not scans.codes and kind not in VOIDING) or (parent is None and kind in _PACKING):
        return None
    _settle_codes(facts, scans, parent)
    body = _sealed(facts)
    get = facts.get
    document = facts.get("document", _NO_DOCUMENT)
    voids = get("voids")
    event = TraceEvent(
        event_id=event_id_of(reading.context.capture_id, draft.ordinal),
        digest=digest_of(body),
        kind=kind,
        reason=get("reason"),
        bill_type=bill.number if bill else None,
        event_time=instant,
        event_offset_min=offset_min,
        record_time=reading.context.record_time,
        actor=facts["actor"],
        from_party=get("from"),
        to_party=get("to"),
        owner=get("owner"),
        carrier=get("carrier"),
        location=get("location"),
        document_number=document.get("number"),
        document_part=document.get("part"),
        product=get("product"),
        lot=get("lot"),
        made_on=get("made_on"),
        expiry=get("expiry"),
        parent=parent,
        declared_count=get("declared_count"),
        scan_count=len(scans.codes) + len(scans.replacements) + (parent is not None),
        portion=get("portion"),
        voids=bytes.fromhex(voids) if voids else None,
    )
    return ScannedEvent(
        event=event,
        ordinal=draft.ordinal,
        codes=scans.codes,
        replacements=scans.replacements,
        repeated=scans.repeated,
        attributes=get("attributes"),
        body=body,
    )


_PACKING: Final = frozenset({Kind.PACK, Kind.UNPACK})
_NO_DOCUMENT: Final[dict[str, str]] = {}


def _settle_meaning(facts: dict[str, Any]) -> tuple[Kind, BillType | None]:
    """Agree on kind, reason and bill type, which say the same thing and may not contradict."""
    number = facts.pop("bill_type", None)
    kind: Kind | None = facts.get("kind")
    reason = facts.get("reason")
    if number is None:
        if kind is None:
            raise Refused("no_kind", "kind")
        return kind, bill_for(kind, reason)
    bill = kind_for_bill(number)
    if bill is None:
        raise Refused("unknown_bill_type", "bill_type", number)
    if kind not in {None, bill.kind} or reason not in {None, bill.reason}:
        raise Refused("bill_type_mismatch", "bill_type", number)
    facts["kind"], facts["reason"] = bill.kind, bill.reason
    return bill.kind, bill


_ONLY_FOR: Final = (
    ("parent", _PACKING),
    ("replacements", frozenset({Kind.RELABEL})),
    ("portion", frozenset({Kind.DISPENSE_PARTIAL})),
    ("voids", VOIDING),
)
_SPECIAL: Final = frozenset(field for field, _ in _ONLY_FOR)


def _check_needs(kind: Kind, bill: BillType | None, facts: dict[str, Any]) -> None:
    """Refuse an event that lacks what its kind cannot do without, or has what it has no place for."""
    if not _SPECIAL.isdisjoint(facts):
        _check_special(kind, facts)
    if kind in VOIDING:
        if "codes" in facts:
            raise Refused("codes_not_expected", "codes", facts["codes"])
        if "voids" not in facts:
            raise Refused("no_voids", "voids")
    elif "codes" not in facts:
        raise Refused("no_codes", "codes")
    if kind in _PACKING and "parent" not in facts:
        raise Refused("no_parent", "parent")
    if kind is Kind.RELABEL and len(facts.get("replacements", ())) != len(facts["codes"]):
        raise Refused("replacements_mismatch", "replacements", facts.get("replacements"))
    if kind is Kind.SHIP and "to" not in facts and (bill is None or bill.has_counterparty):
        raise Refused("no_counterparty", "to")


def _check_special(kind: Kind, facts: dict[str, Any]) -> None:
    for field, kinds in _ONLY_FOR:
        if field in facts and kind not in kinds:
            raise Refused("field_not_for_kind", field, facts[field])


def _settle_time(facts: dict[str, Any]) -> tuple[datetime, int]:
    text = facts.get("event_time", "")
    moment = parse_instant(text)
    if moment is None:
        raise Refused("bad_time" if text else "no_event_time", "event_time", text)
    facts["event_time"] = format_instant(moment[0])
    if moment[1] != CHINA_OFFSET_MIN:
        facts["event_offset_min"] = moment[1]
    return moment


def _settle_parties(facts: dict[str, Any], kind: Kind, uploader: str) -> None:
    """Name the parties that go without saying: they are part of the fact, so they go into the body."""
    actor = facts.setdefault("actor", uploader)
    if kind is Kind.SHIP:
        facts.setdefault("from", actor)
    elif kind is Kind.RECEIVE:
        facts.setdefault("to", actor)


_SETTLED_APART: Final = frozenset({"made_on", "expiry", "portion", "attributes", "voids"})


def _settle_rest(facts: dict[str, Any], reading: Reading) -> None:
    if "document" in facts:
        document = {name: text for name, text in facts["document"].items() if text}
        facts["document"] = document
        if "number" not in document:
            del facts["document"]
    if _SETTLED_APART.isdisjoint(facts):
        return
    for field in ("made_on", "expiry"):
        if field in facts:
            facts[field] = _day(facts[field], field)
    if "portion" in facts:
        facts["portion"] = _portion(facts["portion"])
    if "attributes" in facts:
        _check_attributes(facts["attributes"], reading)
    if "voids" in facts:
        _settle_voids(facts)


def _day(text: str, field: str) -> date:
    day = parse_date(text, month_is_end=field == "expiry")
    if day is None:
        raise Refused("bad_date", field, text)
    return day


_PORTION: Final = re.compile(r"\s*([0-9]{1,6})\s*/\s*([0-9]{1,6})\s*")


def _portion(value: str | list[int] | PortionV1) -> tuple[int, int]:
    match value:
        case str():
            found = _PORTION.fullmatch(value)
            taken, whole = map(int, found.groups()) if found else (0, 0)
        case [taken, whole]:
            pass
        case {"numerator": taken, "denominator": whole}:
            pass
        case _:
            taken, whole = 0, 0
    if not 0 < taken <= whole < 10**6:
        raise Refused("bad_portion", "portion", value)
    return taken, whole


def _check_attributes(attributes: dict[str, Any], reading: Reading) -> None:
    try:
        text = orjson.dumps(attributes)
    except TypeError:
        raise Refused("bad_attributes", "attributes", attributes) from None
    # Numbers without a JSON form (NaN) would be written as null, and no database text holds NUL.
    if orjson.loads(text) != attributes or b"\\u0000" in text or VOIDS_EVENT_ID in attributes:
        raise Refused("bad_attributes", "attributes", attributes)
    if len(text) > reading.limits.attributes_bytes_max:
        raise Refused("attributes_too_large", "attributes", len(text))


_DIGEST: Final = re.compile(r"[0-9a-fA-F]{64}")


def _settle_voids(facts: dict[str, Any]) -> None:
    """Keep a digest; put an event id among the attributes, from where ingest resolves it."""
    text = facts["voids"]
    if _DIGEST.fullmatch(text):
        facts["voids"] = text.lower()
        return
    try:
        event_id = UUID(text)
    except ValueError:
        raise Refused("bad_voids", "voids", text) from None
    del facts["voids"]
    facts["attributes"] = {**facts.get("attributes", {}), VOIDS_EVENT_ID: str(event_id)}


def _settle_codes(facts: dict[str, Any], scans: ScanList, parent: str | None) -> None:
    """Put the canonical codes in place of the raw ones, sorted: scan order is no part of the fact."""
    codes = scans.codes
    if parent is not None:
        if parent in codes:
            raise Refused("parent_in_codes", "parent", parent)
        facts["parent"] = parent
    if scans.replacements:
        pairs = sorted(zip(codes, scans.replacements, strict=True))
        facts["codes"], facts["replacements"] = zip(*pairs, strict=True)
    elif codes:
        facts["codes"] = sorted(codes) if len(codes) > 1 else codes
    if scans.repeated:
        facts["repeated"] = scans.repeated
    if scans.inferred:
        facts["inferred"] = scans.inferred
    if scans.raw:
        facts["raw"] = scans.raw


_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def _sealed(facts: dict[str, Any]) -> bytes:
    """Write the canonical body. Refuse control characters in what becomes columns of the log."""
    try:
        body = canonical_body(facts)
    except TypeError as error:
        raise Refused("bad_text", "", str(error)) from None
    # JSON escapes control characters, quotes and backslashes only: rarely is there one to look for.
    if b"\\" in body or b"\x7f" in body:
        texts = {**facts, **facts.get("document", {})}
        for field, value in texts.items():
            if isinstance(value, str) and _CONTROL.search(value):
                raise Refused("bad_text", "document" if field in _IN_DOCUMENT else field, value)
    return body


_IN_DOCUMENT: Final = frozenset({"number", "part"})
