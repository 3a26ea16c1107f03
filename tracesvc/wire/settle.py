"""What an event says beside its time, codes and document, judged field by field and made definite."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson

from tracesvc.domain.vocabulary import VOIDING, BillType, Kind, bill_for, kind_for_bill
from tracesvc.wire.instant import parse_date
from tracesvc.wire.native import PortionV1
from tracesvc.wire.reading import Reading
from tracesvc.wire.stored import VOIDS_EVENT_ID


class Refused(Exception):
    """An event cannot be understood: the error code, the field at fault and what it holds."""

    def __init__(self, error_code: str, field: str, raw: object = None) -> None:
        super().__init__(error_code)
        self.error_code = error_code
        self.field = field
        self.raw = raw


def understand(facts: dict[str, Any], *, codes: Sequence[str]) -> tuple[Kind, BillType | None]:
    """Return what happened; `facts` then has kind and reason and no bill type.

    Raises Refused where that cannot be told, or where the event lacks what its kind cannot do without.
    """
    kind, bill = _settle_meaning(facts)
    _check_needs(kind, bill, facts, codes=codes)
    return kind, bill


class Settled(NamedTuple):
    """The definite facts: as the canonical body has them, and by the names of TraceEvent.

    Parent and replacements are still the raw scans in the one, and absent from the other.
    """

    kind: Kind
    facts: dict[str, Any]
    head: dict[str, Any]


def settle(
    facts: dict[str, Any], kind: Kind, bill: BillType | None, *, reading: Reading
) -> Settled:
    """Settle what `understand` has let through; `facts` is changed. Raises Refused."""
    _settle_parties(facts, kind, reading.context.party_id)
    if not _SETTLED_APART.isdisjoint(facts):
        _settle_apart(facts, reading)
    head = {_HEAD[name]: value for name, value in facts.items() if name in _HEAD}
    head |= {
        "kind": kind,
        "reason": facts.get("reason"),
        "bill_type": bill.number if bill else None,
        "record_time": reading.context.record_time,
    }
    if "voids" in facts:
        head["voids"] = bytes.fromhex(facts["voids"])
    return Settled(kind, facts, head)


# What is absent stays out of the head: to pass two dozen of None takes 1 µs an event.
_HEAD: Final = {
    "actor": "actor",
    "from": "from_party",
    "to": "to_party",
    "owner": "owner",
    "carrier": "carrier",
    "location": "location",
    "product": "product",
    "lot": "lot",
    "made_on": "made_on",
    "expiry": "expiry",
    "declared_count": "declared_count",
    "portion": "portion",
}


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


PACKING: Final = frozenset({Kind.PACK, Kind.UNPACK})
_ONLY_FOR: Final = (
    ("parent", PACKING),
    ("replacements", frozenset({Kind.RELABEL})),
    ("portion", frozenset({Kind.DISPENSE_PARTIAL})),
    ("voids", VOIDING),
)
SPECIAL: Final = frozenset(field for field, _ in _ONLY_FOR)
"""Fields that belong to events of certain kinds only."""


def _check_needs(
    kind: Kind, bill: BillType | None, facts: dict[str, Any], *, codes: Sequence[str]
) -> None:
    """Refuse an event that lacks what its kind cannot do without, or has what it has no place for."""
    if not SPECIAL.isdisjoint(facts):
        _check_special(kind, facts)
    if kind in VOIDING:
        if codes:
            raise Refused("codes_not_expected", "codes", codes)
        if "voids" not in facts:
            raise Refused("no_voids", "voids")
    elif not codes:
        raise Refused("no_codes", "codes")
    if kind in PACKING and "parent" not in facts:
        raise Refused("no_parent", "parent")
    if kind is Kind.RELABEL and len(facts.get("replacements", ())) != len(codes):
        raise Refused("replacements_mismatch", "replacements", facts.get("replacements"))
    if kind is Kind.SHIP and "to" not in facts and (bill is None or bill.has_counterparty):
        raise Refused("no_counterparty", "to")


def _check_special(kind: Kind, facts: dict[str, Any]) -> None:
    for field, kinds in _ONLY_FOR:
        if field in facts and kind not in kinds:
            raise Refused("field_not_for_kind", field, facts[field])


def _settle_parties(facts: dict[str, Any], kind: Kind, uploader: str) -> None:
    """Name the parties that go without saying: they are part of the fact, so they go into the body."""
    actor = facts.setdefault("actor", uploader)
    if kind is Kind.SHIP:
        facts.setdefault("from", actor)
    elif kind is Kind.RECEIVE:
        facts.setdefault("to", actor)


_SETTLED_APART: Final = frozenset({"made_on", "expiry", "portion", "attributes", "voids"})


def _settle_apart(facts: dict[str, Any], reading: Reading) -> None:
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
