"""What is missing in the way of one code: what somebody should have reported, told by what others did.

Goods that are received must have been shipped, goods that are shipped must arrive, and whoever
uses or passes on goods must have received them. Where the next event of a code presumes a report
that is not there, the code has a gap between the two events, and a party owes that report. A gap is
looked for one hop back only: what lies behind a missing report shows when the report is there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from tracesvc.domain.codes import CodeScheme, scheme_of
from tracesvc.domain.custody import (
    Possession,
    Step,
    expects_shipment,
    receiver_of,
    shipper_of,
)
from tracesvc.domain.events import TraceEvent
from tracesvc.domain.ledger import Ledger, Link
from tracesvc.domain.rules.packing_conflict import PARTIAL
from tracesvc.domain.vocabulary import TERMINAL, USES, Kind, Role, Status


class GapKind(StrEnum):
    """What is missing. The values appear in answers."""

    ACTIVATION_MISSING = "activation_missing"
    SHIPMENT_MISSING = "shipment_missing"
    RECEIPT_MISSING = "receipt_missing"
    RECEIPT_PENDING = "receipt_pending"
    CONTENTS_UNKNOWN = "contents_unknown"
    CONTENTS_INCOMPLETE = "contents_incomplete"


_TEXTS: Final[dict[GapKind, tuple[Kind, str, str]]] = {
    GapKind.ACTIVATION_MISSING: (Kind.ACTIVATE, "缺少赋码激活记录", "activation not reported"),
    GapKind.SHIPMENT_MISSING: (Kind.SHIP, "缺少出库记录", "shipment not reported"),
    GapKind.RECEIPT_MISSING: (Kind.RECEIVE, "缺少入库记录", "receipt not reported"),
    GapKind.RECEIPT_PENDING: (Kind.RECEIVE, "在途，尚未入库", "in transit, not received yet"),
    GapKind.CONTENTS_UNKNOWN: (Kind.PACK, "包装内装关系未上传", "contents not reported"),
    GapKind.CONTENTS_INCOMPLETE: (
        Kind.PACK,
        "包装内装关系不完整",
        "contents reported in part only",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """One report that is missing.

    `owed_by` owes an event of kind `owes`; it is None where nobody can be named. `counterpart` is
    who the missing event leads from or to. `document` is the bill that the neighbouring report
    names. The missing event lies between `after` and `before`, either of which may be open.
    """

    kind: GapKind
    owes: Kind
    owed_by: str | None
    counterpart: str | None
    document: str | None
    after_event_id: UUID | None
    after_time: datetime | None
    before_event_id: UUID | None
    before_time: datetime | None
    title_zh: str
    title_en: str


_MOVES: Final = USES | {
    Kind.SHIP,
    Kind.RECEIVE,
    Kind.ADJUST,
    Kind.QUARANTINE,
    Kind.RELEASE,
    Kind.SAMPLE,
    Kind.DESTROY,
}
"""Kinds that say where goods are. A refusal answers a shipment as well as a receipt does."""


def find_gaps(trace_code: str, ledger: Ledger, links: Sequence[Link]) -> list[Gap]:
    """Return the gaps of a code in the order of its events; `links` are its effective history."""
    if not links:
        return []
    explained = _explained(ledger, trace_code, links)
    found = list(_activation(trace_code, ledger, links))
    found += _contents(trace_code, ledger, links)
    for number, link in enumerate(links):
        one = link.step
        if (one.trace_code, one.event.digest) not in explained:
            found += _before(one, links[number - 1].step.event if number else None, links)
    found += _pending(ledger.effective_now(trace_code).possession, links)
    return found


def _explained(ledger: Ledger, trace_code: str, links: Sequence[Link]) -> set[tuple[str, bytes]]:
    """Return the events whose missing counterpart came dated later, and those counterparts."""
    met = [
        one
        for code in {trace_code, *(link.step.trace_code for link in links)}
        for one in ledger.steps(code)
        if one.met is not None
    ]
    return {(one.trace_code, one.event.digest) for one in met} | {
        (one.trace_code, one.met.raised_by) for one in met if one.met is not None
    }


def _activation(trace_code: str, ledger: Ledger, links: Sequence[Link]) -> Iterator[Gap]:
    """A code that moves must have been activated.

    Logistic units are not activated but packed, and opening stock was activated before anybody
    reported anything.
    """
    first = links[0].step
    is_born_packed = first.role is Role.PARENT
    is_opening = first.event.kind is Kind.ADJUST and first.event.reason == "opening"
    if (
        ledger.state(trace_code).identity.activated_by is not None
        or scheme_of(trace_code) is CodeScheme.SSCC
        or is_born_packed
        or is_opening
    ):
        return
    event = first.event
    owed_by = None
    if event.kind in {Kind.SHIP, Kind.PACK}:
        owed_by = shipper_of(event)
    elif event.kind is Kind.RECEIVE:
        owed_by = event.from_party
    yield _gap(GapKind.ACTIVATION_MISSING, owed_by=owed_by, before=event)


def _contents(trace_code: str, ledger: Ledger, links: Sequence[Link]) -> Iterator[Gap]:
    """A logistic unit must be known to hold something, and as much as its label declares."""
    packs = [
        one.event
        for one in ledger.steps(trace_code)
        if one.role is Role.PARENT and one.event.kind is Kind.PACK
    ]
    moves = [link.step.event for link in links if link.step.event.kind in _MOVES]
    if not packs and moves and scheme_of(trace_code) is CodeScheme.SSCC:
        yield _gap(GapKind.CONTENTS_UNKNOWN, owed_by=shipper_of(moves[0]), before=moves[0])
    declared = [
        event.declared_count
        for event in packs
        if event.declared_count is not None and event.reason not in PARTIAL
    ]
    if declared and max(declared) > sum(event.scan_count - 1 for event in packs):
        yield _gap(GapKind.CONTENTS_INCOMPLETE, owed_by=packs[-1].actor, after=packs[-1])


def _before(one: Step, previous: TraceEvent | None, links: Sequence[Link]) -> Iterator[Gap]:
    """Yield what is missing between the previous event and this one."""
    where, event = one.before.possession, one.event
    if one.role is not Role.OBJECT or event.kind not in _MOVES or where.status in TERMINAL:
        return
    if where.status is Status.IN_TRANSIT:
        yield from _not_arrived(where, event, links)
    elif expects_shipment(event):
        if event.from_party != receiver_of(event):
            yield _gap(
                GapKind.SHIPMENT_MISSING,
                owed_by=event.from_party,
                counterpart=receiver_of(event),
                document=event.document_number,
                after=previous,
                before=event,
            )
    elif where.holder is not None and event.kind is not Kind.RECEIVE:
        yield from _not_handed_over(where, event, previous)


def _not_arrived(where: Possession, event: TraceEvent, links: Sequence[Link]) -> Iterator[Gap]:
    """Goods under way turn up: right with a receipt of the consignee or of the sender itself."""
    consignees = {where.sent_to, where.sent_owner} - {None}
    here = _place_of(event)
    is_received = event.kind is Kind.RECEIVE and bool({here, event.owner} & consignees)
    # A sender who has the goods again, or ships them again, never let them go.
    if is_received or here == where.sent_from or not consignees:
        return
    shipment = next((x.step.event for x in links if x.step.event.digest == where.moved_by), None)
    yield _gap(
        GapKind.RECEIPT_MISSING,
        owed_by=where.sent_to,
        counterpart=where.sent_from,
        document=where.sent_document,
        after=shipment,
        before=event,
    )
    if here in consignees:
        return
    if event.kind is not Kind.RECEIVE:
        yield _gap(GapKind.RECEIPT_MISSING, owed_by=here, after=shipment, before=event)
    elif event.from_party not in (None, where.sent_from):
        yield _gap(
            GapKind.SHIPMENT_MISSING,
            owed_by=event.from_party,
            counterpart=here,
            document=event.document_number,
            after=shipment,
            before=event,
        )


def _not_handed_over(
    where: Possession, event: TraceEvent, previous: TraceEvent | None
) -> Iterator[Gap]:
    """Goods that stand with one party are moved or used by another: neither side reported it."""
    here = _place_of(event)
    speaks_for = {event.actor, here, event.owner}
    if where.holder in speaks_for:
        return
    yield _gap(
        GapKind.SHIPMENT_MISSING,
        owed_by=where.holder,
        counterpart=here,
        after=previous,
        before=event,
    )
    yield _gap(
        GapKind.RECEIPT_MISSING,
        owed_by=here,
        counterpart=where.holder,
        after=previous,
        before=event,
    )


def _pending(where: Possession, links: Sequence[Link]) -> Iterator[Gap]:
    if where.status is not Status.IN_TRANSIT:
        return
    shipment = next((x.step.event for x in links if x.step.event.digest == where.moved_by), None)
    yield _gap(
        GapKind.RECEIPT_PENDING,
        owed_by=where.sent_to,
        counterpart=where.sent_from,
        document=where.sent_document,
        after=shipment,
    )


def _place_of(event: TraceEvent) -> str:
    """Return the party at whose place the goods are when the event happens."""
    match event.kind:
        case Kind.SHIP:
            return shipper_of(event)
        case Kind.RECEIVE:
            return receiver_of(event)
        case _:
            return event.actor


def _gap(
    kind: GapKind,
    *,
    owed_by: str | None,
    counterpart: str | None = None,
    document: str | None = None,
    after: TraceEvent | None = None,
    before: TraceEvent | None = None,
) -> Gap:
    owes, title_zh, title_en = _TEXTS[kind]
    return Gap(
        kind=kind,
        owes=owes,
        owed_by=owed_by,
        counterpart=counterpart,
        document=document,
        after_event_id=None if after is None else after.event_id,
        after_time=None if after is None else after.event_time,
        before_event_id=None if before is None else before.event_id,
        before_time=None if before is None else before.event_time,
        title_zh=title_zh,
        title_en=title_en,
    )
